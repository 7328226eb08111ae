"""Proves: with --cursor a run goes on where the last one was written, whatever ended it."""

import json
import os
import random
import signal
import threading

from harness.deadline import eventually


def saved(path):
    return json.loads(path.read_text())["since"]["positions"]


def offset_in(path, channel):
    try:
        return saved(path).get(channel, {}).get("offset", 0)
    except (KeyError, FileNotFoundError):
        return 0


def tap(stage, server, cursor, *options):
    return stage.run("wstap", "-u", server.url, "-o", "data", "--cursor", cursor, *options)


def publish(server, channel, numbers):
    with server.client() as publisher:
        for number in numbers:
            publisher.publish(channel, number)


def test_goes_on_behind_the_last_record(stage, tmp_path):
    server = stage.server()
    cursor = tmp_path / "a.cur"
    publish(server, "a", range(5))
    assert tap(stage, server, cursor, "a", "--from", "start", "-n", "3").stdout == b"0\n1\n2\n"
    assert saved(cursor)["a"]["offset"] == 3
    assert tap(stage, server, cursor, "a", "--from", "start", "--end").stdout == b"3\n4\n"
    assert tap(stage, server, cursor, "a", "--from", "cursor", "--end").stdout == b""
    publish(server, "a", [5])
    assert tap(stage, server, cursor, "a", "--end").stdout == b"5\n"


def test_holds_a_position_before_the_first_event_comes(stage, tmp_path):
    server = stage.server()
    cursor = tmp_path / "a.cur"
    publish(server, "m/a", range(3))
    process = stage.tool("wstap", "-u", server.url, "--cursor", cursor, "m/*", "b")
    eventually(lambda: offset_in(cursor, "m/a") == 3, "the cursor is written")
    assert saved(cursor)["b"]["offset"] == 0
    process.signal(signal.SIGKILL)
    process.wait()
    publish(server, "m/a", [3])
    publish(server, "m/new", [0])
    publish(server, "b", [0])
    later = tap(stage, server, cursor, "m/*", "b", "--end")
    assert sorted(later.stdout.split()) == [b"0", b"0", b"3"], "channels that came to be meanwhile are whole"


def test_a_signal_saves_it(stage, tmp_path):
    server = stage.server()
    for number in (signal.SIGINT, signal.SIGTERM):
        cursor = tmp_path / f"{number}.cur"
        process = stage.tool(
            "wstap", "-u", server.url, "-o", "data", "--cursor", cursor, "a", "--from", "now"
        )
        server.wait_for_subscriptions(1)
        publish(server, "a", range(20))
        process.wait_for_lines(20)
        process.signal(number)
        assert process.wait() == -number
        publish(server, "a", ["next"])
        assert tap(stage, server, cursor, "a", "--end").stdout == b'"next"\n'
        server.wait_for_connections(0)


def test_a_reader_that_leaves_saves_it(stage, tmp_path):
    server = stage.server()
    cursor = tmp_path / "a.cur"
    publish(server, "a", range(50))
    shell = stage.shell(f"wstap -u {server.url} -o data --cursor {cursor} a --from start | head -n 10")
    assert shell.wait() == 0
    assert shell.stdout.count(b"\n") == 10
    assert 0 <= offset_in(cursor, "a") <= 50
    assert json.loads(cursor.read_text())["wskit"] == "cursor"


def test_killed_ten_times_it_leaves_no_hole_and_repeats_what_the_cursor_had_not_seen(stage, tmp_path):
    server = stage.server("--history", "1000000", "--queue-limit", "64MiB")
    cursor = tmp_path / "a.cur"
    enough = threading.Event()
    published = 0

    def flow():
        nonlocal published
        with server.client() as publisher:
            while not enough.is_set():
                for _ in range(50):
                    publisher.publish("m/a", published + 1)
                    published += 1
                enough.wait(0.01)

    flowing = threading.Thread(target=flow)
    flowing.start()
    source = random.Random(42)
    union, before = set(), 0
    try:
        for _ in range(10):
            tapping = stage.tool(
                "wstap", "-u", server.url, "-o", "data", "--cursor", cursor, "m/*", "--from", "start"
            )
            eventually(lambda: offset_in(cursor, "m/a") > before, "the cursor moves on")
            tapping.wait_for_lines(source.randrange(1, 20))
            tapping.signal(signal.SIGKILL)
            tapping.wait()
            lines = [int(line) for line in tapping.stdout.split(b"\n")[:-1]]
            assert lines == list(range(before + 1, before + 1 + len(lines))), "it begins behind the cursor"
            union.update(lines)
            before = offset_in(cursor, "m/a")
            assert before <= lines[-1], "the cursor is never ahead of what was written"
    finally:
        enough.set()
        flowing.join()
    rest = tap(stage, server, cursor, "m/*", "--end")
    assert [int(line) for line in rest.stdout.split()] == list(range(before + 1, published + 1))
    assert union | set(range(before + 1, published + 1)) == set(range(1, published + 1))


