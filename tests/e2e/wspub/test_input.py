"""Proves: wspub publishes each record as it stands, and names the line it cannot publish."""

import json


def published(stage, options, stdin, count, code=0):
    """Runs wspub to its end and returns it with the events that a subscriber of everything got."""
    server = stage.server("--max-message", "4MiB")
    with server.client("/ws/**") as reader:
        run = stage.run("wspub", "-u", server.url, *options, stdin=stdin)
        assert run.code == code, run.stderr
        assert run.stdout == b""
        reader.publish("marker/end", None)
        events = reader.take_events(count + 1)
        assert events.pop().channel == "marker/end"
        return run, events


def data_of(events):
    return [event.data for event in events]


def test_each_line_is_an_event(stage):
    lines = ['{"b":1,"a":2.50}', "12345678901234567890", '"text"', "null", " [1, 2] ", "-0.0", "1e400"]
    run, events = published(stage, ["a/b"], "\n".join(lines).encode(), len(lines))
    assert data_of(events) == [line.strip() for line in lines], "the last line needs no end"
    assert {(event.channel, event.type) for event in events} == {("a/b", "message")}
    assert [event.offset for event in events] == list(range(1, len(lines) + 1))


def test_empty_lines_and_windows_ends_are_no_events(stage):
    _, events = published(stage, ["a"], b"1\r\n\n\r\n2\n\n", 2)
    assert data_of(events) == ["1", "2"]


def test_nothing_to_publish_is_no_failure(stage):
    published(stage, ["a"], b"", 0)


def test_other_separators(stage):
    _, events = published(stage, ["-0", "a"], b'{"x":\n1}\0[2,\n3]\0', 2)
    assert [json.loads(data) for data in data_of(events)] == [{"x": 1}, [2, 3]]
    _, events = published(stage, ["--whole", "a"], b'{\n  "x": [\n    1\n  ]\n}\n', 1)
    assert json.loads(data_of(events)[0]) == {"x": [1]}


def test_literal_messages(stage):
    _, events = published(stage, ["a", "-m", '{"x":1}', "-m", "2"], b"", 2)
    assert data_of(events) == ['{"x":1}', "2"]


def test_text_lines_become_json_strings(stage):
    _, events = published(stage, ["--input", "text", "a"], 'plain "quoted" \\ é\ttab\n\x01\n'.encode(), 2)
    assert [json.loads(data) for data in data_of(events)] == ['plain "quoted" \\ é\ttab', "\x01"]


def test_files_are_read_one_after_the_other(stage):
    for name, text in (("one", "1\n2\n"), ("two", "3\n")):
        (stage.home / name).write_text(text, encoding="ascii")
    _, events = published(stage, ["a", stage.home / "one", stage.home / "two"], b"", 3)
    assert data_of(events) == ["1", "2", "3"]


def test_a_file_that_is_not_there_is_named(stage):
    server = stage.server()
    run = stage.run("wspub", "-u", server.url, "a", "/nonexistent/lines")
    assert run.code == 8 and "/nonexistent/lines" in run.stderr


def test_a_line_that_is_not_json_stops_it_at_its_place(stage):
    run, events = published(stage, ["a"], b'{"good":1}\n{"good":2}\n{"bad":tru}\n{"good":3}\n', 2, code=8)
    assert data_of(events) == ['{"good":1}', '{"good":2}']
    assert "line 3" in run.stderr and "column" in run.stderr


def test_lines_that_are_not_json_can_be_passed_over_or_set_aside(stage):
    text = b"1\nnot json\n2\n{]\n3\n"
    run, events = published(stage, ["--on-invalid", "skip", "a"], text, 3)
    assert data_of(events) == ["1", "2", "3"]
    assert "2 skipped" in run.stderr or "skipped 2" in run.stderr, run.stderr
    aside = stage.home / "aside"
    _, events = published(stage, ["--on-invalid", f"dlq={aside}", "a"], text, 3)
    assert data_of(events) == ["1", "2", "3"]
    assert aside.read_bytes() == b"not json\n{]\n"


def test_a_line_past_the_limit_is_an_error_and_never_split(stage):
    long = b'"' + b"x" * 5000 + b'"\n'
    run, events = published(stage, ["--max-line", "4KiB", "a"], b"1\n" + long + b"2\n", 1, code=8)
    assert data_of(events) == ["1"] and "line 2" in run.stderr
    _, events = published(stage, ["--max-line", "3MiB", "a"], b'"' + b"y" * (2 << 20) + b'"\n', 1)
    assert len(events[0].data) == (2 << 20) + 2


def test_a_line_too_large_for_the_server_is_named_before_it_is_sent(stage):
    server = stage.server("--max-message", "16KiB")
    with server.client("/ws/a") as reader:
        lines = b'1\n"' + b"x" * 20_000 + b'"\n2\n'
        run = stage.run("wspub", "-u", server.url, "a", stdin=lines)
        assert run.code == 8
        assert "line 2" in run.stderr and "16384" in run.stderr, run.stderr
        assert reader.take_events(1)[0].data == "1"
    run = stage.run("wspub", "-u", server.url, "a", stdin=b'"' + b"x" * 20_000 + b'"\n')
    assert run.code == 8 and "line 1" in run.stderr and "16384" in run.stderr, run.stderr


def test_the_summary_is_one_line_with_true_counts(stage):
    run, _ = published(stage, ["--on-invalid", "skip", "a"], b"1\n2\nx\n3\n", 3)
    summary = run.stderr.splitlines()[-1]
    assert summary.startswith("wspub: ")
    assert "4" in summary and "3 acknowledged" in summary.replace("acknowledged 3", "3 acknowledged"), summary
    quiet, _ = published(stage, ["-q", "--on-invalid", "skip", "a"], b"1\nx\n", 1)
    assert quiet.stderr == "", "it was asked for"


# U12, U18
def test_that_all_is_well_is_not_told_in_a_pipe(stage):
    for options in (["a", "-m", "1"], ["a"]):
        silent, _ = published(stage, options, b"1\n", 1)
        assert silent.stderr == ""
    asked, _ = published(stage, ["-v", "a", "-m", "1"], b"", 1)
    assert "wspub: connected to" in asked.stderr and "wspub: read 1, acknowledged 1, in" in asked.stderr


# F5: it was taken for a channel that nobody published to, and that was a success.
def test_a_recording_that_is_the_only_operand_is_published(stage):
    recording = stage.home / "rec.jsonl"
    recording.write_text(
        '{"type":"t","channel":"m/a","timestamp":"2026-11-20T10:00:00Z","data":1}\n'
        '{"type":"t","channel":"m/b","timestamp":"2026-11-20T10:00:00.01Z","data":2}\n',
        encoding="ascii",
    )
    for arguments in ([recording], ["--file", recording]):
        _, events = published(stage, arguments, b"", 2)
        assert [(event.channel, event.data) for event in events] == [("m/a", "1"), ("m/b", "2")]
    server = stage.server()
    with server.client("/ws/**") as reader:
        pub = stage.tool("wspub", "-u", server.url, "--replay", ".timestamp", "--loop", recording)
        assert [event.channel for event in reader.take_events(4)] == ["m/a", "m/b"] * 2
        pub.end()


# F12
def test_a_file_from_windows_loses_no_event(stage):
    recording = stage.home / "rec.jsonl"
    recording.write_bytes(b'\xef\xbb\xbf{"n":1}\r\n{"n":2}\r\n')
    _, events = published(stage, ["a", recording, recording, "--on-invalid", "skip"], b"", 4)
    assert data_of(events) == ['{"n":1}', '{"n":2}'] * 2
