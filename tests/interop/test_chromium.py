"""Proves: a browser's own WebSocket works with wsserve: events, compression, binary, closing."""

import http.server
import json
import shutil
import threading

import pytest
from harness.deadline import DEADLINE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not CHROMIUM:
    pytest.skip("chromium is not installed", allow_module_level=True)

PAGE = """<!doctype html><title>wskit</title><script type="module">
const base = "%s";
function open(path, protocols) {
  const socket = new WebSocket(base + path, protocols);
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
  publisher.send("x".repeat(3 << 20));
  facts.too_big = await publisher.next();
  subscriber.close();
  facts.plain_close = await subscriber.next();
  return facts;
}
const verdict = await scenario().catch((error) => ({ failure: String(error) }));
await fetch("/verdict", { method: "POST", body: JSON.stringify(verdict) });
</script>"""


class Pages(http.server.ThreadingHTTPServer):
    """Serves the page, and waits for what it found."""

    def __init__(self, page):
        super().__init__(("127.0.0.1", 0), Handler)
        self.page = page.encode()
        self.verdict = None
        self.arrived = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self._answer(200 if self.path == "/" else 404, self.server.page)

    def do_POST(self):
        self.server.verdict = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(200, b"")
        self.server.arrived.set()

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_page_gets_what_it_was_promised(stage):
    server = stage.server("--echo")
    with Pages(PAGE % server.url) as pages:
        browser = stage.process(
            [
                CHROMIUM,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                f"--user-data-dir={stage.home}/profile",
                "--remote-debugging-port=0",
                f"http://127.0.0.1:{pages.server_address[1]}/",
            ]
        )
        assert pages.arrived.wait(
            3 * DEADLINE
        ), f"the page never reported; chromium says:\n{browser.stderr[-4000:]}"
        pages.shutdown()
    verdict = pages.verdict
    assert "failure" not in verdict, verdict
    assert verdict["protocol"] == "wskit.v1.json"
    assert verdict["extensions"].startswith("permessage-deflate")
    assert verdict["events"] > 20
    assert verdict["echo_close"]["clean"] and verdict["echo_close"]["code"] == 4321
    assert verdict["too_big"]["code"] == 1009
    assert verdict["plain_close"]["clean"] and verdict["plain_close"]["code"] in (1000, 1005)
