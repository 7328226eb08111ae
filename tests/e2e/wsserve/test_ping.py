"""Proves: a ping is answered, as a command with its timestamp and as a frame with its payload."""

from harness import frames


def test_answers_a_ping_command(server):
    with server.client() as client:
        reply = client.command("ping")
        assert reply["type"] == "pong"


def test_gives_the_timestamp_back_as_it_came(server):
    with server.client() as client:
        for text in ("1700000000.1230", '"2026-11-20T10:00:00Z"', "12345678901234567890", "1e400"):
            client.websocket.send_text('{"action":"ping","timestamp":' + text + "}")
            _, answer = client.websocket.read_message()
            assert f'"timestamp":{text}}}' in answer.replace(" ", ""), answer


def test_a_message_of_type_ping_counts_as_the_command(server):
    with server.client() as client:
        assert client.raw_command('{"type":"ping","id":7}', 7)["type"] == "pong"
        client.websocket.send_text('{"type":"ping"}')
        assert client.wait_for_control("pong")["type"] == "pong"


def test_repeats_the_id_as_it_was_written(server):
    with server.client() as client:
        for identity in ('"a"', "17", '"\\u00e9\\n"', "-3", '""', "12345678901234567890"):
            client.websocket.send_text('{"action":"ping","id":' + identity + "}")
            _, answer = client.websocket.read_message()
            assert answer.startswith('{"type":"pong","id":' + identity + ',"timestamp":'), answer


def test_answers_ping_frames_with_their_payload(server):
    with server.client() as client:
        for payload in (b"", b"x", bytes(range(125))):
            client.websocket.send_frame(frames.PING, payload)
            assert client.websocket.read_pong() == payload


def test_takes_an_unasked_pong(server):
    with server.client() as client:
        client.websocket.send_frame(frames.PONG, b"nobody asked")
        client.still_works()
