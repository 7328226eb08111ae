"""A page in headless Chromium, and what it found."""

import http.server
import json
import shutil
import threading

from .deadline import DEADLINE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Pages(http.server.ThreadingHTTPServer):
    """Serves the page (a text, or what makes it when it is asked for), and waits for what it found."""

    def __init__(self, page):
        super().__init__(("127.0.0.1", 0), Handler)
        self.page = page if callable(page) else lambda: page
        self.verdict = None
        self.loaded = threading.Event()
        self.arrived = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/":
            return self._answer(404, b"")
        self._answer(200, self.server.page().encode())
        self.server.loaded.set()

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


def verdict_of(stage, page, *options, host="127.0.0.1", meanwhile=lambda: None):
    """What a page found that Chromium loaded from that host, while something else went on."""
    with Pages(page) as pages:
        browser = stage.process(
            [
                CHROMIUM,
                *options,
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
                f"http://{host}:{pages.server_address[1]}/",
            ]
        )

        def wait_for(event, what):
            assert event.wait(2 * DEADLINE), f"the page {what}; chromium says:\n{browser.stderr[-4000:]}"

        # A browser may take its time to start; what goes on meanwhile has deadlines of its own.
        wait_for(pages.loaded, "was never asked for")
        meanwhile()
        wait_for(pages.arrived, "never reported")
        pages.shutdown()
    assert "failure" not in pages.verdict, pages.verdict
    return pages.verdict
