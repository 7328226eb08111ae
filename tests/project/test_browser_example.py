"""examples/browser/index.html shows events live, in a browser that is driven over its debugging port."""

import functools
import http.server
import itertools
import json
import os
import pathlib
import re
import shutil
import threading
from base64 import b64decode
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from harness.deadline import eventually
from harness.websocket import WebSocket

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not CHROMIUM:
    pytest.skip("chromium is not installed", allow_module_level=True)

PAGE = pathlib.Path(__file__).parents[2] / "examples" / "browser" / "index.html"


@pytest.fixture
def page_url():
    """Where a page server of this machine has the example."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=PAGE.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        yield f"http://localhost:{pages.server_address[1]}/{PAGE.name}"
        pages.shutdown()


class Browser:
    """One page of a headless Chromium."""

    def __init__(self, stage, address):
        process = stage.process(
            [
                CHROMIUM,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--window-size=1100,520",
                f"--user-data-dir={stage.home}/profile",
                "--remote-debugging-port=0",
                address,
            ]
        )
        listening = process.wait_for_stderr(r"DevTools listening on ws://127\.0\.0\.1:(\d+)/")
        port = int(listening.group(1))
        page = eventually(lambda: self._find_page(port), "the browser's page")
        self._socket = WebSocket(
            ("127.0.0.1", port), re.sub(r"^ws://[^/]+", "", page["webSocketDebuggerUrl"])
        )
        self._numbers = itertools.count(1)

    @staticmethod
    def _find_page(port):
        with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            return next((target for target in json.load(answer) if target["type"] == "page"), None)

    def call(self, method, **parameters):
        number = next(self._numbers)
        self._socket.send_text(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.read_message()[1])
            if answer.get("id") == number:
                return answer["result"]

    def value(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def save_screenshot(self, path):
        path.write_bytes(b64decode(self.call("Page.captureScreenshot")["data"]))


def test_events_appear_a_row_for_each_channel(stage, server, page_url):
    browser = Browser(stage, f"{page_url}?url={quote(f'{server.url}/ws/market/*')}")
    eventually(lambda: browser.value("state.textContent") == "0 events received", "an open connection")
    events = "".join(
        json.dumps({"channel": f"market/{symbol}", "type": "trade", "data": {"price": price}}) + "\n"
        for price in range(1, 101)
        for symbol in ("MSFT", "AAPL")
    )
    assert stage.run("wspub", "-u", server.url, stdin=events.encode()).code == 0
    eventually(lambda: browser.value("state.textContent") == "200 events received", "all events")
    rows = (
        "[...document.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))"
    )
    assert browser.value(rows) == [
        ["market/AAPL", "100", "trade", '{"price":100}'],
        ["market/MSFT", "100", "trade", '{"price":100}'],
    ]
    if "WSKIT_SCREENSHOT" in os.environ:
        browser.save_screenshot(pathlib.Path(os.environ["WSKIT_SCREENSHOT"]))


def test_the_page_says_that_the_server_is_gone_and_comes_back(stage, server, page_url):
    browser = Browser(stage, f"{page_url}?url={quote(f'{server.url}/ws/market/*')}")
    eventually(lambda: browser.value("state.className") == "open", "an open connection")
    server.stop()
    eventually(lambda: "trying again" in browser.value("state.textContent"), "what happened")
    assert browser.value("state.className") == ""
    stage.restart(server)
    eventually(lambda: browser.value("state.className") == "open", "the connection again")
