"""Proves: over several shards and publishers, all subscribers of a channel see one order without a hole."""

import threading

from harness.deadline import DEADLINE

PUBLISHERS, EVENTS, SUBSCRIBERS = 4, 500, 8


def publish_all(client, number, failures):
    """Keeps 32 publishes on their way."""
    try:
        for event in range(EVENTS):
            client.send(action="publish", id=event, channel="a", type="t", data=[number, event])
            if event >= 32:
                client.reply(event - 32)
        for event in range(EVENTS - 32, EVENTS):
            assert client.reply(event)["type"] == "published"
    except Exception as failure:
        failures.append(failure)


def test_all_subscribers_see_one_order(stage):
    server = stage.server("--threads", "4", "--queue-limit", "64MiB")
    subscribers = [server.client() for _ in range(SUBSCRIBERS)]
    for position, subscriber in enumerate(subscribers):
        subscriber.subscribe("a" if position % 2 else "*")
    failures = []
    threads = [
        threading.Thread(target=publish_all, args=(server.client(), number, failures))
        for number in range(PUBLISHERS)
    ]
    for thread in threads:
        thread.start()
    total = PUBLISHERS * EVENTS
    orders = [[(event.offset, event.data) for event in one.wait_for_events(total)] for one in subscribers]
    for thread in threads:
        thread.join(DEADLINE)
    assert not failures, failures
    assert [offset for offset, _ in orders[0]] == list(range(1, total + 1))
    for order in orders[1:]:
        assert order == orders[0]
    for number in range(PUBLISHERS):
        own = [data for _, data in orders[0] if data.startswith(f"[{number},")]
        assert own == [
            f"[{number}, {event}]" for event in range(EVENTS)
        ], "the order of one publisher is kept"


def test_connections_come_and_go_while_events_flow(stage):
    server = stage.server("--threads", "4", "--queue-limit", "64MiB")
    steady = server.client("/ws/a")
    failures = []
    publishers = [server.client() for _ in range(2)]
    threads = [
        threading.Thread(target=publish_all, args=(client, number, failures))
        for number, client in enumerate(publishers)
    ]
    for thread in threads:
        thread.start()
    for number in range(40):
        client = server.client()
        entry = client.subscribe("*" if number % 2 else "a", "other/*")["channels"][0]
        if number % 3 == 0:
            client.unsubscribe("other/*")
        if number % 2 == 0 and entry["offset"] < 2 * EVENTS:
            assert client.take_events(1)[0].offset == entry["offset"] + 1
        client.websocket.abort()
    assert [event.offset for event in steady.wait_for_events(2 * EVENTS)] == list(range(1, 2 * EVENTS + 1))
    for thread in threads:
        thread.join(DEADLINE)
    assert not failures, failures
    steady.websocket.abort()
    server.wait_for_connections(2)
