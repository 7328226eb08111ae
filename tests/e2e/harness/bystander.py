"""A well-behaved connection that goes on beside whatever a test does to the server."""

import threading

from .deadline import eventually


class Bystander:
    """Publishes to a channel it is subscribed to and pings, round after round, until the block ends.

    Each round wants the acknowledgement, the event with the next offset, and the pong. The block
    cannot end before three whole rounds have followed everything that was done in it.
    """

    def __init__(self, server, channel="bystander/own", path="/ws"):
        self._client = server.client(path)
        self._channel = channel
        self._client.subscribe(channel)
        self._rounds = 0
        self._failure = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        self.sees_rounds(1)
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.sees_rounds(3)
        finally:
            self._stopping.set()
            self._thread.join()
            self._client.websocket.abort()
        if kind is None and self._failure:
            raise AssertionError(
                f"the healthy connection was disturbed: {self._failure!r}"
            ) from self._failure

    def sees_rounds(self, count):
        """Waits for `count` more rounds, each begun from now on."""
        goal = self._rounds + count + 1
        eventually(
            lambda: self._failure or self._rounds >= goal, f"{count} more rounds of the healthy connection"
        )
        if self._failure:
            raise AssertionError(
                f"the healthy connection was disturbed: {self._failure!r}"
            ) from self._failure

    def _run(self):
        try:
            while not self._stopping.is_set():
                self._round()
                self._stopping.wait(0.005)
        except Exception as failure:  # Shown by the test's own thread.
            self._failure = failure

    def _round(self):
        number = self._rounds + 1
        assert self._client.publish(self._channel, number)["offset"] == number
        event = self._client.take_events_of(self._channel, 1)[0]
        assert (event.offset, event.data) == (number, str(number))
        self._client.still_works()
        self._rounds = number
