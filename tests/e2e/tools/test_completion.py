"""Proves: completions offer what can be used, and nothing that a server or a file says is evaluated."""

import contextlib
import shutil
import socket
import subprocess

import pytest
from harness.deadline import DEADLINE
from harness.process import binary


def complete(stage, line, env=None):
    """What bash would put in place of the last word of the line."""
    tool = line.split()[0]
    script = stage.home / f"{tool}.bash"
    script.write_bytes(stage.run(tool, "--generate", "complete-bash").stdout)
    path = binary(tool).removesuffix(f"/{tool}")
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"""PATH={path}:$PATH; cd {stage.home}; source {script}
            COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:' COMP_LINE=$1 COMP_POINT=${{#1}}
            _{tool}; printf '%s\\n' "${{COMPREPLY[@]}}" """,
            "bash",
            line,
        ],
        capture_output=True,
        timeout=DEADLINE,
        text=True,
        check=False,
        env=env or stage.env(),
    )
    assert done.returncode == 0, done.stderr
    return [reply for reply in done.stdout.split("\n") if reply]


@pytest.mark.parametrize(
    "line, replies",
    [
        ("wsbench id", ["idle"]),
        ("wsbench --arrival ", ["uniform", "poisson", "burst:"]),
        ("wsbench --arrival burst:", []),
        ("wsbench --rate ", ["max"]),
        ("wsbench --slo delivery.latency.p999", ["delivery.latency.p999", "delivery.latency.p9999"]),
        ("wsbench --out ", ["json="]),
        ("wstap --output=js", ["json"]),
        ("wstap --output js", ["json"]),
        ("wstap -o pre", ["pretty"]),
        ("wspub x --on-invalid ", ["fail", "skip", "dlq="]),
        ("wspub x --on-invalid=dlq=fi", ["file"]),
        ("wspub x --on-invalid dlq=fi", ["file"]),
        ("wsserve to", ["token"]),
        ("wsserve token --alg", ["--algorithm"]),
        ("wsserve token --expires ", ["never"]),
        ("wsserve token --algorithm ES", ["ES256", "ES384", "ES512"]),
        ("wstap --profile ", ["lab", "prod"]),
        ("wstap --count ", []),
    ],
)
def test_bash_offers_what_can_be_typed(stage, line, replies):  # U15
    (stage.home / "file").touch()
    config = stage.home / "wskit" / "config.toml"
    config.parent.mkdir()
    config.write_text('[profile.prod]\nurl = "ws://a"\n[profile.lab]\n', encoding="utf-8")
    assert sorted(complete(stage, line)) == sorted(replies)


def test_channels_are_asked_of_the_server(stage, server):  # U15
    with server.client() as client:
        for name in ("market/AAPL", "market/MSFT", "orders/1", "x/$(>pwned)"):
            client.publish(name, 1)
        assert complete(stage, f"wstap -u {server.url} market/") == ["market/AAPL", "market/MSFT"]
        assert complete(stage, f"wstap --url={server.url} -c orders/") == ["orders/1"]
        assert complete(stage, f"wspub -u '{server.url}' market/A") == ["market/AAPL"]
        assert complete(stage, "wstap x", stage.env(WSKIT_URL=server.url)) == []
        assert not (stage.home / "pwned").exists()


def test_a_server_that_is_not_there_or_says_nothing_is_silence(stage):  # U15
    with stage_listener() as port:
        for url in (f"ws://127.0.0.1:{port}", "ws://127.0.0.1:1", "nonsense"):
            run = stage.run("wstap", "--complete", "channels", "-u", url, "")
            assert (run.code, run.stdout, run.stderr) == (0, b"", "")


def stage_listener():
    """Accepts, and never answers."""
    @contextlib.contextmanager
    def listening():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            yield listener.getsockname()[1]

    return listening()


@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize("tool", ["wsserve", "wspub", "wstap", "wsbench"])
def test_the_scripts_are_right_in_their_shells(stage, tool, shell):  # U15
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    script = stage.home / f"{tool}.{shell}"
    script.write_bytes(stage.run(tool, "--generate", f"complete-{shell}").stdout)
    checked = subprocess.run([shell, "-n", script], capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert checked.returncode == 0 and not checked.stderr, checked.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_no_placeholder_is_offered(stage, shell):  # U15
    for tool in ("wsserve", "wspub", "wstap", "wsbench"):
        said = stage.run(tool, "--generate", f"complete-{shell}").stdout.decode()
        for line in said.splitlines():
            offered = line.split(" -a ")[1].split(" -d ")[0] if " -a " in line else line if "_words " in line else ""
            assert not {"R", "N", "T", "FILE", "PATH", "N@T"} & set(offered.replace("'", " ").split()), line
