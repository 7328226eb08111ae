"""Proves: wsbench measures a server that it starts, writes what it found, and its exit code says what failed."""

import json
import signal

import pytest
from harness.deadline import eventually

SHORT = ("-w", "200ms", "-d", "500ms", "--drain", "30s")


@pytest.fixture
def bench(stage):
    """Runs wsbench against a wsserve of its own, and returns its report and its result file."""

    def run(*options, code=0):
        out = stage.home / "result.json"
        words = " ".join(f"'{option}'" for option in options)
        shell = stage.shell(
            f"exec wsbench --spawn 'wsserve --listen :0 --threads 1' --out json={out} {words}"
        )
        assert shell.wait() == code, shell.stderr
        return shell.stdout.decode(), json.loads(out.read_text(encoding="utf-8"))

    return run


def median(result, name):
    return result["server"]["metrics"][name]["median"]


def test_a_closed_loop_beside_the_limit_of_the_machine(bench):
    report, result = bench("-S", 20, "-P", 2, "--rate", "max", "--window", 8, "--limit", *SHORT)
    assert result["schema"] == "wsbench/1" and result["exit_code"] == 0
    assert median(result, "delivery.count") == median(result, "delivery.expected") > 0
    for name in ("lost", "dup", "reordered", "corrupt"):
        assert median(result, f"delivery.{name}") == 0
    assert result["limit"]["metrics"]["delivery.count"]["median"] > 0
    assert "limit.share" in report and "lost 0" in report


def test_an_open_loop_counts_latency_from_the_schedule(bench):
    report, result = bench("-S", 10, "--rate", 200, *SHORT)
    assert median(result, "delivery.latency.count") > 0
    assert "delivery.latency.p50" in report


def test_acknowledgements_alone(bench):
    _, result = bench("-S", 0, "--rate", "max", "--window", 64, *SHORT)
    assert median(result, "pub.sent") > 0


def test_connections_and_what_they_cost(bench):
    _, result = bench("connect", "-S", 100)
    assert median(result, "conn.ok") == 100 and median(result, "conn.failed") == 0
    _, result = bench("idle", "-S", 100, "--hold", "300ms")
    assert median(result, "server.rss_per_conn") is not None


def test_an_objective_that_does_not_hold_is_1(bench):
    report, result = bench("-S", 5, "--rate", 100, "--slo", "delivery.rate > 1000000000", *SHORT, code=1)
    assert result["exit_code"] == 1 and "delivery.rate > 1000000000" in report


def test_a_server_that_is_not_there_is_3(stage):
    assert stage.run("wsbench", "-u", "ws://127.0.0.1:1/ws", "-S", "1", *SHORT).code == 3


def test_what_cannot_be_measured_is_2(stage):
    for options in (["--rate", "fast"], ["-S", "-1"], ["nonsense"], ["--slo", "what"]):
        assert stage.run("wsbench", *options).code == 2, options


@pytest.mark.parametrize(
    "typed, remedy",
    [
        (["idle", "-d", "60s"], "--hold says how long"),
        (["connect", "--hold", "1s"], "ends when the connections are open"),
        (["connect", "--rate", "10"], "nothing is published"),
        (["fanout", "--hold", "1s"], "--duration says how long"),
        (["--seed", "5"], "--arrival poisson"),
    ],
)
def test_what_has_no_effect_in_the_scenario_is_2(stage, typed, remedy):
    run = stage.run("wsbench", *typed)
    assert run.code == 2 and "is of no use" in run.stderr and remedy in run.stderr, run.stderr


def test_what_a_file_says_for_another_scenario_is_no_fault(stage):
    path = stage.home / "wskit" / "config.toml"
    path.parent.mkdir()
    path.write_text('[wsbench]\nduration = "60s"\nhold = "10ms"\nsubscribers = 2\n', encoding="utf-8")
    shell = stage.shell("exec wsbench idle --spawn 'wsserve --listen :0'")
    assert shell.wait() == 0, shell.stderr


def test_a_result_that_cannot_be_written_is_8(stage):
    shell = stage.shell(
        "exec wsbench --spawn 'wsserve --listen :0' -S 2 -w 100ms -d 200ms --out json=/nonexistent/result.json"
    )
    assert shell.wait() == 8, shell.stderr


