"""Proves: what wstap says to who watches at a terminal: why nothing comes, and that Enter hastens the next attempt."""

import os
import signal

from harness.screen import Screen


def test_enter_makes_the_next_attempt_at_once(stage):
    # U17: by itself it would come in an hour, with a chance of one in 60 to be within the deadline.
    port = stage.reserve_port()
    with Screen(stage, "wstap", "-u", port.url, "a", "--initial-retry", "--backoff", "1h..1h") as screen:
        screen.wait_for(r"trying again in [0-9.]+ s \(Enter: now\)")
        server = stage.server(listen=port.address)
        screen.type("\n")
        screen.wait_for("connected to ")
        server.wait_for_subscriptions(1)


def test_why_nothing_comes_is_said(stage):
    # U11
    server = stage.server()
    with server.client() as publisher:
        publisher.publish("market/AAPL", 1, type="trade")
    with Screen(stage, "wstap", "-u", server.url, "market/APPL") as screen:
        screen.wait_for(r"nothing was ever published to market/APPL; there is market/AAPL")
    with Screen(stage, "wstap", "-u", server.url, "market/AAPL", "-e", "trde") as screen:
        server.wait_for_subscriptions(1)
        with server.client() as publisher:
            publisher.publish("market/AAPL", 2, type="trade")
        screen.wait_for(r"1 event came, and none of the types asked for; there are trade")
        os.kill(screen.pid, signal.SIGTERM)
        screen.wait_for(r"0 events \(1 other by -e\)")
