"""Proves: the whole Coinbase capture passes wspub, wsserve and wstap byte for byte, in order, none lost."""

import json

import pytest
from harness import capture


def channel_of(data):
    return f"market/{json.loads(data)['product_id']}"


def as_envelopes(events):
    """`{"channel","type","data"}` a line, as the jq mapping of the data's description writes them."""
    return [], b"".join(
        b'{"channel":"%s","type":"%s","data":%s}\n'
        % (event.channel.encode(), event.type.encode(), event.data)
        for event in events
    )


def as_messages(events):
    """The exchange's own messages, routed by a template over their fields."""
    return ["--type-from", "type", "market/{product_id}"], b"".join(event.data + b"\n" for event in events)


@pytest.mark.parametrize("mapping", [as_envelopes, as_messages])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("wire", [[], ["--compress"]], ids=["plain", "compressed"])
def test_every_message_arrives_as_it_was_sent(stage, mapping, threads, wire):
    server = stage.server("--threads", threads, "--queue-limit", "64MiB")
    events = capture.events()
    options, lines = mapping(events)

    tap = stage.tool("wstap", "-u", server.url, *wire, "-o", "data", "-n", len(events), "market/*")
    server.wait_for_subscriptions(1)
    published = stage.run("wspub", "-u", server.url, *wire, *options, stdin=lines)
    assert published.code == 0, published.stderr
    assert tap.wait() == 0, tap.stderr

    printed = tap.stdout.split(b"\n")
    assert printed.pop() == b""
    received = capture.by_channel(
        capture.CapturedEvent(channel_of(data), json.loads(data)["type"], data) for data in printed
    )
    assert received == capture.by_channel(events)

    stats = server.stats()
    assert (stats["published"], stats["delivered"]) == (len(events), len(events))
    assert stats["dropped"] == stats["merged"] == 0


def test_the_types_and_offsets_are_those_of_the_feed(stage):
    server = stage.server()
    events = capture.events()
    tap = stage.tool("wstap", "-u", server.url, "-o", "json", "-n", len(events), "market/*")
    server.wait_for_subscriptions(1)
    options, lines = as_envelopes(events)
    assert stage.run("wspub", "-u", server.url, *options, stdin=lines).code == 0
    assert tap.wait() == 0, tap.stderr
    counted = {}
    expected = {channel: iter(data) for channel, data in capture.by_channel(events).items()}
    for line in tap.stdout.splitlines():
        event = json.loads(line)
        channel = event["channel"]
        counted[channel] = counted.get(channel, 0) + 1
        assert event["offset"] == counted[channel]
        assert event["type"] == event["data"]["type"]
        assert event["data"] == json.loads(next(expected[channel]))
    assert sum(counted.values()) == len(events)
