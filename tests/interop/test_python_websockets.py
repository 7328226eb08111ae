"""Proves: Debian's python3-websockets works with wsserve, plain and with every agreement on permessage-deflate."""

import asyncio
import json
import os
import random

import pytest
from harness.deadline import DEADLINE, SLOW

websockets = pytest.importorskip("websockets")
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory as Deflate  # noqa: E402

AGREEMENTS = {
    "plain": None,
    "default": Deflate(),
    "no context": Deflate(server_no_context_takeover=True, client_no_context_takeover=True),
    "server window 9": Deflate(server_max_window_bits=9),
    "server window 15": Deflate(server_max_window_bits=15),  # H2
    "client window 9": Deflate(client_max_window_bits=9),
    "client window of the server's choice": Deflate(client_max_window_bits=True),
    "small windows, no context": Deflate(True, True, 10, 10),
}
WORDS = "order book bid ask price trade volume snapshot level2 é 漢字 😀".split()


def text_of(size, seed):
    source = random.Random(seed)
    return " ".join(f"{source.choice(WORDS)}{source.randrange(1000)}" for _ in range(size // 8 + 1))[:size]


def connect(server, path, agreement):
    return websockets.connect(
        server.url + path,
        extensions=[AGREEMENTS[agreement]] if AGREEMENTS[agreement] else None,
        compression=None,
        max_size=None,
        open_timeout=DEADLINE,
        close_timeout=DEADLINE,
    )


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario, 4 * DEADLINE))


async def next_event(socket):
    """The next message that is an event; control messages are passed over."""
    while "offset" not in (message := json.loads(await socket.recv())):
        pass
    return message


async def reply_to(socket, **command):
    await socket.send(json.dumps(command))
    return json.loads(await socket.recv())


@pytest.fixture
def server(stage):
    return stage.server("--echo")


@pytest.mark.parametrize("agreement", AGREEMENTS)
def test_growing_messages_come_back_whole(server, agreement):
    async def scenario():
        async with connect(server, "/echo", agreement) as socket:
            assert bool(socket.extensions) == (AGREEMENTS[agreement] is not None)
            size = 0
            while size < 1_500_000:
                for sent in (text_of(size, size), text_of(size, 1), os.urandom(size), "x" * size):
                    await socket.send(sent)
                    assert await socket.recv() == sent, size
                size = int(size * 1.4) + 3

    run(scenario())


@pytest.mark.parametrize("agreement", AGREEMENTS)
def test_growing_events_arrive_whole(server, agreement):
    async def scenario():
        async with connect(server, "/ws", agreement) as publisher, connect(
            server, "/ws/a", agreement
        ) as subscriber:
            assert json.loads(await publisher.recv())["type"] == "connected"
            size, offset = 1, 0
            while size < 700_000:
                offset += 1
                data = {"text": text_of(size, size)}
                reply = await reply_to(
                    publisher, action="publish", channel="a", type="t", data=data, id=offset
                )
                assert (reply["type"], reply["id"], reply["data"]["offset"]) == ("published", offset, offset)
                event = await next_event(subscriber)
                assert (event["offset"], event["data"]) == (offset, data)
                size = int(size * 1.5) + 3

    run(scenario())


@pytest.mark.parametrize("agreement", ["plain", "default"])
def test_large_and_fragmented_messages(server, agreement):
    async def scenario():
        async with connect(server, "/echo", agreement) as socket:
            sent = os.urandom(16 << 20)
            await socket.send(sent)
            assert await socket.recv() == sent
            parts = [text_of(5000, seed) for seed in range(100)]
            await socket.send(parts)
            assert await socket.recv() == "".join(parts)

    run(scenario())


@pytest.mark.parametrize("agreement", ["plain", "default"])
def test_many_events_in_order(server, agreement):
    async def scenario():
        async with connect(server, "/ws", agreement) as publisher, connect(
            server, "/ws/m/*", agreement
        ) as subscriber:
            for number in range(3000):
                await publisher.send(
                    json.dumps({"action": "publish", "channel": "m/x", "type": "t", "data": number})
                )
            for number in range(3000):
                assert (await next_event(subscriber))["data"] == number

    run(scenario())


def test_ping_and_close(server):
    async def scenario():
        for code in (1000, 1001, 1008, 1011, 3000, 4000, 4999):
            async with connect(server, "/echo", "default") as socket:
                await (await socket.ping(b"payload"))
                await socket.close(code, "because")
                assert socket.close_code == code

    run(scenario())


def test_its_own_keepalive_is_content(stage):
    server = stage.server("--heartbeat", f"{2 * SLOW}s")

    async def scenario():
        async with websockets.connect(server.url + "/ws", ping_interval=0.1, ping_timeout=DEADLINE) as socket:
            beats = 0
            while beats < 2:
                beats += json.loads(await socket.recv())["type"] == "heartbeat"

    run(scenario())


def test_hears_when_to_come_back(server):
    async def scenario():
        async with connect(server, "/ws", "default") as socket:
            await socket.recv()
            stopping = asyncio.get_running_loop().run_in_executor(None, server.stop)
            with pytest.raises(websockets.ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 1001 and socket.close_reason.startswith("reconnect after ")
            await stopping

    run(scenario())


def test_a_refused_upgrade_has_its_status(server):
    async def scenario():
        with pytest.raises(websockets.InvalidStatusCode) as refused:
            await connect(server, "/nothing", "plain")
        assert refused.value.status_code == 404

    run(scenario())


def test_the_subprotocol_is_agreed_on(server):
    async def scenario():
        async with websockets.connect(server.url + "/ws", subprotocols=["x", "wskit.v1.json"]) as socket:
            assert socket.subprotocol == "wskit.v1.json"

    run(scenario())
