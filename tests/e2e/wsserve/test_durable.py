"""Proves: what a server with a store has acknowledged is there after its end, and nothing else is ever seen."""

import json
import re
import resource
import signal
import threading

import pytest
from harness.client import Event
from harness.deadline import eventually
from harness.websocket import Closed


@pytest.fixture
def store(stage, tmp_path):
    """Starts servers on one store, one after the other."""
    path = tmp_path / "events.db"
    return lambda *options: stage.server("--store", path, *options)


def offsets(events):
    return [event.offset for event in events]


def after(ack):
    return {"offset": ack["offset"], "epoch": ack["epoch"]}


def publish_many(client, channel, count, batch=500):
    """Publishes the numbers from 0 in batches and waits for every acknowledgement."""
    for begin in range(0, count, batch):
        events = [
            {"channel": channel, "type": "n", "data": number, "dedup": f"p:{number}"}
            for number in range(begin, min(begin + batch, count))
        ]
        client.expect("published", client.command("publish", events=events))


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restarted_server_goes_on_where_it_was(store, end):
    server = store()
    with server.client() as client:
        acks = [client.publish("a", number) for number in range(10)]
    assert "keeping durable channels in" in server.log
    getattr(server, end)()
    server = store()
    with server.client() as client:
        entry = client.subscribe("a", since=after(acks[3]))["channels"][0]
        assert (entry["recovered"], entry["replayed"], entry["offset"]) == (True, 6, 10)
        assert entry["epoch"] == acks[0]["epoch"]
        next_one = client.publish("a", 10)
        assert (next_one["offset"], next_one["epoch"]) == (11, acks[0]["epoch"])
        assert [event.data for event in client.take_events(7)] == [str(n) for n in range(4, 11)]
        assert client.subscribe("never/used", since="start")["channels"][0]["offset"] == 0


def test_a_reader_who_missed_nothing_while_the_server_was_away_is_told_so(store):
    server = store()
    with server.client() as client:
        ack = client.publish("a", 1)
    server.kill()
    with store().client() as client:
        entry = client.subscribe("a", since=after(ack))["channels"][0]
        assert (entry["recovered"], entry["replayed"]) == (True, 0)


def test_an_event_sent_again_after_a_restart_is_not_published_again(store):
    server = store()
    with server.client() as client:
        first = client.publish("a", 1, dedup="me:1")
        client.publish("a", 2, dedup="me:2")
    server.kill()
    with store().client() as client:
        again = client.publish("a", 1, dedup="me:1")
        assert again == {**first, "duplicate": True}
        assert client.publish("a", 3, dedup="me:3")["offset"] == 3


def test_two_copies_of_one_event_under_way_are_stored_once(store):
    server = store("--threads", "4")
    clients = [server.client() for _ in range(4)]
    for client in clients:
        for number in range(200):
            client.send(action="publish", channel="a", type="n", data=number, dedup=f"p:{number}", id=number)
    seen = [[client.reply(number)["data"]["offset"] for number in range(200)] for client in clients]
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert sorted(seen[0]) == list(range(1, 201))
    assert server.stats()["duplicates"] == 600


