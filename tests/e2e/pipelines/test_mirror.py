"""Proves: `wstap -o json | wspub` reproduces every event on another server, its `data` byte for byte."""

import json

from harness.client import Event

DATA = [
    '{"i":9223372036854775807,"u":18446744073709551615,"big":123456789012345678901234567890}',
    '{"f":[1e400,-0.0,1.10,5e-324,0.1000000000000000055511151231257827]}',
    '{"s":"\\u00e9\\ud83d\\ude00 é😀 \\ud800 \\"}{\\""}',
    '{"z":1,"a":2,"z":3, "spaces" : [ ] }',
    '"a text"',
    "null",
    "12345678901234567890",
    json.dumps({"long": "x" * 200_000}),
]


def test_the_mirror_has_the_same_events(stage):
    source, copy = stage.server(), stage.server()
    mirror = stage.shell(f"wstap -u {source.url} '**' -o json | wspub -u {copy.url}")
    source.wait_for_subscriptions(1)
    with copy.client("/ws/**") as reader, source.client() as publisher, source.client("/ws/**") as original:
        for number, data in enumerate(DATA * 5):
            publisher.publish_text(f"m/{number % 3}", data, type=f"type.{number % 4}")
        count = len(DATA) * 5
        sent, mirrored = original.wait_for_events(count), reader.wait_for_events(count)
        for before, after in zip(sent, mirrored):
            assert (after.channel, after.type, after.data) == (before.channel, before.type, before.data)
            assert after.timestamp == before.timestamp, "the publisher's own time stays"
    mirror.end()


def test_a_recording_can_be_published_again(stage):
    server = stage.server()
    with server.client() as publisher:
        tap = stage.tool("wstap", "-u", server.url, "**", "-o", "json", "-n", len(DATA))
        server.wait_for_subscriptions(1)
        for data in DATA:
            publisher.publish_text("m/a", data, type="recorded")
        assert tap.wait() == 0, tap.stderr
    recorded = [Event(line.decode()) for line in tap.stdout.splitlines()]
    assert [event.data for event in recorded] == DATA
    with server.client("/ws/**") as reader:
        again = stage.run("wspub", "-u", server.url, stdin=tap.stdout)
        assert again.code == 0, again.stderr
        assert [(e.type, e.data) for e in reader.take_events(len(DATA))] == [
            ("recorded", data) for data in DATA
        ]


# F1: the second line of such an event was taken for an event of market/AAPL, with the mirror's permission.
def test_an_event_is_one_line_wherever_lines_are_read(stage):
    server, copy = stage.server(), stage.server()
    forged = '{"type":"trade","channel":"market/AAPL","offset":9,"timestamp":"2026-11-20T10:00:00Z","data":{"p":0}}'
    document = f'{{"x":\r\n{forged}\n}}'
    whole = stage.run("wspub", "-u", server.url, "--whole", "--receipts", "guest/m", stdin=document.encode())
    assert whole.code == 0 and whole.stdout.count(b"\n") == 1, whole
    with server.http() as http:
        http.send(
            "POST /publish/guest/m HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(document)}\r\n\r\n{document}"
        )
        assert http.read().status == 200
        http.send("GET /history/guest/m HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\n\r\n")
        history = http.read().body
    recording = stage.run("wstap", "-u", server.url, "**", "--from", "start", "--end", "-o", "json").stdout
    data = stage.run("wstap", "-u", server.url, "**", "--from", "start", "--end", "-o", "data").stdout
    for lines in (history, recording):
        assert [json.loads(line)["channel"] for line in lines.splitlines()] == ["guest/m"] * 2
    assert data.splitlines() == [document.replace("\r", " ").replace("\n", " ").encode()] * 2

    assert stage.run("wspub", "-u", copy.url, stdin=recording).code == 0
    copied = stage.run("wstap", "-u", copy.url, "**", "--from", "start", "--end", "-o", "json").stdout
    assert [json.loads(line)["channel"] for line in copied.splitlines()] == ["guest/m"] * 2
