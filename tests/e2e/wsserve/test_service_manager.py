"""Proves: under a service manager such as systemd the server takes the sockets that it is given, and says how it is."""

import os
import re
import signal
import socket

import pytest
from harness.certificates import Authority
from harness.client import Client
from harness.deadline import DEADLINE
from harness.process import binary
from harness.websocket import WebSocket, handshake


class Manager:
    """What listens at NOTIFY_SOCKET."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(DEADLINE)
        self._socket.bind(path)
        self.name = path if isinstance(path, str) else "@" + path[1:].decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def next(self):
        """The next state that it is told, as a dictionary."""
        return dict(line.split("=", 1) for line in self._socket.recv(4096).decode().splitlines())

    def next_with(self, name):
        while name not in (state := self.next()):
            pass
        return state


@pytest.fixture(params=["file", "abstract"])
def manager(request, tmp_path):
    abstract = b"\0wskit-test-%d" % os.getpid()
    with Manager(str(tmp_path / "notify") if request.param == "file" else abstract) as made:
        yield made


def activated(stage, listener, *options, **env):
    """A server that is handed `listener` as descriptor 3."""
    command = f'exec 3<&{listener.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
    words = ["bash", "-c", command, "-", binary("wsserve"), *options]
    process = stage.process(words, stage.env(**env), pass_fds=[listener.fileno()])
    process.url = process.wait_for_lines(1)[0].decode()
    return process


def listening(address="127.0.0.1"):
    return socket.create_server((address, 0))


def ends_well(process):
    process.signal(signal.SIGTERM)
    assert process.wait() == 0, process.stderr


# What it says.


def test_the_manager_hears_of_each_state(stage, manager):
    process = stage.tool("wsserve", "--listen", "127.0.0.1:0", env=stage.env(NOTIFY_SOCKET=manager.name))
    assert manager.next()["READY"] == "1"
    process.wait_for_lines(1)
    process.signal(signal.SIGHUP)
    reloading = manager.next()
    assert reloading["RELOADING"] == "1" and int(reloading["MONOTONIC_USEC"]) > 0
    assert manager.next()["READY"] == "1"
    process.signal(signal.SIGTERM)
    assert manager.next()["STOPPING"] == "1"
    assert process.wait() == 0


def test_a_reload_that_failed_is_over_as_well(stage, manager):
    file = stage.home / "wsserve.toml"
    file.write_text("")
    options = ["--listen", "127.0.0.1:0", "--config", str(file)]
    process = stage.tool("wsserve", *options, env=stage.env(NOTIFY_SOCKET=manager.name))
    manager.next_with("READY")
    file.write_text("nonsense = 1\n")
    process.signal(signal.SIGHUP)
    manager.next_with("RELOADING")
    manager.next_with("READY")
    process.wait_for_stderr("nothing was reloaded")
    ends_well(process)


def test_the_watchdog_is_fed_while_the_shards_turn(stage, manager):
    env = stage.env(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC=100_000)
    process = stage.tool("wsserve", "--listen", "127.0.0.1:0", env=env)
    for _ in range(5):
        assert manager.next_with("WATCHDOG")["WATCHDOG"] == "1"
    ends_well(process)


def test_a_watchdog_of_another_process_is_not_fed(stage, manager):
    env = stage.env(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC=20_000, WATCHDOG_PID=1)
    process = stage.tool("wsserve", "--listen", "127.0.0.1:0", env=env)
    assert "READY" in manager.next()
    process.signal(signal.SIGHUP)
    assert "RELOADING" in manager.next(), "and no WATCHDOG before it"
    ends_well(process)


@pytest.mark.parametrize("name", ["/nowhere/at/all", "x", "@", "/" + "x" * 200])
def test_a_manager_that_is_away_is_no_trouble(stage, name):
    process = stage.tool("wsserve", "--listen", "127.0.0.1:0", env=stage.env(NOTIFY_SOCKET=name))
    process.wait_for_lines(1)
    ends_well(process)


# Sockets that it is given.


def test_a_connection_made_before_the_start_is_served(stage):
    with listening() as listener:
        early = socket.create_connection(listener.getsockname(), timeout=DEADLINE)
        early.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        process = activated(stage, listener)
        assert process.url == f"ws://127.0.0.1:{listener.getsockname()[1]}"
        assert early.recv(65536).startswith(b"HTTP/1.1 200 ")
        early.close()
        ends_well(process)
        assert process.stderr.count("listening on") == 1, "nothing else is listened on"


def test_a_restart_refuses_nobody(stage):
    with listening() as listener:
        address = listener.getsockname()
        first = activated(stage, listener)
        with Client(WebSocket(address)) as client:
            client.still_works()
            first.signal(signal.SIGKILL)
            first.wait()
        waiting = socket.create_connection(address, timeout=DEADLINE)
        waiting.sendall(handshake())
        second = activated(stage, listener)
        assert waiting.recv(65536).startswith(b"HTTP/1.1 101 ")
        waiting.close()
        ends_well(second)


def test_a_unix_socket_keeps_its_file(stage):
    path = str(stage.home / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        process = activated(stage, listener)
        assert process.url == f"ws+unix:{path}"
        with Client(WebSocket(path)) as client:
            client.still_works()
        ends_well(process)
        assert os.path.exists(path), "it is the manager's"


def test_an_address_that_is_named_is_served_besides(stage):
    with listening() as listener:
        process = activated(stage, listener, "--listen", "127.0.0.1:0")
        process.wait_for_stderr(r"(?s)(listening on .*){2}")
        for url in re.findall(r"listening on ws://127.0.0.1:(\d+)", process.stderr):
            with Client(WebSocket(("127.0.0.1", int(url)))) as client:
                client.still_works()
        ends_well(process)


def test_the_default_address_is_served_besides_where_it_is_named(stage):
    with listening() as listener:
        command = f'exec 3<&{listener.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
        words = ["bash", "-c", command, "-", binary("wsserve"), "--listen", "127.0.0.1:9000"]
        process = stage.process(words, stage.env(), pass_fds=[listener.fileno()])
        # Somebody else may have that port.
        process.wait_for_stderr(r"(listening on ws://127.0.0.1:9000 )|(cannot listen on 127.0.0.1:9000)")
        if "cannot listen" in process.stderr:
            assert process.wait() == 8
        else:
            ends_well(process)


def test_an_address_that_was_handed_over_may_be_named_too(stage):
    with listening() as listener:
        process = activated(stage, listener, "--listen", f"127.0.0.1:{listener.getsockname()[1]}")
        with Client(WebSocket(listener.getsockname())) as client:
            client.still_works()
        ends_well(process)
        assert process.stderr.count("listening on") == 1


def test_tls_holds_for_it(stage):
    authority = Authority(stage.home)
    with listening() as listener:
        process = activated(stage, listener, *authority.issue().served)
        assert process.url.startswith("wss://")
        with Client(WebSocket(listener.getsockname(), tls=authority.trusting())) as client:
            client.still_works()
        ends_well(process)


def test_what_is_no_listening_socket_is_refused(stage):
    with socket.socket() as other, open("/dev/null", "rb") as file:
        for wrong in (other, file):
            command = f'exec 3<&{wrong.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
            words = ["bash", "-c", command, "-", binary("wsserve")]
            process = stage.process(words, stage.env(), pass_fds=[wrong.fileno()])
            assert process.wait() == 8
            assert "descriptor 3 was handed over as a socket to listen on, and is none" in process.stderr


def test_a_socket_others_can_reach_needs_the_same_leave(stage):
    with listening("0.0.0.0") as listener:
        command = f'exec 3<&{listener.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
        words = ["bash", "-c", command, "-", binary("wsserve")]
        process = stage.process(words, stage.env(), pass_fds=[listener.fileno()])
        assert process.wait() == 2
        assert "--allow-anonymous" in process.stderr


def test_sockets_of_another_process_are_not_taken(stage):
    with listening() as listener:
        command = f'exec 3<&{listener.fileno()}; exec "$@"'
        words = ["bash", "-c", command, "-", binary("wsserve"), "--listen", "127.0.0.1:0"]
        env = stage.env(LISTEN_FDS=1, LISTEN_PID=1)
        process = stage.process(words, env, pass_fds=[listener.fileno()])
        url = process.wait_for_lines(1)[0].decode()
        assert not url.endswith(f":{listener.getsockname()[1]}")
        ends_well(process)
