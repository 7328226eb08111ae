"""Proves: SIGHUP takes up what can change, says what cannot, and a broken file changes nothing."""

import json
import signal

import pytest

from harness.deadline import eventually


class Configured:
    """A server with a file that can be written anew and reloaded."""

    def __init__(self, stage, text, *options, **where):
        self.file = stage.home / "wsserve.toml"
        self.write(text)
        self.server = stage.server("--config", str(self.file), *options, **where)
        self._reloads = 0

    def write(self, text):
        self.file.write_text(text, encoding="utf-8")

    def reload(self, text):
        """Returns once the server has taken it up."""
        self.write(text)
        self._reloads += 1
        self.server.process.signal(signal.SIGHUP)
        self.server.process.wait_for_stderr(rf"(?s)(wsserve: reloaded [^\n]*\n.*){{{self._reloads}}}")

    @property
    def log(self):
        return self.server.log


@pytest.fixture
def configured(stage):
    return lambda text, *options, **where: Configured(stage, text, *options, **where)


def events_held(client, channel):
    return len(client.command("history", channel=channel, limit=1000)["data"]["events"])


def test_a_rule_takes_effect_on_a_channel_that_exists(configured):
    running = configured("history = 100\n")
    with running.server.client() as client:
        for number in range(20):
            client.publish("m/a", {"id": number})
        assert events_held(client, "m/a") == 20
        running.reload('history = 100\n[[channel]]\npattern = "m/*"\nhistory = 5\nkey = "id"\n')
        assert "1 rule (changed), no value changed" in running.log
        assert events_held(client, "m/a") == 5
        client.subscribe("m/a")
        client.publish("m/a", {"id": 20})
        assert client.take_events(1)[0].key == "20"
        assert client.command("history", channel="m/a")["data"]["offset"] == 21, "the same channel"


def test_limits_change_and_are_named(configured):
    running = configured('max-channels = 2\nmax-message = "1KiB"\n')
    with running.server.client() as old:
        old.subscribe("a", "b")
        assert old.error("subscribe", channels=["c"])["code"] == "TOO_MANY_CHANNELS"
        running.reload('max-channels = 3\nmax-message = "2KiB"\nmax-connections = 2\n')
        assert "3 values changed" in running.log
        assert 'max-channels 2 -> 3' in running.log and 'max-message "1KiB" -> "2KiB"' in running.log
        old.subscribe("c")
        assert old.connected["max_message_bytes"] == 1024
        with running.server.client() as new:
            assert new.connected["max_message_bytes"] == 2048
            new.publish("a", "x" * 1500)
            with running.server.open() as third:
                assert third.read_close()[0] == 1013
        old.send(action="publish", channel="a", type="t", data="x" * 1500)
        old.events_until_closed(1009)


def test_what_waits_for_a_restart_is_said(configured):
    running = configured('listen = "127.0.0.1:0"\nthreads = 2\n', listen=None)
    running.reload('listen = "127.0.0.1:1"\nthreads = 3\nhistory = 7\n')
    running.server.process.wait_for_stderr("threads = 3 waits for a restart; until then it is 2")
    assert 'listen = ["127.0.0.1:1"] waits for a restart; until then it is ["127.0.0.1:0"]' in running.log
    assert "1 value changed: history 1000 -> 7" in running.log
    with running.server.client() as client:
        client.still_works()


def test_the_age_at_which_channels_are_forgotten_changes(configured):
    running = configured("history = 0\ndedup-ids = 0\n")
    with running.server.client() as client:
        client.publish("a", 1)
    assert running.server.stats()["channels"] == 1
    running.reload('history = 0\ndedup-ids = 0\nchannel-ttl = "1s"\n')
    assert '1 value changed: channel-ttl "1d" -> "1s"' in running.log
    assert "waits for a restart" not in running.log
    eventually(lambda: running.server.stats()["channels_forgotten"] == 1, "the channel to be forgotten")


def test_a_broken_file_changes_nothing_and_is_named(configured):
    running = configured("history = 10\n")
    with running.server.client() as client:
        for number in range(20):
            client.publish("a", number)
        running.write('history = 5\n[[channel]]\npattern = "a*"\n[limits]\nqueue-limit = "x"\n')
        running.server.process.signal(signal.SIGHUP)
        running.server.process.wait_for_stderr("nothing was reloaded")
        assert f"{running.file}:3:11: pattern: " in running.log
        assert f"{running.file}:5:15: queue-limit: " in running.log
        assert events_held(client, "a") == 10
        running.file.unlink()
        running.server.process.signal(signal.SIGHUP)
        running.server.process.wait_for_stderr("(?s)(nothing was reloaded.*){2}")
        assert f"cannot read {running.file}" in running.log
        running.reload("history = 5\n")
        assert events_held(client, "a") == 5


def test_a_flag_stays_before_the_file(configured):
    running = configured("history = 3\n", "--history", "4")
    running.reload("history = 5\n")
    assert "no value changed" in running.log
    with running.server.client() as client:
        for number in range(20):
            client.publish("a", number)
        assert events_held(client, "a") == 4


def test_a_channel_that_becomes_lossless_keeps_its_order(configured):
    latest = 'queue-limit = "4MiB"\n[[channel]]\npattern = "a"\ndelivery = "latest"\nkey = "k"\n'
    running = configured(latest)
    server = running.server
    slow, publisher = server.client(receive_buffer=4096), server.client()
    slow.subscribe("a")
    published = 0
    while server.stats()["merged"] < 20 and published < 5000:
        for key in range(3):
            publisher.publish("a", {"k": key, "fill": "x" * 20_000})
            published += 1
    assert server.stats()["merged"] >= 20
    running.reload(latest.replace("latest", "lossless"))
    merged = server.stats()["merged"]
    for number in range(50):
        publisher.publish("a", {"k": number % 3})
        published += 1
    offsets, stood_for = [], 0
    while stood_for < published:
        event = slow.take_events(1)[0]
        offsets.append(event.offset)
        stood_for += 1 + json.loads(event.text).get("merged", 0)
    assert offsets == sorted(offsets), "what had waited goes first"
    assert offsets[-50:] == list(range(published - 49, published + 1)), "nothing is passed over any more"
    assert server.stats()["merged"] == merged and server.stats()["closed_slow"] == 0


def test_without_a_file_there_is_nothing_to_change(stage):
    server = stage.server()
    server.process.signal(signal.SIGHUP)
    server.process.wait_for_stderr("reloaded no configuration file: 0 rules, no value changed")
    with server.client() as client:
        client.still_works()
