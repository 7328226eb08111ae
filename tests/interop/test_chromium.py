"""Proves: a browser's own WebSocket works with wsserve: events, compression, binary, closing."""

import json
import pathlib

import pytest
from harness.browser import CHROMIUM, verdict_of
from harness.deadline import eventually

if not CHROMIUM:
    pytest.skip("chromium is not installed", allow_module_level=True)

SESSIONS = pathlib.Path(__file__).parents[2] / "examples" / "front-ends" / "sessions.toml"

PAGE = """<!doctype html><title>wskit</title><script type="module">
const base = "%s", strict = "%s";
function open(path, protocols, server = base) {
  const socket = new WebSocket(server + path, protocols);
  socket.binaryType = "arraybuffer";
  const queue = [], waiting = [];
  const put = (item) => (waiting.length ? waiting.shift()(item) : queue.push(item));
  socket.onmessage = (event) => put({ data: event.data });
  socket.onclose = (event) => put({ code: event.code, reason: event.reason, clean: event.wasClean });
  socket.next = () => (queue.length ? Promise.resolve(queue.shift()) : new Promise((done) => waiting.push(done)));
  socket.nextJson = async () => {
    const item = await socket.next();
    if (item.code) throw new Error(`closed with ${item.code} ${item.reason}`);
    return JSON.parse(item.data);
  };
  return new Promise((done, fail) => {
    socket.onopen = () => done(socket);
    socket.onerror = () => fail(new Error(path));
  });
}
async function nextEvent(socket) {
  for (;;) {
    const message = await socket.nextJson();
    if ("offset" in message) return message;
  }
}
function check(condition, what) { if (!condition) throw new Error(what); }

async function scenario() {
  const facts = {};
  const subscriber = await open("/ws/market/*", ["wskit.v1.json"]);
  facts.protocol = subscriber.protocol;
  facts.extensions = subscriber.extensions;
  check((await subscriber.nextJson()).type === "connected", "greeted");
  const publisher = await open("/ws");
  check((await publisher.nextJson()).type === "connected", "greeted");
  let size = 1, offset = 0, text = "";
  while (size < 600000) {
    while (text.length < size) text += `order ${text.length} book é漢😀 `;
    const data = { text: text.slice(0, size).replace(/[\\ud800-\\udbff]$/, "") };
    publisher.send(JSON.stringify({ action: "publish", id: ++offset, channel: "market/X", type: "t", data }));
    const reply = await publisher.nextJson();
    check(reply.type === "published" && reply.data.offset === offset, JSON.stringify(reply));
    const event = await nextEvent(subscriber);
    check(event.offset === offset && event.data.text === data.text, `event ${offset} of ${size}`);
    size = Math.ceil(size * 1.5) + 3;
  }
  facts.events = offset;

  const echo = await open("/echo");
  for (const bytes of [0, 1, 126, 65536, 1 << 20]) {
    const sent = new Uint8Array(bytes).map((_, at) => (at * 31) ^ (at >> 8));
    echo.send(sent);
    const got = new Uint8Array((await echo.next()).data);
    check(got.length === bytes && got.every((byte, at) => byte === sent[at]), `${bytes} bytes`);
  }
  echo.close(4321, "because");
  facts.echo_close = await echo.next();
  const wordy = await open("/ws", [], strict);
  check((await wordy.nextJson()).type === "connected", "greeted");
  wordy.send("x".repeat(5000));
  facts.too_big = await wordy.next();
  subscriber.close();
  facts.plain_close = await subscriber.next();
  return facts;
}
const verdict = await scenario().catch((error) => ({ failure: String(error) }));
await fetch("/verdict", { method: "POST", body: JSON.stringify(verdict) });
</script>"""


def test_a_page_gets_what_it_was_promised(stage):
    strict = stage.server("--max-message", "1KiB")
    verdict = verdict_of(stage, PAGE % (stage.server("--echo").url, strict.url))
    assert verdict["protocol"] == "wskit.v1.json"
    assert verdict["extensions"].startswith("permessage-deflate")
    assert verdict["events"] > 20
    assert verdict["echo_close"]["clean"] and verdict["echo_close"]["code"] == 4321
    assert verdict["too_big"]["code"] == 1009
    assert verdict["plain_close"]["clean"] and verdict["plain_close"]["code"] in (1000, 1005)


EVENTS_PAGE = """<!doctype html><title>wskit</title><script type="module">
const base = "%s";
function listen(path, count) {
  const stream = new EventSource(base + path);
  const seen = { events: [], controls: [], opened: 0 };
  const all = new Promise((finished) => { seen.finished = finished; });
  stream.onopen = () => ++seen.opened;
  return new Promise((done, fail) => {
    stream.addEventListener("@subscribed", ({ data }) => {
      seen.controls.push(JSON.parse(data).data.channels[0].recovered);
      done({ seen, all });
    });
    stream.onmessage = ({ data, lastEventId }) => {
      const event = JSON.parse(data);
      seen.events.push([event.offset, event.data, lastEventId]);
      if (seen.events.length === count) seen.finished();
    };
    stream.onerror = () => stream.readyState === EventSource.CLOSED && fail(new Error(`refused: ${path}`));
  });
}
async function scenario() {
  const listening = await listen("/events/market/*", 4);
  await listening.all;
  const history = await fetch(`${base}/history/market/X`);
  return { ...listening.seen, offset: history.headers.get("Wskit-Offset") };
}
const verdict = await scenario().catch((error) => ({ failure: String(error) }));
await fetch("/verdict", { method: "POST", body: JSON.stringify(verdict) });
</script>"""

