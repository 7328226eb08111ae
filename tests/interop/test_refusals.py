"""Proves: npm's `ws`, a browser and curl are each told of every refusal and limit in the way that they understand."""

import dataclasses
import json
import pathlib
import shutil

import pytest
from harness.browser import CHROMIUM, verdict_of
from harness.curl import curl
from harness.tokens import Issuer

HERE = pathlib.Path(__file__).parent
FOREIGN = "elsewhere.example"
# What a browser says of every upgrade that was refused: it does not tell a page why.
HIDDEN = 1006

PAGE = """<!doctype html><title>wskit</title><script type="module">
%s
const verdict = await make(WebSocket, %s).catch((error) => ({ failure: String(error) }));
await fetch("/verdict", { method: "POST", body: JSON.stringify(verdict) });
</script>"""


def command(number, action, **fields):
    return json.dumps({"action": action, "id": number, **fields})


@dataclasses.dataclass
class Refusal:
    """What is asked for, in vain."""

    options: list = dataclasses.field(default_factory=list)  # of the server
    claims: dict | None = None  # of the token; None: there is none
    path: str = "/ws"
    site: str | None = None  # of the page that asks
    sends: list = dataclasses.field(default_factory=list)
    status: int | None = None  # the upgrade is refused so
    code: int | None = None  # the WebSocket is closed so
    error: str | None = None  # the last command is answered so
    # The same by HTTP: (method, path, body), asked `repeated` times; and how the last one is answered.
    http: tuple = ("GET", "/history/a", None)
    repeated: int = 1
    http_status: int = 0


REFUSALS = {
    "a token that is none": Refusal(
        claims={}, path="/ws?token=none", status=401, http=("GET", "/history/a?token=none", None), http_status=401
    ),
    "a token that has expired": Refusal(claims={"within": -60}, status=401, http_status=401),
    "a token that runs out": Refusal(claims={"within": 6}, code=4001, http=("GET", "/events/a", None), http_status=200),
    "a channel that may not be subscribed": Refusal(
        claims={"subscribe": ["mine/*"]},
        sends=[command(1, "subscribe", channels=["mine/a"]), command(2, "subscribe", channels=["yours/a"])],
        error="FORBIDDEN",
        http=("GET", "/history/yours/a", None),
        http_status=403,
    ),
    "somebody else's own channel": Refusal(
        claims={"sub": "ann", "subscribe": ["**", "@user/*"]},
        sends=[command(1, "subscribe", channels=["@user/bob"])],
        error="FORBIDDEN",
        http=("GET", "/events/@user/bob", None),
        http_status=403,
    ),
    "a channel that may not be published to": Refusal(
        claims={"publish": ["mine/*"]},
        sends=[command(1, "publish", channel="yours/a", type="t", data=1)],
        error="FORBIDDEN",
        http=("POST", "/publish/yours/a", "1"),
        http_status=403,
    ),
    "administration by somebody who is no administrator": Refusal(
        claims={"publish": ["**"]},
        sends=[command(1, "publish", channel="@all", type="t", data=1)],
        error="FORBIDDEN",
        http=("DELETE", "/connections/none", None),
        http_status=403,
    ),
    "a page of another site": Refusal(
        options=["--origin", "https://app.example"], site=FOREIGN, status=403, http_status=403
    ),
    "a message that is too long": Refusal(
        options=["--max-message", "1KiB", "--max-body", "1KiB"],
        sends=[command(1, "publish", channel="a", type="t", data="x" * 5000)],
        code=1009,
        http=("POST", "/publish/a", json.dumps("x" * 5000)),
        http_status=413,
    ),
    "more channels than a connection may have": Refusal(
        options=["--max-channels", "1"],
        sends=[command(1, "subscribe", channels=["a"]), command(2, "subscribe", channels=["b"])],
        error="TOO_MANY_CHANNELS",
        http=("GET", "/events/a?channel=b", None),
        http_status=429,
    ),
    "more commands a second than are served": Refusal(
        options=["--max-commands", "1", "--max-requests", "1"],
        sends=[command(number, "ping") for number in range(1, 21)],
        error="RATE_LIMITED",
        repeated=20,
        http_status=429,
    ),
    "more events a second than are taken": Refusal(
        options=["--max-events", "1"],
        sends=[command(number, "publish", channel="a", type="t", data=1) for number in range(1, 21)],
        error="RATE_LIMITED",
        http=("POST", "/publish/a", "1"),
        repeated=20,
        http_status=429,
    ),
}


@pytest.fixture(params=REFUSALS, name="refusal")
def fixture_refusal(request):
    return REFUSALS[request.param]


@pytest.fixture(name="asked")
def fixture_asked(stage, refusal):
    """The server, and what makes the query that the path of a request is followed by: the token, if there is one."""
    if refusal.claims is None:
        return stage.server(*refusal.options), lambda: ""
    issuer = Issuer(stage.home)
    server = stage.server(*issuer.options, *refusal.options)
    return server, lambda: f"token={issuer.token(**refusal.claims)}"


def with_token(path, query):
    if not query or "token=" in path:
        return path
    return f"{path}{'&' if '?' in path else '?'}{query}"


def attempt(refusal, asked):
    server, query = asked
    return {
        "url": server.url + with_token(refusal.path, query()),
        "sends": refusal.sends,
        "replies": len(refusal.sends) if refusal.error else 0,
    }


def check(outcome, refusal, refused_upgrade):
    if refusal.status:
        assert not outcome["opened"] and outcome["code"] == refused_upgrade, outcome
        return
    assert outcome["opened"], outcome
    if refusal.code:
        assert outcome["code"] == refusal.code, outcome
    else:
        assert outcome["errors"] and set(outcome["errors"]) == {refusal.error}, outcome
        assert outcome["code"] == 1000, "a refused command does not close the connection"


def test_npm_ws_is_told(stage, modules, refusal, asked):
    options = {"origin": f"https://{refusal.site}"} if refusal.site else {}
    process = stage.process(
        ["node", HERE / "refusal_npm_ws.mjs", json.dumps(attempt(refusal, asked)), json.dumps(options)],
        env=stage.env(WSKIT_NODE_MODULES=modules),
    )
    assert process.wait() == 0, process.stderr
    outcome = json.loads(process.stdout)
    check(outcome, refusal, None)
    assert outcome["status"] == refusal.status


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_a_browser_is_told(stage, refusal, asked):
    text = (HERE / "refusal.mjs").read_text(encoding="utf-8").replace("export ", "")

    # A browser may take longer to start than a token lives.
    def page():
        return PAGE % (text, json.dumps(attempt(refusal, asked)))

    host = refusal.site or "127.0.0.1"
    resolved = f"--host-resolver-rules=MAP {FOREIGN} 127.0.0.1"
    check(verdict_of(stage, page, resolved, host=host), refusal, HIDDEN)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_is_told(stage, refusal, asked):
    server, query = asked
    method, path, body = refusal.http
    options = ["-X", method]
    if body is not None:
        options += ["-H", "Content-Type: application/json", "--data-binary", body]
    if refusal.site:
        options += ["-H", f"Origin: https://{refusal.site}"]
    statuses = set()
    for _ in range(refusal.repeated):
        status, _, answer = curl(stage, server, with_token(path, query()), *options)
        statuses.add(status)
        if status >= 400:
            assert json.loads(answer)["error"]["message"], "it says why"
    assert refusal.http_status in statuses
