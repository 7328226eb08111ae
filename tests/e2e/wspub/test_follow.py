"""Proves: wspub --follow publishes what is appended to a file, across rotations and outages, until a signal."""

import signal

from harness.deadline import eventually

FAST = ("--backoff", "10ms..50ms")


def data(reader, count):
    return [event.data for event in reader.take_events(count)]


def append(path, text):
    with path.open("a", encoding="ascii") as file:
        file.write(text)


def test_lines_are_published_as_they_are_written(stage):
    server = stage.server()
    log = stage.home / "log"
    log.write_text("1\n2", encoding="ascii")
    with server.client("/ws/a") as reader:
        pub = stage.tool("wspub", "-u", server.url, "a", "--follow", log)
        assert data(reader, 1) == ["1"]
        append(log, "0\n3\n")
        assert data(reader, 2) == ["20", "3"]
        log.rename(stage.home / "log.1")
        append(log, "4\n")
        assert data(reader, 1) == ["4"]
        pub.signal(signal.SIGINT)
        assert pub.wait() == -signal.SIGINT
    assert "read 4, acknowledged 4, in" in pub.stderr, pub.stderr


def test_a_followed_file_waits_for_the_server(stage):
    server = stage.lasting_server("--store", stage.home / "store")
    log = stage.home / "log"
    log.write_text("0\n", encoding="ascii")
    options = ("--follow", "--window", "10", "--on-full", "drop-oldest", "--queue", "5")
    pub = stage.tool("wspub", "-u", server.url, *FAST, *options, "a", log)
    eventually(lambda: server.stats()["published"] == 1, "the first line")
    server.kill()
    append(log, "".join(f"{number}\n" for number in range(1, 500)))
    pub.wait_for_stderr(r"(?s)(trying again.*){2}")
    server = stage.restart(server)
    with server.client("/ws/a?since=start") as reader:
        assert data(reader, 500) == [str(number) for number in range(500)]
        append(log, '"last"\n')
        assert data(reader, 1) == ['"last"']
    pub.signal(signal.SIGTERM)
    assert pub.wait() == -signal.SIGTERM


def test_with_a_journal_it_goes_on_where_it_was_killed(stage):
    server = stage.server()
    log = stage.home / "log"
    log.write_text("1\n", encoding="ascii")
    command = ("-u", server.url, "--follow", "--journal", stage.home / "journal", "a", log)
    with server.client("/ws/a") as reader:
        for number in range(1, 4):
            pub = stage.tool("wspub", *command)
            assert data(reader, 1) == [str(number)]
            pub.signal(signal.SIGKILL)
            pub.wait()
            append(log, f"{number + 1}\n")
        reader.still_works()
    assert server.stats()["published"] == 3
