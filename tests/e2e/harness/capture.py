"""The captured Coinbase feed as its events: 31 seconds of a real market, bytes as the exchange sent them."""

import collections
import gzip
import json
import pathlib

PATH = pathlib.Path(__file__).parents[3] / "examples" / "data" / "coinbase-2021-04-17.jsonl.gz"
EVENTS, CHANNELS = 9943, 10

CapturedEvent = collections.namedtuple("CapturedEvent", "channel type data")


def messages():
    """Every message of the capture, as the bytes that it is."""
    with gzip.open(PATH, "rb") as lines:
        for line in lines:
            _, found, message = line.rstrip(b"\n").partition(b',"message":')
            assert found and message.endswith(b"}")
            yield message[:-1]


def events():
    """Those that belong to a market: (channel, type, the message's own bytes)."""
    mapped = []
    for data in messages():
        message = json.loads(data)
        if "product_id" in message:
            mapped.append(CapturedEvent(f"market/{message['product_id']}", message["type"], data))
    assert len(mapped) == EVENTS and len({event.channel for event in mapped}) == CHANNELS
    return mapped


def by_channel(all_events):
    """{channel: [data, …]} in order."""
    sorted_out = collections.defaultdict(list)
    for event in all_events:
        sorted_out[event.channel].append(event.data)
    return dict(sorted_out)
