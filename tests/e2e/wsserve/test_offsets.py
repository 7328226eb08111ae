"""Proves: the offsets of a channel are contiguous from 1, in one epoch, and acknowledgements name them."""


def test_offsets_are_contiguous_and_the_epoch_is_stable(server):
    with server.client() as subscriber, server.client() as publisher:
        epoch = subscriber.subscribe("a")["channels"][0]["epoch"]
        acknowledged = [publisher.publish("a", number) for number in range(200)]
        assert [ack["offset"] for ack in acknowledged] == list(range(1, 201))
        assert {ack["epoch"] for ack in acknowledged} == {epoch}
        assert {ack["channel"] for ack in acknowledged} == {"a"}
        assert [event.offset for event in subscriber.take_events(200)] == list(range(1, 201))
    with server.client() as later:
        position = later.subscribe("a")["channels"][0]
        assert (position["offset"], position["epoch"]) == (200, epoch)


def test_each_channel_counts_for_itself(server):
    with server.client() as client:
        for _ in range(3):
            client.publish("a")
        assert client.publish("b")["offset"] == 1
        assert client.publish("a")["offset"] == 4


def test_another_server_is_another_epoch(stage):
    first = stage.lasting_server()
    with first.client() as client:
        before = client.publish("a")["epoch"]
    first.stop()
    with stage.restart(first).client() as client:
        after = client.publish("a")
        assert after["epoch"] != before and after["offset"] == 1


def test_a_batch_is_acknowledged_as_an_array_in_its_order(server):
    with server.client() as client:
        client.subscribe("a", "b")
        events = [{"channel": channel, "type": "t", "data": number} for number, channel in enumerate("abba")]
        reply = client.command("publish", events=events)
        assert reply["type"] == "published"
        assert [(ack["channel"], ack["offset"]) for ack in reply["data"]] == [
            ("a", 1),
            ("b", 1),
            ("b", 2),
            ("a", 2),
        ]
        assert [event.data for event in client.take_events(4)] == ["0", "1", "2", "3"]


def test_a_batch_of_one_is_still_an_array(server):
    with server.client() as client:
        reply = client.command("publish", events=[{"channel": "a", "type": "t", "data": 1}])
        assert [ack["offset"] for ack in reply["data"]] == [1]


def test_a_publish_without_an_id_is_not_answered(server):
    with server.client() as client:
        client.subscribe("a")
        client.send(action="publish", channel="a", type="t", data=1)
        client.still_works()
        assert client.take_events(1)[0].data == "1"
        assert not client.controls


def test_pipelined_publishes_are_acknowledged_in_their_order(server):
    with server.client() as client:
        for number in range(500):
            client.send(action="publish", id=number, channel="a", type="t", data=number)
        assert [client.reply(number)["data"]["offset"] for number in range(500)] == list(range(1, 501))
