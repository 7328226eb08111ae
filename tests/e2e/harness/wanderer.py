"""What a client may say at random, right and wrong: requests, upgrades, commands and frames.

Everything comes out of one random.Random, so that a seed says the same again.
"""

import base64
import json

from .frames import BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, RSV2, TEXT, close_payload, encode
from .websocket import deflate, handshake

CHANNELS = (
    "walk/durable/a",
    "walk/durable/b",
    "walk/memory/a",
    "walk/memory/b",
    "walk/latest/a",
    "walk/routed",
)
PATTERNS = ("walk/*/a", "walk/**", "walk/durable/*", "walk/latest/*")
SERVER_CHANNELS = ("@all", "@presence/walk/memory/a", "@server/stats", "@user/ann", "@connection/none")
WRONG_CHANNELS = ("", "walk//a", "walk/ a", "walk/**/a", "x" * 256, "@user/somebody", "a/" * 17 + "a")
PAGES = (
    "/",
    "/ws/stats",
    "/metrics",
    "/healthz",
    "/readyz",
    "/connections",
    "/channels",
    "/nothing",
    "/ws",
    "/%ff",
)
POSITIONS = ("start", "now", "-3", "-5m", "2", "none:1", "%5B", "2020-01-01T00:00:00Z")
UPGRADES = (
    "/ws",
    "/ws?heartbeat=0&events=t",
    "/ws/walk/durable/a?since=start",
    "/ws/walk/**?since=-5m",
    "/ws/walk/latest/a?max_rate=5",
    "/ws/walk/*/a?since=2020-01-01T00:00:00Z",
    "/ws/walk/memory/a?since=-2&conflate=yes",
    "/ws/@all",
    "/ws/%2a%2a?since=start",
    "/echo",
    "/template/durable/a",
    "/template?names=durable/a,memory/b&since=start",
    "/ws?token=wrong",
)


