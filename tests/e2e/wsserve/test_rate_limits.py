"""Proves: commands and events faster than they may be are refused with when to come back, and no sooner closed."""

import json
import time

from harness.deadline import eventually
from harness.tokens import Issuer, bearer


def test_commands_of_a_connection(stage):
    server = stage.server("--max-commands", "5/m")
    with server.client() as client, server.client() as other:
        client.still_works()
        error = client.error("ping")
        assert error["code"] == "RATE_LIMITED"
        details = error["details"]
        assert 0 < details["retry_after"] <= 12 and details["of"] == "commands", details
        assert details["per"] == "connection"
        other.still_works()
        stats = server.stats()
        assert (stats["rate_limited_commands"], stats["rate_limited_events"]) == (1, 0)


def test_a_command_that_is_none_counts_and_is_refused_alike(stage):
    server = stage.server("--max-commands", "1/m")
    with server.client() as client:
        assert client.raw_command('{"id":1,"action":"no"}', 1)["data"]["code"] == "BAD_COMMAND"
        assert client.raw_command('{"id":2,"action":"no"}', 2)["data"]["code"] == "RATE_LIMITED"


def test_who_waits_as_told_is_served(stage):
    server = stage.server("--max-commands", "10")
    with server.client() as client:
        for _ in range(3):
            answers = [client.command("ping") for _ in range(12)]
            refused = [answer for answer in answers if answer["type"] == "error"]
            assert refused, "more than a burst"
            time.sleep(refused[-1]["data"]["details"]["retry_after"])
            client.still_works()


def test_events_of_a_connection_are_refused_whole(stage):
    server = stage.server("--max-events", "10/m", "--max-commands", "1000")
    with server.client("/ws/a") as client:
        events = [{"channel": "a", "type": "t", "data": number} for number in range(25)]
        assert len(client.command("publish", events=events)["data"]) == 25, "a full bucket takes any batch"
        error = client.error("publish", events=events[:2])
        assert error["code"] == "RATE_LIMITED" and error["details"]["of"] == "events", error
        assert 100 < error["details"]["retry_after"] <= 150, "which is paid for afterwards"
        client.still_works()
        client.take_events(25)
        stats = server.stats()
        assert (stats["published"], stats["rate_limited_events"]) == (25, 2)


def test_one_who_goes_on_is_closed_and_one_who_waits_is_not(stage):
    server = stage.server("--max-commands", "1/m", "--rate-patience", "300ms")
    with server.client() as patient, server.client() as insistent:
        patient.still_works()
        assert patient.error("ping")["code"] == "RATE_LIMITED"
        began = time.monotonic()
        ping = json.dumps({"action": "ping"})

        def goes_on():
            try:
                insistent.websocket.send_text(ping)
            except OSError:
                return True
            return server.stats()["closed_rate"] == 1

        eventually(goes_on, "it is closed")
        assert time.monotonic() - began >= 0.3, "not before its time is over"
        code, reason = insistent.websocket.read_close()
        assert code == 4029 and reason.startswith("rate limited"), (code, reason)
        assert patient.error("ping")["code"] == "RATE_LIMITED", "it was told once in all that time"


def test_publishing_over_http_is_limited_alike(stage):
    server = stage.server("--max-events", "2/m")
    body = '{"data":1}\n{"data":2}\n{"data":3}\n'
    with server.http() as http:
        for status in (200, 429):
            http.send(
                "POST /publish/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            )
            response = http.read()
            assert response.status == status, response
        assert 80 < int(response.headers["retry-after"]) <= 120, response
        assert (
            "an address may send" in response.json()["error"]["message"]
        ), "another connection does not help"
        assert response.json()["error"]["code"] == "RATE_LIMITED"
    assert server.stats()["published"] == 3


def test_all_connections_of_a_user_share_its_rate(stage):
    issuer = Issuer(stage.home)
    server = stage.server(*issuer.options, "--max-commands-per-user", "2/m", "--max-events-per-user", "1/m")

    def client_of(user):
        return server.client(headers=bearer(issuer.token(user, publish=["**"])))

    with client_of("ann") as first, client_of("ann") as second, client_of("bob") as other:
        first.publish("a", 1)
        error = second.error("publish", channel="a", type="t", data=2)
        assert (error["code"], error["details"]["per"]) == ("RATE_LIMITED", "user"), error
        other.publish("a", 3)
    with client_of("ann") as third:
        assert third.error("ping")["details"]["per"] == "user", "coming back does not fill the bucket"
