"""Proves: stdout has records alone: receipts, a copy of the input, or what would be sent."""

import json
import signal
import time

from harness.deadline import eventually

LINES = b'{"n":1}\n{"n": 2, "x":1.50}\n"three"\n'


def test_receipts_tell_what_became_of_each_line(stage):
    server = stage.server()
    with server.client() as other:
        epoch = other.publish("a", "before")["epoch"]
    run = stage.run("wspub", "-u", server.url, "--receipts", "a", stdin=LINES)
    assert run.code == 0, run.stderr
    receipts = [json.loads(line) for line in run.stdout.splitlines()]
    assert [receipt["line"] for receipt in receipts] == [1, 2, 3]
    assert [receipt["offset"] for receipt in receipts] == [2, 3, 4]
    assert {(receipt["channel"], receipt["epoch"]) for receipt in receipts} == {("a", epoch)}


def test_the_input_is_copied_as_it_is(stage):
    server = stage.server()
    run = stage.run("wspub", "-u", server.url, "--tee", "a", stdin=LINES)
    assert run.code == 0 and run.stdout == LINES


def test_a_dry_run_shows_the_events_and_needs_no_server(stage):
    run = stage.run(
        "wspub", "-u", stage.reserve_port().url, "--dry-run", "-t", "trade", "m/{n}", stdin=b'{"n":1.50}\n'
    )
    assert run.code == 0, run.stderr
    event = json.loads(run.stdout)
    assert (event["channel"], event["type"]) == ("m/1.50", "trade") and b'"data":{"n":1.50}' in run.stdout


def test_a_dead_reader_of_what_it_prints_costs_no_line(stage):
    server = stage.server()
    shell = stage.shell(
        f"seq 5000 | wspub -u {server.url} --receipts a | head -1 > /dev/null; echo ${{PIPESTATUS[1]}}"
    )
    assert shell.wait() == 0
    assert shell.stdout == b"0\n", shell.stderr
    assert server.stats()["published"] == 5000, shell.stderr


def test_no_more_than_the_rate_is_published(stage):
    server = stage.server()
    before = time.monotonic()
    run = stage.run("wspub", "-u", server.url, "--rate", "50", "a", stdin=b"1\n" * 26)
    assert run.code == 0, run.stderr
    assert time.monotonic() - before >= 0.49, "26 lines at 50 a second need half a second"
    assert server.stats()["published"] == 26


def test_statistics_come_when_asked_for(stage):
    server = stage.server()
    pub = stage.tool("wspub", "-u", server.url, "-q", "a")
    pub.write(b"1\n2\n")
    eventually(lambda: server.stats()["published"] == 2, "two lines")
    pub.signal(signal.SIGUSR1)
    pub.wait_for_stderr("wspub: .*2")
    pub.close_stdin()
    assert pub.wait() == 0 and pub.stderr.count("\n") == 1

    pub = stage.tool("wspub", "-u", server.url, "-q", "--stats=100ms", "a")
    pub.wait_for_stderr("(?s)wspub: .*\n.*wspub: .*\n")
    pub.close_stdin()
    assert pub.wait() == 0
