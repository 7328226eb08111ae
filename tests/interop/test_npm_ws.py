"""Proves: npm's `ws` works with wsserve, plain and under every agreement on permessage-deflate."""

import json
import pathlib
import re

import pytest

HERE = pathlib.Path(__file__).parent
SCRIPT = HERE / "ws_scenarios.mjs"
SCENARIOS = re.findall(r"^  async (\w+)\(\)", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
# So that what is too long is also short: it is written before the server's patience ends.
SERVED = {"is_closed_for_what_it_does_wrong": ["--max-message", "1KiB"]}
PLAIN = {"perMessageDeflate": False}
COMPRESSED = {"perMessageDeflate": {"threshold": 0}}
VARIANTS = [
    {"clientNoContextTakeover": True, "serverNoContextTakeover": True},
    {"serverNoContextTakeover": True, "serverMaxWindowBits": 9},
    {"clientMaxWindowBits": 9, "serverMaxWindowBits": 15},
    {"clientMaxWindowBits": 15, "zlibDeflateOptions": {"level": 9}},
    {"zlibDeflateOptions": {"level": 0}},
    {"zlibDeflateOptions": {"level": 1, "memLevel": 1}},
]


def node(stage, modules, server, scenario, options):
    env = stage.env(WSKIT_NODE_MODULES=modules)
    return stage.process(["node", SCRIPT, scenario, server.url, json.dumps(options)], env=env)


def holds(process):
    assert process.wait() == 0, process.stderr


@pytest.mark.parametrize("options", [PLAIN, COMPRESSED], ids=["plain", "compressed"])
@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "hears_when_to_come_back"])
def test_scenario(stage, modules, scenario, options):
    server = stage.server("--echo", *SERVED.get(scenario, []))
    holds(node(stage, modules, server, scenario, options))


def grows(stage, modules, server, **agreement):
    for scenario in ("keeps_growing_messages_whole", "keeps_growing_events_whole"):
        holds(node(stage, modules, server, scenario, {"perMessageDeflate": {"threshold": 0, **agreement}}))


@pytest.mark.parametrize("variant", VARIANTS, ids=json.dumps)
def test_growing_messages_under_every_agreement(stage, modules, variant):
    grows(stage, modules, stage.server("--echo"), **variant)


@pytest.mark.parametrize("bits", [9, 15])
def test_growing_messages_with_the_windows_kept_on_both_sides(stage, modules, bits):
    """With `false` for either, `ws` insists on a window that outlives the message."""
    server = stage.server("--echo", "--server-context-takeover", "--client-context-takeover")
    kept = {"clientNoContextTakeover": False, "serverNoContextTakeover": False}
    grows(stage, modules, server, **kept, serverMaxWindowBits=bits, clientMaxWindowBits=bits)


def test_hears_when_to_come_back(stage, modules):
    server = stage.server()
    client = node(stage, modules, server, "hears_when_to_come_back", COMPRESSED)
    client.wait_for_lines(1)
    server.stop()
    holds(client)


def test_plain_and_compressed_clients_share_a_channel(stage, modules):
    """The same events reach a compressing subscriber of npm's and a plain one of ours."""
    server = stage.server("--echo")
    with server.client("/ws/market/*") as plain:
        holds(node(stage, modules, server, "gets_many_events_in_order", COMPRESSED))
        assert [event.data for event in plain.wait_for_events(3000)] == [
            str(number) for number in range(3000)
        ]