class TestBeyondTheMemory:
    """A history of which the memory holds the least part."""

    TOTAL = 6000

    @pytest.fixture
    def server(self, store):
        server = store("--history", "100000", "--history-total", "64KiB", "--threads", "2")
        with server.client() as client:
            publish_many(client, "a", self.TOTAL)
            publish_many(client, "b", 10)
        assert server.stats()["history_bytes"] < 80_000
        return server

    def test_the_store_replays_what_the_memory_has_let_go_of(self, server):
        with server.client() as client:
            entry = client.subscribe("a", since="start")["channels"][0]
            assert (entry["recovered"], entry["replayed"]) == (True, self.TOTAL)
            client.publish("a", "live")
            events = client.take_events(self.TOTAL + 1)
            assert offsets(events) == list(range(1, self.TOTAL + 2))
            assert [event.data for event in events[:-1]] == [str(n) for n in range(self.TOTAL)]

    def test_so_for_a_pattern(self, server):
        with server.client() as client:
            entry = client.subscribe("**", since="start")["channels"][0]
            assert (entry["recovered"], entry["replayed"]) == (True, self.TOTAL + 10)
            assert offsets(client.take_events_of("b", 10)) == list(range(1, 11))
            assert offsets(client.take_events_of("a", self.TOTAL)) == list(range(1, self.TOTAL + 1))

    def test_no_hole_and_no_repetition_where_the_store_ends_and_live_events_begin(self, server):
        more = 3000

        def publish():
            with server.client() as publisher:
                for number in range(more):
                    publisher.send(action="publish", channel="a", type="n", data=number)
                publisher.still_works()

        thread = threading.Thread(target=publish)
        thread.start()
        for _ in range(5):
            with server.client() as client:
                client.subscribe("a", since="start")
                everything = list(range(1, self.TOTAL + more + 1))
                assert offsets(client.take_events(self.TOTAL + more)) == everything
        thread.join()

    def test_a_time_long_past_is_found_in_the_store(self, server):
        with server.client() as client:
            page = client.expect("history", client.command("history", channel="a", since="start", limit=2500))
            time = page["events"][-1]["timestamp"]
            first = next(event["offset"] for event in page["events"] if event["timestamp"] == time)
            client.send(action="subscribe", id="s", channels=["a"], since={"time": time})
            # Sent behind it, answered behind it.
            client.send(action="ping", id="p")
            client.reply("p")
            entry = client.reply("s")["data"]["channels"][0]
            assert (entry["recovered"], entry["replayed"]) == (True, self.TOTAL - first + 1)
            assert client.take_events(1)[0].offset == first

    def test_a_time_in_the_address_is_found_in_the_store(self, server):
        with server.client("/ws/*?since=-1h") as client:
            entry = client.wait_for_control("subscribed")["data"]["channels"][0]
            assert (entry["recovered"], entry["replayed"]) == (True, self.TOTAL + 10)
            client.still_works()

    def test_pages_over_http_lead_through_the_whole_history(self, server):
        path, seen = "/history/a?since=start&limit=1000", []
        with server.http() as http:
            while path:
                http.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
                response = http.read()
                assert response.headers["wskit-recovered"] == "true"
                seen += [event["offset"] for event in response.json()]
                link = re.search("<(.+)>", response.headers.get("link", ""))
                path = link and link[1]
        assert seen == list(range(1, self.TOTAL + 1))

    def test_requests_sent_ahead_are_answered_in_their_order(self, server):
        with server.http() as http:
            for since in ("start", "-1h", "-1"):
                http.send(f"GET /history/a?since={since}&limit=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            http.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert [http.read().json()[0]["offset"] for _ in range(3)] == [1, 1, self.TOTAL]
            assert http.read().json() == {"status": "ok"}

    def test_commands_behind_one_that_asks_the_store_are_answered_behind_it(self, server):
        with server.client() as client:
            client.send(action="history", id=1, channel="a", since="start", limit=1)
            client.send(action="ping", id=2)
            client.send(action="history", id=3, channel="a", since={"last": 1})
            client.send(action="ping", id=4)
            answers = [json.loads(client.websocket.read_message()[1]) for _ in range(4)]
            assert [answer["id"] for answer in answers] == [1, 2, 3, 4]
            assert answers[0]["data"]["events"][0]["offset"] == 1
            assert answers[2]["data"]["events"][0]["offset"] == self.TOTAL


def test_a_stalled_reader_of_the_store_holds_no_one_up(store):
    server = store("--history", "100000", "--history-total", "64KiB")
    with server.client() as client:
        publish_many(client, "a", 20_000)
        with server.open(receive_buffer=4096) as stalled:
            stalled.send_text('{"action":"subscribe","channels":["a"],"since":"start"}')
            entry = client.subscribe("a", since="start")["channels"][0]
            assert entry["replayed"] == 20_000
            assert offsets(client.take_events(20_000)) == list(range(1, 20_001))
            client.publish("a", "live")
            # It has not lost its place either.
            read = []
            while len(read) < 20_001:
                text = stalled.read_message()[1]
                if "offset" in json.loads(text):
                    read.append(Event(text).offset)
            assert read == list(range(1, 20_002))


def test_what_retention_has_taken_is_declared(store):
    server = store("--history", "50")
    with server.client() as client:
        acks = [client.publish("a", number) for number in range(200)]
    server.stop()
    server = store("--history", "50")
    with server.client() as client:
        entry = client.subscribe("a", since=after(acks[99]))["channels"][0]
        assert (entry["recovered"], entry["oldest"], entry["replayed"]) == (False, 151, 50)
        assert offsets(client.take_events(50)) == list(range(151, 201))


def test_a_publisher_who_closes_at_once_still_gets_its_acknowledgement(store):
    server = store()
    with server.client() as client:
        client.send(action="publish", id="last", channel="a", type="t", data=1)
        client.websocket.send_frame(8, b"\x03\xe8")
        try:
            while True:
                client._read_one()
        except Closed as closed:
            assert closed.code == 1000
        assert client.reply("last")["data"]["offset"] == 1


def test_a_drain_waits_for_the_disk(store):
    server = store("--history", "5000")
    with server.client() as client, server.client() as reader:
        reader.subscribe("a")
        for number in range(2000):
            client.send(action="publish", id=number, channel="a", type="t", data=number)
        server.process.signal(signal.SIGTERM)
        try:
            while True:
                client._read_one()
        except Closed as closed:
            assert closed.code == 1001
        acknowledged = sum(number in client._replies for number in range(2000))
        delivered = offsets(reader.events_until_closed(1001))
        assert delivered == list(range(1, len(delivered) + 1)) and len(delivered) >= acknowledged
    assert server.process.wait() == 0
    with store("--history", "5000").client() as client:
        entry = client.subscribe("a", since="start")["channels"][0]
        assert entry["replayed"] >= acknowledged


class TestADiskThatIsFull:
    """The limit on the size of files stands in for the disk."""

    @pytest.fixture
    def server(self, store):
        server = store("--threads", "2")
        with server.client() as client:
            client.publish("a", 0)
        return server

    @staticmethod
    def limit_files(server, size):
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def fill(self, server, client):
        """Publishes until the store takes no more; the error and the acknowledged offsets."""
        self.limit_files(server, 400_000)
        acknowledged = []
        while True:
            reply = client.command("publish", channel="a", type="t", data="x" * 20_000)
            if reply["type"] == "error":
                return reply["data"], acknowledged
            acknowledged.append(reply["data"]["offset"])

    def test_refuses_events_until_there_is_room_and_loses_none_that_it_acknowledged(self, server, store):
        with server.client() as client, server.client() as reader:
            reader.subscribe("a", since="start")
            error, acknowledged = self.fill(server, client)
            assert error["code"] == "UNAVAILABLE"
            assert acknowledged == list(range(2, len(acknowledged) + 2))
            ready = server.get("/readyz")
            assert ready.status == 503 and "store" in ready.json()["reason"], ready
            assert server.get("/healthz").status == 200
            assert server.stats()["store"]["available"] is False
            server.process.wait_for_stderr("durable channels take no events")
            # Reading goes on, and so does what is not published.
            assert client.expect("history", client.command("history", channel="a"))["offset"] == len(acknowledged) + 1
            client.still_works()
            self.limit_files(server, resource.RLIM_INFINITY)
            eventually(lambda: server.get("/readyz").status == 200, "the store is back")
            assert client.publish("a", "again")["offset"] == len(acknowledged) + 2
            everything = list(range(1, len(acknowledged) + 3))
            assert offsets(reader.take_events(len(everything))) == everything
        server.kill()
        with store().client() as client:
            client.subscribe("a", since="start")
            assert offsets(client.take_events(len(everything))) == everything

    def test_leaves_channels_alone_that_are_not_durable(self, store, tmp_path):
        config = tmp_path / "wsserve.toml"
        config.write_text('[[channel]]\npattern = "live/*"\ndurable = false\n')
        server = store("--config", config)
        with server.client() as client, server.client() as reader:
            reader.subscribe("live/a")
            client.publish("a", 0)
            self.fill(server, client)
            assert client.publish("live/a", 1)["offset"] == 1
            assert offsets(reader.take_events(1)) == [1]
            batch = [{"channel": "live/a", "type": "t", "data": 2}, {"channel": "a", "type": "t", "data": 3}]
            assert client.error("publish", events=batch)["code"] == "UNAVAILABLE"
            assert client.publish("live/a", 4)["offset"] == 2, "nothing of the refused batch was published"
        server.kill()
        with store("--config", config).client() as client:
            assert client.error("history", channel="live/a")["code"] == "NOT_FOUND"

    def test_says_of_a_publish_without_an_id_too_that_it_was_not_accepted(self, server):
        with server.client() as client:
            self.fill(server, client)
            client.send(action="publish", channel="a", type="t", data=1)
            assert client.wait_for_control("error")["data"]["code"] == "UNAVAILABLE"

    def test_an_event_refused_may_be_sent_again_under_its_dedup_id(self, server):
        with server.client() as client:
            self.fill(server, client)
            refused = client.error("publish", channel="a", type="t", data=1, dedup="me:1")
            assert refused["code"] == "UNAVAILABLE"
            self.limit_files(server, resource.RLIM_INFINITY)
            eventually(lambda: server.get("/readyz").status == 200, "the store is back")
            assert "duplicate" not in client.publish("a", 1, dedup="me:1")


class TestAStoreThatCannotBeOpened:
    def refused(self, stage, *options):
        process = stage.tool("wsserve", "--listen", "127.0.0.1:0", *options)
        assert process.wait() == 8, process.stderr
        return process.stderr

    def test_in_a_folder_that_is_missing(self, stage, tmp_path):
        assert "nowhere" in self.refused(stage, "--store", tmp_path / "nowhere" / "events.db")

    def test_that_is_something_else(self, stage, tmp_path):
        path = tmp_path / "notes.txt"
        path.write_text("these are my notes, not a database\n" * 100)
        assert "notes.txt" in self.refused(stage, "--store", path)
        assert path.read_text().startswith("these are my notes")

    def test_that_another_server_has(self, stage, store, tmp_path):
        store()
        assert "events.db" in self.refused(stage, "--store", tmp_path / "events.db")
