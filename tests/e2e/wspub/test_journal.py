"""Proves: with --journal the same command publishes each line once, however often it is killed."""

import json
import random
import re
import signal

from harness.deadline import eventually

LINES = 20_000


def text(numbers):
    return b"".join(b"%d\n" % number for number in numbers)


def published(server, count, channel="a"):
    with server.client() as reader:
        there = reader.subscribe(channel, since="start")["channels"][0]["offset"]
        assert there == count, f"{there} of {count} events"
        return [int(event.data) for event in reader.wait_for_events(count)]


def server_for(stage):
    return stage.server("--queue-limit", "64MiB", "--history", 2 * LINES)


def duplicates(run):
    told = re.search(r"\((\d+) duplicates\)", run.stderr)
    return int(told[1]) if told else 0


def kill_again_and_again(server, start, feed):
    """Kills wspub at one place of its input after the other, and returns the run that comes to its end."""
    dice = random.Random(1)
    kills = before = 0
    while before < LINES * 3 // 4:
        # Slowly, so that it does not run away between two looks at the server.
        pub = start("--rate", "10k")
        feed(pub)
        goal = before + dice.randrange(200, 2000)
        eventually(lambda: server.stats()["published"] >= goal, f"{goal} events")
        pub.signal(signal.SIGKILL)
        pub.wait()
        kills += 1
        before = server.stats()["published"]
    assert kills >= 5
    pub = start()
    feed(pub)
    assert pub.wait() == 0, pub.stderr
    return pub


def test_a_file_whose_publisher_is_killed_is_published_once(stage, tmp_path):
    server = server_for(stage)
    lines = tmp_path / "lines"
    lines.write_bytes(text(range(LINES)))

    def start(*options):
        journal = str(tmp_path / "journal")
        return stage.tool("wspub", "-u", server.url, *options, "--journal", journal, "a", str(lines))

    last = kill_again_and_again(server, start, lambda pub: None)
    assert published(server, LINES) == list(range(LINES))
    assert "have been published before" in last.stderr


def test_stdin_that_is_sent_again_is_published_once(stage, tmp_path):
    server = server_for(stage)

    def start(*options):
        return stage.tool("wspub", "-u", server.url, *options, "--journal", str(tmp_path / "journal"), "a")

    kill_again_and_again(server, start, lambda pub: pub.feed(text(range(LINES))))
    assert published(server, LINES) == list(range(LINES))


def test_what_was_published_and_not_written_down_is_known_to_the_server(stage, tmp_path):
    """The journal is put back to its beginning, as if no write of it had reached the disk."""
    server = server_for(stage)
    journal = tmp_path / "journal"
    stage.run("wspub", "-u", server.url, "--journal", str(journal), "a", stdin=b"")
    new = journal.read_bytes()
    first = stage.run("wspub", "-u", server.url, "--journal", str(journal), "a", stdin=text(range(5000)))
    assert first.code == 0 and duplicates(first) == 0
    journal.write_bytes(new)
    again = stage.run("wspub", "-u", server.url, "--journal", str(journal), "a", stdin=text(range(5001)))
    assert again.code == 0 and duplicates(again) == 5000, again.stderr
    assert published(server, 5001) == list(range(5001))


def test_a_torn_journal_is_recovered(stage, tmp_path):
    server = server_for(stage)
    journal = tmp_path / "journal"
    for count in (1000, 2000, 3000):
        stage.run("wspub", "-u", server.url, "--journal", str(journal), "a", stdin=text(range(count)))
    content = bytearray(journal.read_bytes())
    half = len(content) // 2
    slots = [json.loads(content[:half]), json.loads(content[half:])]
    newest = max(range(2), key=lambda slot: slots[slot]["sequence"])
    content[newest * half + 40 : newest * half + 140] = b"#" * 100
    journal.write_bytes(content)
    run = stage.run("wspub", "-u", server.url, "--journal", str(journal), "a", stdin=text(range(4000)))
    assert run.code == 0, run.stderr
    assert published(server, 4000) == list(range(4000))


def test_a_journal_that_is_destroyed_or_foreign_is_refused(stage, server, tmp_path):
    journal = tmp_path / "journal"
    journal.write_bytes(b"not a journal\n")
    run = stage.run("wspub", "-u", server.url, "--journal", str(journal), "a", stdin=b"1\n")
    assert run.code == 8
    assert "no journal of wspub" in run.stderr and "remove this one" in run.stderr
    assert server.stats()["published"] == 0


def test_another_input_is_an_error_and_publishes_nothing(stage, server, tmp_path):
    journal = str(tmp_path / "journal")
    stage.run("wspub", "-u", server.url, "--journal", journal, "a", stdin=text(range(100)))
    for other in (text(range(1, 200)), text(range(99))):
        run = stage.run("wspub", "-u", server.url, "--journal", journal, "a", stdin=other)
        assert run.code == 8
        assert "this is not the input of the journal" in run.stderr
    assert server.stats()["published"] == 100


def test_a_second_wspub_cannot_have_the_same_journal(stage, server, tmp_path):
    journal = str(tmp_path / "journal")
    first = stage.tool("wspub", "-u", server.url, "--journal", journal, "a")
    first.write(b"1\n")
    eventually(lambda: server.stats()["published"] == 1, "the first has begun")
    second = stage.run("wspub", "-u", server.url, "--journal", journal, "a", stdin=b"1\n")
    assert second.code == 8
    assert "in use by another wspub" in second.stderr
    first.close_stdin()
    assert first.wait() == 0, first.stderr
    third = stage.run("wspub", "-u", server.url, "--journal", journal, "a", stdin=b"1\n2\n")
    assert third.code == 0, third.stderr
    assert published(server, 2) == [1, 2]


def test_a_signal_leaves_the_journal_at_what_was_acknowledged(stage, server, tmp_path):
    journal = str(tmp_path / "journal")
    first = stage.tool("wspub", "-u", server.url, "--journal", journal, "a")
    first.write(b"0\n1\n2\n")
    eventually(lambda: server.stats()["published"] == 3, "the lines")
    first.signal(signal.SIGTERM)
    assert first.wait() == -signal.SIGTERM
    second = stage.run("wspub", "-u", server.url, "--journal", journal, "a", stdin=text(range(10)))
    assert "the first 3 lines have been published before" in second.stderr
    assert duplicates(second) == 0
    assert published(server, 10) == list(range(10))