def test_a_server_that_dies_is_6(stage):
    server = stage.server()
    bench = stage.tool("wsbench", "-u", server.url, "-S", "5", "--rate", "100", "-w", "100ms", "-d", "1h")
    eventually(lambda: server.stats()["published"] > 0, "all connections are open")
    server.kill()
    assert bench.wait() == 6, bench.stderr


def test_sigusr1_is_answered_and_the_run_goes_on(stage):
    server = stage.server()
    bench = stage.tool("wsbench", "-u", server.url, "-S", "5", "--rate", "100", "-w", "100ms", "-d", "1h")
    eventually(lambda: server.stats()["delivered"] > 100, "it measures")
    for number in (1, 2):
        bench.signal(signal.SIGUSR1)
        bench.wait_for_stderr(r"(?s)(wsbench: round 1/1, server: measuring, 6 connections, .*){%d}" % number)
    bench.signal(signal.SIGINT)
    assert bench.wait() == -signal.SIGINT


def test_a_signal_that_was_ignored_stays_so(stage):
    server, out = stage.server(), stage.home / "result.json"
    bench = stage.shell(
        f"trap '' INT; exec wsbench -u {server.url} -S 2 -w 100ms -d 2s --out json={out} --allow-loss"
    )
    eventually(lambda: server.stats()["delivered"] > 10, "it measures")
    bench.signal(signal.SIGINT)
    assert bench.wait() == 0, bench.stderr
    assert json.loads(out.read_text(encoding="utf-8"))["aborted"] is False


def test_a_server_that_says_nothing_can_be_interrupted(stage):
    started = stage.home / "started"
    bench = stage.tool("wsbench", "-S", "5", "--spawn", f"sh -c 'touch {started}; exec sleep 1000'")
    eventually(started.exists, "it waits")
    bench.signal(signal.SIGINT)
    assert bench.wait() == -signal.SIGINT, bench.stderr


def test_an_interrupted_run_still_writes_its_result(stage):
    server = stage.server()
    out = stage.home / "result.json"
    bench = stage.tool(
        "wsbench",
        "-u",
        server.url,
        "-S",
        "5",
        "--rate",
        "100",
        "-w",
        "100ms",
        "-d",
        "1h",
        "--out",
        f"json={out}",
    )
    eventually(lambda: server.stats()["delivered"] > 100, "it measures")
    bench.signal(signal.SIGINT)
    assert bench.wait() == -signal.SIGINT
    result = json.loads(out.read_text(encoding="utf-8"))
    assert result["aborted"] is True
    server.wait_for_connections(0)


def test_a_spawned_server_has_a_port_of_its_own(stage):  # U3
    """Also where the usual one is taken, or named for the other tools."""
    shell = stage.shell("exec wsbench --spawn wsserve -S 2 -w 100ms -d 200ms")
    assert shell.wait() == 0, shell.stderr
    taken = stage.server()
    shell = stage.shell(
        f"exec wsbench --spawn 'wsserve --listen 127.0.0.1:{taken.port}' --limit --rate max -d 60s -S 2"
    )
    # Before the limit was measured for a minute.
    assert shell.wait() == 3 and "in use" in shell.stderr, shell.stderr


def test_a_server_that_asks_for_tokens_is_measured(stage):  # U14
    secret = stage.home / "key"
    secret.write_text("x" * 40, encoding="ascii")
    secret.chmod(0o600)
    server = stage.server("--jwt-secret-file", str(secret))
    token = stage.run("wsserve", "token", "--jwt-secret-file", secret, "--sub", "b", "--publish", "bench/*").stdout
    file = stage.home / "token"
    file.write_bytes(token)
    load = ["-u", server.url, "-S", "2", *SHORT]
    run = stage.run("wsbench", *load)
    assert run.code == 4 and "--token-file" in run.stderr
    for given in (["--token-file", file], ["-H", f"Authorization: Bearer {token.decode().strip()}"]):
        run = stage.run("wsbench", *load, *given)
        assert run.code == 0, run.stderr
    run = stage.run("wsbench", *load, env=stage.env(WSKIT_TOKEN=token.decode().strip()))
    assert run.code == 0, run.stderr