FOREIGN_PAGE = """<!doctype html><title>foreign</title><script type="module">
const port = %d, base = `127.0.0.1:${port}`, rebound = `${location.hostname}:${port}`;
const socket = (host) => new Promise((done) => {
  const made = new WebSocket(`ws://${host}/ws`);
  made.onopen = () => done("open");
  made.onclose = ({ code }) => done(code);
});
const stream = (host) => new Promise((done) => {
  const made = new EventSource(`http://${host}/events/a`);
  made.onopen = () => done("open");
  made.onerror = () => done("refused");
});
const read = (host, path, options) => fetch(`http://${host}${path}`, options).then((r) => r.status, () => "blocked");
const post = { method: "POST", body: "1" };
const simple = { ...post, mode: "no-cors", headers: { "Content-Type": "text/plain" } };
const verdict = {
  socket: await socket(base), stream: await stream(base), stats: await read(base, "/ws/stats"),
  post: await read(base, "/publish/a", post), simple: await read(base, "/publish/a", simple),
  rebound_socket: await socket(rebound), rebound_stats: await read(rebound, "/ws/stats"),
  rebound_post: await read(rebound, "/publish/a", post),
};
await fetch("/verdict", { method: "POST", body: JSON.stringify(verdict) });
</script>"""

EVIL = "--host-resolver-rules=MAP evil.example 127.0.0.1"


def test_an_event_source_outlives_its_server(stage, tmp_path):
    """The browser comes back by itself, with the last id that it saw, and misses nothing in between."""
    server = stage.lasting_server("--store", tmp_path / "e.db")

    def restart_in_the_middle():
        server.wait_for_subscriptions(1)
        with server.client() as publisher:
            publisher.publish("market/X", 1)
            publisher.publish_text("market/X", '{"a":\n 2}')
        eventually(lambda: server.stats()["delivered"] == 2, "two events")
        server.stop()
        again = stage.restart(server)
        with again.client() as publisher:
            publisher.publish("market/X", 3)
            publisher.publish("market/X", 4)

    verdict = verdict_of(
        stage, EVENTS_PAGE % server.url.replace("ws:", "http:"), meanwhile=restart_in_the_middle
    )
    assert [event[:2] for event in verdict["events"]] == [[1, 1], [2, {"a": 2}], [3, 3], [4, 4]]
    assert all(event[2].startswith("*") for event in verdict["events"])
    assert verdict["opened"] == 2 and verdict["controls"] == [False, True]
    assert verdict["offset"] == "4", "headers of the answer may be read"


def test_a_foreign_page_gets_nowhere(stage):
    server = stage.server()
    verdict = verdict_of(stage, FOREIGN_PAGE % server.port, EVIL, host="evil.example")
    assert verdict["socket"] == 1006 and verdict["rebound_socket"] == 1006
    assert verdict["stream"] == "refused"
    assert verdict["stats"] == "blocked" and verdict["post"] == "blocked"
    assert verdict["rebound_stats"] == "blocked" and verdict["rebound_post"] == "blocked"
    assert server.stats()["published"] == 0, "not even by a request that needs no leave"
    assert server.stats()["refused_origin"] >= 7


def test_a_foreign_page_that_is_allowed_gets_everywhere(stage):
    server = stage.server("--origin", "http://evil.example:*")
    verdict = verdict_of(stage, FOREIGN_PAGE % server.port, EVIL, host="evil.example")
    assert (verdict["socket"], verdict["stream"], verdict["stats"], verdict["post"]) == (
        "open",
        "open",
        200,
        200,
    )
    assert server.stats()["published"] == 3


TABS = """<!doctype html><title>session 42</title><script type="module">
// A tab: a document of its own with a WebSocket of its own.
const code = `
  const socket = new WebSocket("%s/ws/session/42"), seen = [];
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if ("offset" in message) seen.push(message.type);
    if (message.type === "session_completed") parent.postMessage(seen, "*");
  };
  socket.onclose = ({ code }) => parent.postMessage("closed with " + code, "*");`;
const tabs = [];
onmessage = ({ data }) => {
  tabs.push(data);
  if (tabs.length === 3) fetch("/verdict", { method: "POST", body: JSON.stringify({ tabs }) });
};
for (let tab = 0; tab < 3; ++tab) {
  const frame = document.createElement("iframe");
  frame.srcdoc = `<script>${code}<` + "/script>";
  document.body.append(frame);
}
</script><body></body>"""


def test_a_session_is_the_same_in_three_documents(stage):
    """With the configuration that is an example for such front ends."""
    server = stage.server("--config", str(SESSIONS), "--threads", "3")
    sent = ["session_initialized", "candle", "ai_decision", "session_completed"]

    def play():
        server.wait_for_subscriptions(3)
        with server.client() as engine:
            for kind in sent:
                engine.publish("session/42", {}, type=kind)

    assert verdict_of(stage, TABS % server.url, meanwhile=play)["tabs"] == [sent] * 3
