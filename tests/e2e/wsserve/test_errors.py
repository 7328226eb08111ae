"""Proves: each way a command can be wrong has its error code, names the thing, and leaves the connection open."""

BAD = [
    ("BAD_JSON", ""),
    ("BAD_JSON", "hello"),
    ("BAD_JSON", '{"action":"ping"'),
    ("BAD_JSON", '{"action":"ping"}}'),
    ("BAD_JSON", '{"action":"ping",}'),
    ("BAD_JSON", '{"action":"publish","channel":"a","type":"t","data":01}'),
    ("BAD_JSON", '{"action":"publish","channel":"a","type":"t","data":"\t"}'),
    ("BAD_JSON", '{"action":"publish","channel":"a","type":"t","data":"\\x"}'),
    ("BAD_JSON", '{"action":"publish","channel":"a","type":"t","data":[1,2,}'),
    ("BAD_JSON", '{"action":"publish","channel":"a","type":"t","data":nul}'),
    ("BAD_COMMAND", "[]"),
    ("BAD_COMMAND", "17"),
    ("BAD_COMMAND", "{}"),
    ("BAD_COMMAND", '{"action":7}'),
    ("BAD_COMMAND", '{"action":"dance"}'),
    ("BAD_COMMAND", '{"action":"subscribe","channels":["a"],"events":[7]}'),
    ("BAD_COMMAND", '{"action":"subscribe","channels":["a"],"since":{"offset":"x"}}'),
    ("BAD_COMMAND", '{"action":"subscribe","channels":{}}'),
    ("UNAUTHORIZED", '{"action":"auth","token":"x"}'),
    ("NOT_FOUND", '{"action":"history","channel":"a"}'),
    ("BAD_COMMAND", '{"action":"presence"}'),
    ("FORBIDDEN", '{"action":"subscribe","channels":["@user/somebody"]}'),
    ("BAD_CHANNEL", '{"action":"subscribe","channels":[7]}'),
    ("FORBIDDEN", '{"action":"publish","channel":"@all","type":"t","data":1}'),
    ("BAD_COMMAND", '{"action":"ping","id":{}}'),
    ("BAD_CHANNEL", '{"action":"subscribe","channels":[""]}'),
    ("BAD_CHANNEL", '{"action":"subscribe","channels":["a//b"]}'),
    ("BAD_CHANNEL", '{"action":"subscribe","channels":["/a"]}'),
    ("BAD_CHANNEL", '{"action":"subscribe","channels":["a/"]}'),
    ("BAD_CHANNEL", '{"action":"subscribe","channels":["a b"]}'),
    ("BAD_CHANNEL", '{"action":"subscribe","channels":["a/**/b"]}'),
    ("BAD_CHANNEL", '{"action":"subscribe","channels":["a/x*"]}'),
    ("BAD_CHANNEL", '{"action":"subscribe","channels":["' + "x" * 256 + '"]}'),
    ("BAD_CHANNEL", '{"action":"subscribe","channels":["' + "/".join("x" * 17) + '"]}'),
    ("BAD_CHANNEL", '{"action":"publish","channel":"a/*","type":"t","data":1}'),
    ("BAD_CHANNEL", '{"action":"publish","channel":"a?b","type":"t","data":1}'),
    ("BAD_EVENT", '{"action":"publish","channel":"a","type":"","data":1}'),
    ("BAD_EVENT", '{"action":"publish","channel":"a","type":"no space","data":1}'),
    ("BAD_EVENT", '{"action":"publish","channel":"a","type":"' + "x" * 65 + '","data":1}'),
    ("BAD_EVENT", '{"action":"publish","channel":"a","type":"t","data":1,"timestamp":"yesterday"}'),
    ("BAD_EVENT", '{"action":"publish","channel":"a","type":"t"}'),
]


def test_each_wrong_command_has_its_code_and_leaves_the_connection_open(server):
    with server.client() as client:
        for code, text in BAD:
            client.websocket.send_text(text)
            error = client.wait_for_control("error")["data"]
            assert error["code"] == code, (text, error)
            assert len(error["message"]) > 10, (text, error)
            client.still_works()
        client.subscribe("a")
        client.publish("a", "still in order")
        assert client.take_events(1)[0].offset == 1, "nothing of the wrong ones was published"


def test_says_at_which_byte_the_json_is_wrong(server):
    with server.client() as client:
        for text, position in (
            ('{"action":"ping"]', 16),
            ('{"action":"publish","channel":"a","type":"t","data":{"x":tru}}', 57),
        ):
            client.websocket.send_text(text)
            error = client.wait_for_control("error")["data"]
            assert error["code"] == "BAD_JSON"
            assert abs(error["details"]["position"] - position) <= 4, (text, error)


def test_an_error_repeats_the_id_of_its_command(server):
    with server.client() as client:
        assert client.error("dance")["code"] == "BAD_COMMAND"
        assert client.error("subscribe", channels=["a//b"])["code"] == "BAD_CHANNEL"
        reply = client.raw_command('{"action":"publish","channel":"a/*","type":"t","data":1,"id":42}', 42)
        assert reply["type"] == "error"


def test_one_bad_event_refuses_its_whole_batch_and_is_named(server):
    with server.client() as client:
        client.subscribe("a")
        error = client.error(
            "publish",
            events=[{"channel": "a", "type": "t", "data": 1}, {"channel": "a", "type": "", "data": 2}],
        )
        assert error["code"] == "BAD_EVENT" and error["details"]["index"] == 1
        client.publish("a", 3)
        assert client.take_events(1)[0].data == "3"