def test_a_line_that_a_crash_cut_short_spoils_no_other(stage, tmp_path):
    server = stage.server()
    record = tmp_path / "record"
    tapping = f"wstap -u {server.url} -o data --cursor {tmp_path}/a.cur a --from start --end >> {record}"
    for number, left_behind in ((1, b""), (2, b'{"cut'), (3, b"")):
        with record.open("ab") as file:
            file.write(left_behind)
        publish(server, "a", [number])
        shell = stage.shell(tapping)
        assert shell.wait() == 0, shell.stderr
    assert record.read_bytes() == b'1\n{"cut\n2\n3\n'


def test_a_slow_reader_does_not_let_it_run_ahead(stage, tmp_path):
    server = stage.server("--history", "20000", "--queue-limit", "64MiB")
    cursor = tmp_path / "a.cur"
    with server.client() as publisher:
        for number in range(2000):
            publisher.send(action="publish", channel="a", type="t", data=[number, "x" * 1000])
        publisher.still_works()
    process = stage.tool(
        "wstap", "-u", server.url, "-o", "data", "--cursor", cursor, "a", "--from", "start", unread=True
    )
    server.wait_for_subscriptions(1)
    eventually(lambda: cursor.exists(), "the cursor is there")
    process.signal(signal.SIGKILL)
    process._popen.wait()
    got = process._popen.stdout.read().count(b"\n")
    assert offset_in(cursor, "a") <= got


def test_only_one_can_have_it(stage, tmp_path):
    server = stage.server()
    cursor = tmp_path / "a.cur"
    first = stage.tool("wstap", "-u", server.url, "--cursor", cursor, "a")
    eventually(lambda: offset_in(cursor, "a") == 0 and cursor.exists(), "the cursor is there")
    server.wait_for_subscriptions(1)
    second = tap(stage, server, cursor, "a")
    assert second.code == 8 and "in use by another wstap" in second.stderr
    publish(server, "a", [1])
    first.wait_for_lines(1)
    eventually(lambda: offset_in(cursor, "a") == 1, "it is saved, and so replaced")
    third = tap(stage, server, cursor, "a")
    assert third.code == 8 and "in use by another wstap" in third.stderr


def test_a_damaged_or_foreign_one_is_an_error_and_stays_as_it_is(stage, tmp_path):
    server = stage.server()
    for text in (
        "",
        "{}",
        "not json",
        '{"wskit":"journal","version":1}',
        '{"wskit":"cursor","version":2,"url":""}',
        '{"wskit":"cursor","version":1,"url":"","since":{"positions":{"a":{"offset":"x"}}}}',
        '{"wskit":"cursor","version":1,"url":"","since":"start"}',
        '{"wskit":"cursor","version":1,"url":"","since":{"positions":{"a":{"off',
    ):
        cursor = tmp_path / "bad.cur"
        cursor.write_text(text)
        run = tap(stage, server, cursor, "a")
        assert run.code == 8, (text, run.stderr)
        assert "is no cursor that can be gone on from" in run.stderr and run.stderr.count("\n") == 1
        assert cursor.read_text() == text
    assert server.stats()["published"] == 0


def test_one_that_cannot_be_written_is_an_error_before_anything_is_printed(stage, tmp_path):
    server = stage.server()
    publish(server, "a", [1])
    for path in (tmp_path / "no" / "such" / "a.cur", tmp_path):
        run = tap(stage, server, path, "a", "--from", "start", "--end")
        assert run.code == 8 and str(path) in run.stderr, run.stderr
        assert run.stdout == b""


def test_a_first_run_that_needs_one_says_so(stage, tmp_path):
    server = stage.server()
    run = tap(stage, server, tmp_path / "a.cur", "a", "--from", "cursor")
    assert run.code == 2 and "holds no position yet" in run.stderr


def test_other_channels_keep_their_places_and_another_server_is_told(stage, tmp_path):
    one, other = stage.server(), stage.server()
    cursor = tmp_path / "a.cur"
    publish(one, "a", range(3))
    publish(one, "b", range(3))
    assert tap(stage, one, cursor, "a", "b", "--from", "start", "--end").code == 0
    publish(one, "a", [3])
    publish(one, "b", [3])
    assert tap(stage, one, cursor, "a", "--end").stdout == b"3\n"
    assert tap(stage, one, cursor, "b", "--end").stdout == b"3\n"
    publish(other, "a", ["x"])
    run = tap(stage, other, cursor, "a", "--end")
    assert run.stdout == b'"x"\n'
    assert "was written for" in run.stderr and "gap in a: the channel began anew" in run.stderr


def test_a_link_is_followed_and_nothing_is_left_beside_it(stage, tmp_path):
    server = stage.server()
    publish(server, "a", [1])
    (tmp_path / "real").mkdir()
    link = tmp_path / "a.cur"
    os.symlink(tmp_path / "real" / "a.cur", link)
    (tmp_path / "real" / "a.cur").write_text('{"wskit":"cursor","version":1,"url":""}')
    assert tap(stage, server, link, "a", "--from", "start", "--end").code == 0
    assert link.is_symlink() and offset_in(link, "a") == 1
    assert [entry.name for entry in (tmp_path / "real").iterdir()] == ["a.cur"]
