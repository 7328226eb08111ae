"""Proves: the bytes inside `data` reach every subscriber as they were sent, whatever JSON they are."""

import json

VALUES = [
    "null",
    "true",
    "0",
    "-0",
    "-0.0",
    "1e400",
    "-1E-400",
    "1.10",
    "0.1000000000000000055511151231257827021181583404541015625",
    "12345678901234567890",
    "-98765432109876543210987654321",
    '""',
    '"\\u00e9\\/\\b\\f\\n\\r\\t\\\\\\""',
    '"\\ud83d\\ude00 \\ud83d lone \\ude00"',
    '"\\u0000"',
    '"é ü 漢字 😀 \u2028 \u007f"',
    "[]",
    "{}",
    '{"z":1,"a":2,"z":3}',
    '{"b":1,"a":{"d":2,"c":[1,2.50,3e2]}}',
    ' { "spaces" : [ 1 , 2 ] } ',
    '{\r\n\t"indented": true\r\n}',
    '{"channel":"other","offset":9,"type":"fake","data":{"data":1}}',
    '"}},{\\"data\\":"',
    "[" * 200 + "]" * 200,
    json.dumps("x" * 100_000),
]


def test_every_value_passes_byte_for_byte(server):
    with server.client() as subscriber, server.client("/ws/**") as by_pattern, server.client() as publisher:
        subscriber.subscribe("a")
        for value in VALUES:
            publisher.publish_text("a", value)
        for client in (subscriber, by_pattern):
            for sent, event in zip(VALUES, client.take_events(len(VALUES))):
                # White space around a value is not part of it.
                assert event.data == sent.strip(), sent[:200]


def test_a_batch_passes_byte_for_byte(server):
    with server.client() as client:
        client.subscribe("a")
        events = ",".join(f'{{"data":{value},"type":"t","channel":"a"}}' for value in VALUES)
        client.raw_command(f'{{"events":[{events}],"id":1,"action":"publish"}}', 1)
        assert [event.data for event in client.take_events(len(VALUES))] == [
            value.strip() for value in VALUES
        ]


def test_compressed_subscribers_get_the_same_bytes(server):
    with server.open(deflate="permessage-deflate") as websocket, server.client() as publisher:
        websocket.send_compressed('{"action":"subscribe","channels":["a"],"id":1}')
        while '"subscribed"' not in websocket.read_message()[1]:
            pass
        for value in VALUES:
            publisher.publish_text("a", value)
        for value in VALUES:
            assert websocket.read_message()[1].endswith(f',"data":{value.strip()}}}')


def test_keys_may_come_in_any_order_and_unknown_ones_are_refused_by_name(server):
    with server.client() as client:
        client.subscribe("a")
        reply = client.raw_command(
            '{"data":{"price":1.10},"unknown":[1,{"data":2}],"type":"t","id":1,"channel":"a","action":"publish"}',
            1,
        )
        assert reply["data"]["code"] == "BAD_COMMAND" and '"unknown"' in reply["data"]["message"], reply
        client.raw_command('{"data":{"price":1.10},"type":"t","id":2,"channel":"a","action":"publish"}', 2)
        assert client.take_events(1)[0].data == '{"price":1.10}'


def test_a_timestamp_and_a_key_pass_as_they_were_given(server):
    with server.client() as client:
        client.subscribe("a")
        client.publish("a", 1, timestamp="2021-04-17T16:43:37.061845678+02:00", key='BTC "quoted" é')
        event = client.take_events(1)[0]
        assert event.timestamp == "2021-04-17T16:43:37.061845678+02:00"
        assert event.key == 'BTC "quoted" é'


def test_a_deeply_nested_value_is_answered_one_way_or_the_other(server):
    """No depth ends the server: the event passes, or is refused by name."""
    with server.client() as client:
        client.subscribe("a")
        for depth in (1_000, 10_000, 100_000, 400_000):
            text = "[" * depth + "]" * depth
            reply = client.raw_command(
                '{"action":"publish","id":1,"channel":"a","type":"t","data":' + text + "}", 1
            )
            if reply["type"] == "published":
                assert client.take_events(1)[0].data == text
            else:
                assert reply["data"]["code"] in ("BAD_JSON", "BAD_EVENT", "TOO_LARGE"), reply
            client.still_works()
