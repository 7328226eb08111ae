"""Proves: a trusted proxy says whose connection it is, and nobody else does."""

import pytest
from harness.certificates import Authority, need_openssl
from harness.deadline import SLOW, eventually
from harness.event_source import EventSource
from harness.http import HttpConnection
from harness.websocket import WebSocket, handshake, open_socket

PROXY = "127.0.0.8"  # Clients come from this address of this machine where it is the proxy.
LIMIT = ("--max-connections-per-address", "1")
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V4 = bytes([203, 0, 113, 9, 10, 0, 0, 1]) + (4711).to_bytes(2, "big") + (443).to_bytes(2, "big")
V6 = bytes.fromhex("20010db8000100020000000000000007") + bytes(16) + bytes(4)


def upgraded(server, headers=(), source=PROXY, before=b""):
    """The upgrade that a proxy passes on."""
    return WebSocket(server.address, headers=headers, source=source, before=before)


def is_served(websocket):
    """Whether it gets its greeting, or is closed because of its address."""
    frame = websocket.read_frame()
    assert frame.opcode == 1 or b"from this address" in frame.payload, frame
    return frame.opcode == 1


def forwarded(*addresses):
    return [("X-Forwarded-For", address) for address in addresses]


def binary(command, family, rest):
    return SIGNATURE + bytes([command, family]) + len(rest).to_bytes(2, "big") + rest


def test_clients_behind_a_proxy_are_counted_apart(stage):
    server = stage.server("--trusted-proxy", f"{PROXY}/32", *LIMIT)
    first = upgraded(server, forwarded("203.0.113.9"))
    second = upgraded(server, forwarded("203.0.113.10"))
    again = upgraded(server, forwarded("203.0.113.9"))
    assert (is_served(first), is_served(second), is_served(again)) == (True, True, False)
    first.close()
    eventually(lambda: is_served(upgraded(server, forwarded("203.0.113.9"))), "the place is free again")


def test_a_slash_64_is_one_client(stage):
    server = stage.server("--trusted-proxy", PROXY, *LIMIT)
    websockets = [
        upgraded(server, forwarded(f"2001:db8:1:{net}::{host}")) for net, host in ((1, 1), (1, 2), (2, 1))
    ]
    assert [is_served(one) for one in websockets] == [True, False, True]


def test_what_a_client_invents_is_not_believed(stage):
    server = stage.server("--trusted-proxy", "127.0.0.8/29", *LIMIT)
    kept = upgraded(server, forwarded("203.0.113.9"))
    assert is_served(kept)
    for invented in (
        ["1.1.1.1, 203.0.113.9"],
        ["1.1.1.1", "203.0.113.9"],
        ["127.0.0.8, 203.0.113.9, 127.0.0.9"],
        ["203.0.113.9:99"],
        ["nonsense, 203.0.113.9"],
    ):
        assert not is_served(upgraded(server, forwarded(*invented))), invented
    other_header = [("Forwarded", "for=1.1.1.1"), *forwarded("203.0.113.9")]
    assert not is_served(upgraded(server, other_header)), "the header that nobody looks at"


def test_who_is_no_proxy_is_not_believed(stage):
    server = stage.server("--trusted-proxy", PROXY, *LIMIT)
    first = upgraded(server, forwarded("203.0.113.9"), source="127.0.0.2")
    second = upgraded(server, forwarded("203.0.113.10"), source="127.0.0.2")
    assert (is_served(first), is_served(second)) == (True, False)


def test_without_trusted_proxies_nobody_is_believed(stage):
    server = stage.server(*LIMIT)
    first, second = (upgraded(server, forwarded(f"203.0.113.{n}")) for n in (9, 10))
    assert (is_served(first), is_served(second)) == (True, False)


@pytest.mark.parametrize(
    "limit, refusal",
    [
        (LIMIT, "too many connections from this address"),
        (("--max-new-connections-per-address", "1/h"), "too many new connections from this address"),
    ],
)
def test_a_stream_behind_a_proxy_counts_once(stage, limit, refusal):
    server = stage.server("--trusted-proxy", PROXY, *limit)

    def stream(client):
        header = ("X-Forwarded-For", client)
        return EventSource(server.address, "/events/a", headers=[header], source=PROXY)

    with stream("203.0.113.9") as first, stream("203.0.113.9") as again, stream("203.0.113.10") as other:
        first.subscribed()
        assert refusal in again.read().data
        other.subscribed()
        assert server.stats()["refused"] == 1


def test_the_proxy_itself_is_not_limited(stage):
    server = stage.server("--trusted-proxy", PROXY, *LIMIT, "--max-requests", "1/h")
    websockets = [upgraded(server) for _ in range(3)]
    assert [is_served(one) for one in websockets] == [True] * 3
    with HttpConnection(open_socket(server.address, source=PROXY)) as http:
        for client, status in (
            ("", 200),
            ("", 200),
            ("203.0.113.9", 200),
            ("203.0.113.9", 429),
            ("203.0.113.8", 200),
        ):
            header = f"X-Forwarded-For: {client}\r\n" if client else ""
            http.send(f"GET /healthz HTTP/1.1\r\nHost: x\r\n{header}\r\n")
            assert http.read().status == status, client