class Wanderer:
    """`tokens`: right and wrong ones, to be shown here and there."""

    def __init__(self, random, tokens=("wrong",)):
        self._random = random
        self._tokens = tokens
        self._numbers = 0

    # Conversations.

    def conversation(self):
        """The bytes that one client sends, one after the other."""
        pieces = [self._request() for _ in range(self._random.randint(0, 6))]
        if self._random.random() < 0.15:
            return pieces + [self._stream()]
        if self._random.random() < 0.8:
            pieces.append(self._upgrade())
            pieces += [self._frame() for _ in range(self._random.randint(0, 25))]
        if self._random.random() < 0.1:
            pieces.append(
                self._random.choice((b"\xff" * 30, b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00\x01"))
            )
        return pieces

    def cut(self, pieces):
        """The same bytes in other packets."""
        whole = b"".join(pieces)
        way = self._random.random()
        if way < 0.4:
            return [whole]
        if way < 0.6:
            return list(pieces)
        if way < 0.7:
            return [whole[i : i + 1] for i in range(min(len(whole), 600))] + [whole[600:]]
        cuts = sorted(self._random.randrange(len(whole) + 1) for _ in range(self._random.randint(1, 8)))
        return [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)])]

    # Requests.

    def _request(self):
        kinds = (self._page, self._page, self._post, self._post, self._post, self._history, self._history)
        kinds += (self._delete, self._bad_head)
        return self._random.choice(kinds)()

    def _head(self, method, target, *lines):
        lines = [f"{method} {target} HTTP/1.1", "Host: x", *lines]
        if self._random.random() < 0.2:
            lines.append(f"Authorization: Bearer {self._random.choice(self._tokens)}")
        if self._random.random() < 0.04:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _page(self):
        method = self._random.choice(("GET", "GET", "GET", "HEAD", "OPTIONS", "PUT", "BREW"))
        return self._head(method, self._random.choice(PAGES))

    def _history(self):
        position = self._random.choice(POSITIONS)
        lines = self._random.choice(((), ("Accept: application/x-ndjson",)))
        target = f"/history/{self._channel()}?since={position}&limit={self._random.choice((0, 1, 100, 'x'))}"
        return self._head(self._random.choice(("GET", "GET", "HEAD")), target, *lines)

    def _delete(self):
        target = self._random.choice(
            (
                "/connections/none",
                "/connections?user=ann",
                "/connections?channel=walk/memory/a",
                "/connections?x=1",
            )
        )
        return self._head("DELETE", target)

    def _stream(self):
        name = self._random.choice(CHANNELS + PATTERNS)
        lines = self._random.choice(((), (f"Last-Event-ID: {self._random.choice(POSITIONS)}",)))
        method = self._random.choice(("GET", "GET", "GET", "HEAD"))
        return self._head(method, f"/events/{name}?since={self._random.choice(POSITIONS)}", *lines)

    def _post(self):
        body = self._body()
        lines = []
        if b"\n" in body:
            lines.append("Content-Type: application/x-ndjson")
        if self._random.random() < 0.15:
            lines.append("Expect: 100-continue")
        if self._random.random() < 0.25:
            lines.append("Transfer-Encoding: chunked")
            at = self._random.randrange(len(body) + 1)
            body = (
                b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:at], body[at:]) if part)
                + b"0\r\n\r\n"
            )
        else:
            lines.append(f"Content-Length: {len(body)}")
        return self._head("POST", f"/publish/{self._channel()}?type=t", *lines) + body

    def _body(self):
        way = self._random.random()
        if way < 0.5:
            return json.dumps(self._data()).encode()
        if way < 0.9:
            events = [{"type": "t", "data": self._data()} for _ in range(self._random.randint(1, 4))]
            return b"".join(json.dumps(event).encode() + b"\n" for event in events)
        return self._random.choice((b"", b"{", b'{"type":"t"}\n{\n', b"\xff", b"1 2"))

    def _bad_head(self):
        return self._random.choice(
            (
                b"GET / HTTP/1.1\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                b"nonsense\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
                b"GET /healthz HTTP/1.0\r\n\r\n",
                b"POST /publish/a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
                b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000 + b"\r\n\r\n",
            )
        )

    def _upgrade(self):
        headers = []
        self._deflates = self._random.random() < 0.4
        if self._deflates:
            offers = ("permessage-deflate", "permessage-deflate; client_no_context_takeover")
            headers.append(("Sec-WebSocket-Extensions", self._random.choice(offers)))
        target = self._random.choice(UPGRADES)
        if self._random.random() < 0.3:
            target += ("&" if "?" in target else "?") + f"token={self._random.choice(self._tokens)}"
        return handshake(target, headers=headers)

    # Frames.

    def _frame(self):
        way = self._random.random()
        if way < 0.8:
            return self._message(json.dumps(self._command()))
        if way < 0.92:
            return self._encode(self._random.choice((PING, PONG)), self._bytes(self._random.randint(0, 60)))
        if way < 0.95:
            return self._encode(CLOSE, close_payload(1000))
        return self._random.choice(
            (
                self._encode(TEXT, b"\xff"),
                self._encode(BINARY, b"\x00"),
                self._encode(CONTINUATION, b"x"),
                self._encode(TEXT, "x", reserved=RSV2),
                self._encode(TEXT, "x" * 5, claimed=1 << 40),
                self._encode(TEXT, "{"),
                self._encode(TEXT, deflate("{}")[:-1], reserved=RSV1),
            )
        )

    def _message(self, text):
        data, reserved = text.encode(), 0
        if self._deflates and self._random.random() < 0.6:
            data, reserved = deflate(data), RSV1
        if len(data) < 2 or self._random.random() < 0.8:
            return self._encode(TEXT, data, reserved=reserved)
        at = self._random.randrange(1, len(data))
        between = self._encode(PING, b"between") if self._random.random() < 0.5 else b""
        first = self._encode(TEXT, data[:at], fin=False, reserved=reserved)
        return first + between + self._encode(CONTINUATION, data[at:])

    def _encode(self, opcode, payload, **options):
        return encode(opcode, payload, mask=self._bytes(4), **options)

    def _bytes(self, count):
        return bytes(self._random.randrange(256) for _ in range(count))

    def _command(self):
        kinds = (self._subscribe,) * 4 + (self._publish,) * 5 + (self._ask,) * 3
        kinds += (self._unsubscribe, self._auth, self._wrong)
        command = self._random.choice(kinds)()
        if self._random.random() < 0.8:
            self._numbers += 1
            command["id"] = self._numbers
        return command

    def _subscribe(self):
        command = {"action": "subscribe", "channels": self._names()}
        if self._random.random() < 0.7:
            command["since"] = self._since()
        if self._random.random() < 0.3:
            command["max_rate"] = self._random.choice((0.5, 5, 1000, -1, "x"))
        if self._random.random() < 0.2:
            command["conflate"] = self._random.choice((True, False, "50ms", 7))
        if self._random.random() < 0.2:
            command["events"] = self._random.choice((["t"], ["u", "t"], [], ["bad type"]))
        if self._random.random() < 0.2:
            command["matched"] = True
        return command

    def _unsubscribe(self):
        command = {"action": "unsubscribe"}
        if self._random.random() < 0.8:
            command["channels"] = self._names()
        if self._random.random() < 0.2:
            command["events"] = ["t"]
        return command

    def _publish(self):
        command = {"action": "publish"}
        if self._random.random() < 0.3:
            command["producer"] = self._random.choice(("p", "q", "p" * 64, "p" * 65))
        numbered = "producer" in command
        if self._random.random() < 0.7:
            return {**command, **self._event(numbered)}
        return {**command, "events": [self._event(numbered) for _ in range(self._random.randint(0, 6))]}

    def _event(self, numbered):
        event = {"channel": self._channel(), "type": self._random.choice(("t", "t", "t", "u", "bad type"))}
        if self._random.random() < 0.3:
            event["key"] = self._random.choice("abc")
        if numbered and self._random.random() < 0.95:
            event["sequence"] = self._random.choice((self._random.randrange(50), -1, 1 << 63))
        elif self._random.random() < 0.2:
            event["dedup"] = f"d{self._random.randrange(20)}"
        return {**event, "data": self._data()}

    def _ask(self):
        action = self._random.choice(("history", "history", "presence", "ping", "stats"))
        if action in ("ping", "stats"):
            return {"action": action}
        command = {"action": action, "channel": self._channel()}
        if action == "history" and self._random.random() < 0.7:
            command["since"] = self._since()
        return command

    def _auth(self):
        return {"action": "auth", "token": self._random.choice(self._tokens)}

    def _wrong(self):
        return self._random.choice(
            (
                {},
                {"action": "nothing"},
                {"action": 7},
                {"action": "subscribe", "channels": 7},
                {"action": "publish"},
            )
        )

    def _names(self):
        wide = CHANNELS * 3 + PATTERNS * 2 + SERVER_CHANNELS + WRONG_CHANNELS[:3]
        return [self._random.choice(wide) for _ in range(self._random.choice((1, 1, 1, 2, 3)))]

    def _channel(self):
        way = self._random.random()
        if way < 0.85:
            return self._random.choice(CHANNELS)
        if way < 0.95:
            return f"walk/short/{self._random.randrange(40)}"
        return self._random.choice(WRONG_CHANNELS[2:] if way < 0.97 else ("@all", "@user/ann")).replace(
            " ", "%20"
        )

    def _since(self):
        position = {"offset": self._random.randrange(6), "epoch": self._random.choice(("none", ""))}
        return self._random.choice(
            (
                "start",
                "now",
                "-5m",
                {"last": self._random.randrange(4)},
                {"time": "2020-01-01T00:00:00Z"},
                {"time": "2100-01-01T00:00:00Z"},
                {"time": "never"},
                position,
                {"positions": {self._random.choice(CHANNELS): position}, "time": "2020-01-01T00:00:00Z"},
                {"positions": {"walk/short/none": position}},
                {"positions": 7},
            )
        )

    def _data(self):
        way = self._random.random()
        if way < 0.6:
            return self._random.randrange(1000)
        if way < 0.95:
            return {"text": "x" * self._random.randrange(300)}
        # Long, and nothing that a compressor makes short.
        return base64.b64encode(self._bytes(3000)).decode() * self._random.randint(1, 10)
