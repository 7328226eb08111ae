"""Commands and events over one connection: replies by id, events in the order of their coming."""

import itertools
import json
import re

from . import frames
from .websocket import Closed

STRING = r'"(?:[^"\\\x00-\x1f]|\\.)*"'
# The keys of an event in the one order that the protocol gives them.
EVENT = re.compile(
    rf'\{{"type":"(?P<type>[A-Za-z0-9_.:-]{{1,64}})","channel":(?P<channel>{STRING})'
    rf',"offset":(?P<offset>[1-9][0-9]*),"timestamp":(?P<timestamp>{STRING})'
    rf'(?:,"id":(?P<id>{STRING}|[^,]+))?(?:,"key":(?P<key>{STRING}))?(?:,"received":(?P<received>{STRING}))?'
    rf'(?:,"from":(?P<from>[0-9]+))?(?:,"merged":(?P<merged>[0-9]+))?,"data":(?P<data>.*)\}}',
    re.DOTALL,
)


class Event:
    """One event as it came, `data` as the text that stood in the message."""

    def __init__(self, text):
        match = EVENT.fullmatch(text)
        assert match, f"not an event in the protocol's key order: {text[:400]}"
        self.text = text
        self.type = match["type"]
        self.channel = json.loads(match["channel"])
        self.offset = int(match["offset"])
        self.timestamp = json.loads(match["timestamp"])
        self.key = json.loads(match["key"]) if match["key"] else None
        self.data = match["data"]

    def __repr__(self):
        return self.text if len(self.text) < 300 else self.text[:300] + "…"


class Client:
    """Reads `connected` at once; then what comes is sorted into replies, events and the rest."""

    def __init__(self, websocket, greeted=True):
        self.websocket = websocket
        self.events = []
        self.controls = []
        self._replies = {}
        self._ids = itertools.count(1)
        self.connected = self.wait_for_control("connected")["data"] if greeted else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.websocket.abort()

    # Commands.

    def send(self, **message):
        self.websocket.send_text(json.dumps(message, ensure_ascii=False))

    def command(self, action, **fields):
        """Sends a command under an id of its own and returns its reply, be it an error."""
        identity = f"c{next(self._ids)}"
        self.send(action=action, id=identity, **fields)
        return self.reply(identity)

    def raw_command(self, text, identity):
        """Sends `text`, which carries `identity` as its id, and returns the reply."""
        self.websocket.send_text(text)
        return self.reply(identity)

    def subscribe(self, *channels, **fields):
        return self.expect("subscribed", self.command("subscribe", channels=list(channels), **fields))

    def unsubscribe(self, *channels, **fields):
        return self.expect("unsubscribed", self.command("unsubscribe", channels=list(channels), **fields))

    def publish(self, channel, data=None, type="message", **fields):
        """Publishes one event and waits for its acknowledgement."""
        return self.expect(
            "published", self.command("publish", channel=channel, type=type, data=data, **fields)
        )

    def publish_text(self, channel, data, type="message"):
        """Publishes `data`, which is JSON text to be passed on byte for byte."""
        identity = f"c{next(self._ids)}"
        routing = f'"channel":{json.dumps(channel)},"type":"{type}"'
        text = f'{{"action":"publish","id":"{identity}",{routing},"data":{data}}}'
        return self.expect("published", self.raw_command(text, identity))

    def error(self, action, **fields):
        """The `data` of the error that a command must be answered with."""
        return self.expect("error", self.command(action, **fields))

    def still_works(self):
        """The connection takes commands and answers them."""
        self.expect("pong", self.command("ping"))

    @staticmethod
    def expect(kind, reply):
        assert reply["type"] == kind, f"expected {kind}: {reply}"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", reply["timestamp"]), reply
        return reply["data"]

    # What comes in.

    def _read_one(self):
        opcode, text = self.websocket.read_message()
        assert opcode == frames.TEXT, "a server speaks text"
        message = json.loads(text, parse_float=str)
        if "channel" in message and "offset" in message:
            self.events.append(Event(text))
        elif "id" in message:
            self._replies[message["id"]] = json.loads(text)
        else:
            self.controls.append(json.loads(text))

    def reply(self, identity):
        while identity not in self._replies:
            self._read_one()
        return self._replies.pop(identity)

    def wait_for_events(self, count):
        """The first `count` events, which stay in `events`."""
        while len(self.events) < count:
            self._read_one()
        return self.events[:count]

    def take_events(self, count):
        """The next `count` events, which leave `events`."""
        taken = self.wait_for_events(count)
        del self.events[:count]
        return taken

    def take_events_of(self, channel, count):
        """The next `count` events of one channel; those of others stay."""
        while sum(event.channel == channel for event in self.events) < count:
            self._read_one()
        taken = [event for event in self.events if event.channel == channel][:count]
        self.events = [event for event in self.events if event not in taken]
        return taken

    def events_until_closed(self, code):
        """All events up to the server's close, which must have that code; ends the connection."""
        try:
            while True:
                self._read_one()
        except Closed as closed:
            assert closed.code == code, closed
        self.websocket.abort()
        return self.events

    def wait_for_control(self, kind):
        """The next control message of that type without an id."""
        while True:
            for position, message in enumerate(self.controls):
                if message["type"] == kind:
                    return self.controls.pop(position)
            self._read_one()

    def expect_no_event_before(self, marker_channel, publisher):
        """Proves that no event is on its way: one published afterwards is the next that comes."""
        assert not self.events, f"unexpected: {self.events}"
        self.subscribe(marker_channel)
        publisher.publish(marker_channel, "marker", type="marker")
        event = self.take_events(1)[0]
        assert event.type == "marker", f"unexpected: {event}"