def test_the_standard_header_where_it_is_asked_for(stage):
    server = stage.server("--trusted-proxy", PROXY, "--forwarded-header", "forwarded", *LIMIT)
    elements = ["for=203.0.113.9;proto=https", 'for="[2001:db8::1]:4711"', "for=203.0.113.9"]
    websockets = [upgraded(server, [("Forwarded", element)]) for element in elements]
    assert [is_served(one) for one in websockets] == [True, True, False]
    assert not is_served(upgraded(server, [("Forwarded", "for=203.0.113.9"), *forwarded("1.1.1.1")]))


def test_a_proxy_on_a_unix_socket(stage, tmp_path):
    server = stage.server("--trusted-proxy", "unix", *LIMIT, listen=f"unix:{tmp_path}/s")
    websockets = [upgraded(server, forwarded(f"203.0.113.{n}"), source=None) for n in (9, 10, 9)]
    assert [is_served(one) for one in websockets] == [True, True, False]


# The PROXY protocol.


@pytest.fixture
def behind_proxy(stage):
    return stage.server(
        "--trusted-proxy", PROXY, "--proxy-protocol", *LIMIT, "--handshake-timeout", f"{2 * SLOW}s"
    )


LINE = b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n"


def test_a_header_of_either_version_names_the_client(behind_proxy):
    kept = upgraded(behind_proxy, before=LINE)
    assert is_served(kept)
    assert not is_served(upgraded(behind_proxy, before=binary(0x21, 0x11, V4)))
    assert not is_served(upgraded(behind_proxy, before=binary(0x21, 0x11, V4 + b"\x04\x00\x02xx")))
    kept_too = upgraded(behind_proxy, before=binary(0x21, 0x21, V6))
    assert is_served(kept_too)
    same_net = b"PROXY TCP6 2001:db8:1:2::8 ::1 4711 443\r\n"
    assert not is_served(upgraded(behind_proxy, before=same_net)), "the same /64"


def test_a_header_may_come_byte_by_byte(behind_proxy):
    for header in (LINE, binary(0x21, 0x21, V6)):
        websocket = WebSocket(behind_proxy.address, None, source=PROXY)
        for position in range(len(header)):
            websocket.send(header[position : position + 1])
        websocket.send(handshake())
        websocket.read_upgrade()
        assert is_served(websocket)


def test_a_proxy_that_speaks_for_itself_is_not_limited(behind_proxy):
    for header in (b"PROXY UNKNOWN\r\n", binary(0x20, 0, b""), binary(0x21, 0, b"")) * 2:
        assert is_served(upgraded(behind_proxy, before=header)), header


def test_a_header_in_front_of_a_request_can_name_a_client_further_away(stage):
    server = stage.server(
        "--trusted-proxy", PROXY, "--trusted-proxy", "10.0.0.0/8", "--proxy-protocol", *LIMIT
    )
    inner = b"PROXY TCP4 10.0.0.7 127.0.0.1 4711 443\r\n"
    websockets = [upgraded(server, forwarded(f"203.0.113.{n}"), before=inner) for n in (9, 10, 9)]
    assert [is_served(one) for one in websockets] == [True, True, False]
    outer = b"PROXY TCP4 198.51.100.1 127.0.0.1 4711 443\r\n"
    websockets = [upgraded(server, forwarded(f"203.0.113.{n}"), before=outer) for n in (11, 12)]
    assert [is_served(one) for one in websockets] == [True, False], "who is no proxy is not believed"


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PROXY TCP4 203.0.113.9 10.0.0.1 4711\r\n",
        b"PROXY TCP4 203.0.113.999 10.0.0.1 4711 443\r\n",
        b"PROXY UNKNOWN " + b"x" * 200,
        b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\n",
        SIGNATURE + b"\x11\x11\x00\x0c" + V4,
        SIGNATURE + b"\x21\x11\x00\x0b" + V4,
        SIGNATURE + b"\x21\x11\xff\xff",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_what_is_no_header_ends_the_connection(behind_proxy, bytes_sent):
    with HttpConnection(open_socket(behind_proxy.address, source=PROXY)) as http:
        http.send(bytes_sent)
        assert http.ended()
    assert behind_proxy.stats()["bad_proxy_headers"] == 1


def test_a_header_that_never_ends_has_its_time(behind_proxy):
    with HttpConnection(open_socket(behind_proxy.address, source=PROXY)) as http:
        http.send(LINE[:-1])
        assert http.ended()
    assert behind_proxy.stats()["handshake_timeouts"] == 1


def test_a_header_stands_in_front_of_tls(stage, tmp_path):
    need_openssl()
    authority = Authority(tmp_path)
    tls = authority.trusting()
    server = stage.server(
        "--trusted-proxy", PROXY, "--proxy-protocol", *LIMIT, *authority.issue().served, tls=tls
    )
    kept = []
    for client, served in ((9, True), (10, True), (9, False)):
        line = f"PROXY TCP4 203.0.113.{client} 10.0.0.1 4711 443\r\n".encode()
        websocket = WebSocket(server.address, source=PROXY, tls=tls, before=line)
        kept.append(websocket)
        assert is_served(websocket) == served, client


def test_who_is_no_proxy_says_no_header(behind_proxy):
    websocket = upgraded(behind_proxy, source="127.0.0.2")
    assert is_served(websocket)
    with HttpConnection(open_socket(behind_proxy.address, source="127.0.0.3")) as http:
        http.send(LINE + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert http.read().status == 400, "of anybody else it is a bad request"
