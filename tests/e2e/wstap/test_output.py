"""Proves: what wstap prints is the record alone, in the form asked for, and colours appear only where they may."""

import json
import re

ESCAPE = b"\x1b"
KNOWN = [
    ("trade", {"price": 150.25, "symbol": "AAPL", "side": "buy", "quantity": 10}),
    ("candle", {"open": 1.1, "high": 1.2, "low": 1.0, "close": 1.15}),
    ("progress", {"percent": 42.5}),
    ("error", {"message": "it broke"}),
    ("anything.else", {"z": 1, "a": [1, 2, {"b": None}]}),
    ("text", "two\nlines and a tab\t and an escape \u001b[31m"),
    ("nothing", None),
]


def tapped(stage, server, *options, env=None, terminal=False):
    tap = stage.tool("wstap", "-u", server.url, *options, "-n", len(KNOWN), "a", env=env, terminal=terminal)
    server.wait_for_subscriptions(1)
    with server.client() as publisher:
        for kind, data in KNOWN:
            publisher.publish("a", data, type=kind)
    assert tap.wait() == 0, tap.stderr
    server.wait_for_connections(0)
    return tap


def test_json_is_the_event_as_it_came(stage):
    server = stage.server()
    with server.client("/ws/a") as client:
        tap = stage.tool("wstap", "-u", server.url, "-o", "json", "-n", "1", "a")
        server.wait_for_subscriptions(2)
        client.publish_text("a", '{"z":1.10,"a":12345678901234567890}')
        assert tap.wait() == 0
        assert tap.stdout.decode() == client.take_events(1)[0].text + "\n"


def test_what_comes_in_cbor_is_printed_byte_for_byte_as_in_json(stage):
    server = stage.server()
    values = ['{"z":1.10,"a":12345678901234567890}', "-0.0", '"\\ud83d lone"', "[ 1 ]", "{}"]
    with server.client() as client:
        for value in values[:3]:
            client.publish_text("a", value)
        taps = [
            stage.tool("wstap", "-u", server.url, "-o", "json", "--from", "start", "-n", len(values), "a", *wire)
            for wire in ((), ("--wire", "cbor"))
        ]
        server.wait_for_subscriptions(2)
        for value in values[3:]:
            client.publish_text("a", value)
    assert [tap.wait() for tap in taps] == [0, 0], taps[1].stderr
    assert taps[1].stdout == taps[0].stdout
    assert [line.split(',"data":')[1] for line in taps[1].stdout.decode().splitlines()] == [v + "}" for v in values]


def test_a_pipe_gets_json_lines_without_being_asked(stage):
    tap = tapped(stage, stage.server())
    assert [json.loads(line)["type"] for line in tap.stdout.splitlines()] == [kind for kind, _ in KNOWN]


def test_notices_are_lines_of_stderr_under_its_name(stage):
    tap = tapped(stage, stage.server(), "-v")
    lines = tap.stderr.splitlines()
    assert any(line.startswith("wstap: connected to ") for line in lines), tap.stderr
    assert all(line.startswith("wstap: ") or " info wstap: " in line for line in lines), tap.stderr
    # U18, U12: where nobody watches, it says no more on success than what it was.
    summary = tapped(stage, stage.server()).stderr
    assert re.fullmatch(rf"wstap: {len(KNOWN)} events of 1 channel in \d+\.\d s\n", summary), summary
    assert tapped(stage, stage.server(), "-q").stderr == ""


def test_no_escape_byte_where_nobody_asked_for_colour(stage):
    server = stage.server()
    for options, overrides, terminal in (
        (["-o", "pretty"], {}, False),
        (["-o", "json"], {}, False),
        ([], {"NO_COLOR": "1"}, True),
        ([], {"TERM": "dumb"}, True),
        (["--color", "never"], {}, True),
    ):
        tap = tapped(stage, server, *options, env=stage.env(**overrides), terminal=terminal)
        assert ESCAPE not in tap.stdout, (options, overrides, tap.stdout)
        assert ESCAPE.decode() not in tap.stderr
        assert tap.stdout


def test_colour_on_a_terminal_or_where_it_is_asked_for(stage):
    server = stage.server()
    assert ESCAPE in tapped(stage, server, terminal=True).stdout
    assert ESCAPE in tapped(stage, server, "-o", "pretty", "--color", "always").stdout
    asked = tapped(stage, server, "-o", "pretty", "--color", "always", env=stage.env(NO_COLOR="1"))
    assert ESCAPE in asked.stdout, "the option beats the environment"


def test_pretty_is_a_line_an_event(stage):
    tap = tapped(stage, stage.server(), "-o", "pretty")
    lines = tap.stdout.decode().splitlines()
    assert len(lines) == len(KNOWN), lines
    assert "AAPL" in lines[0] and "150.25" in lines[0]


def test_a_terminal_is_never_told_what_an_event_wants_it_to(stage):
    """An escape sequence inside an event does not reach the terminal."""
    tap = tapped(stage, stage.server(), "--color", "never", terminal=True)
    assert ESCAPE not in tap.stdout
