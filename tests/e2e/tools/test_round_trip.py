"""Proves: what --print-config prints is taken back, for every option of every tool."""

import pathlib
import re
import string

import pytest
from harness.certificates import Authority, need_openssl

need_openssl()

TOOLS = ["wsserve", "wspub", "wstap", "wsbench"]

# A value for each name that --help shows for one; a choice takes its last word.
VALUES = {
    "N": "3",
    "T": "7s",
    "T..T": "2s..9s",
    "SIZE": "65536",
    "RATE": "2.5",
    "X": "60x",
    "ADDRESS": "127.0.0.1:7",
    "PATTERN": "a/007",
    "CIDR": "10.0.0.0/8",
    "URL": "ws://127.0.0.1:7/x",
    "FILE": "007",
    "CHANNEL": "c/1",
    "TYPE": "true",
    "LIST": "0",
    "EXPR": "delivery.lost == 0",
    "json=PATH": "json=out.json",
    "R|max": "100",
    "uniform|poisson|burst:N@T": "poisson",
}
# What is wrong alone, or of no use, or would be wrong with the value above.
BESIDE = {
    ("wsserve", "proxy-protocol"): ["--trusted-proxy", "10.0.0.0/8"],
    ("wsserve", "forwarded-header"): ["--trusted-proxy", "10.0.0.0/8"],
    ("wsserve", "store-sync"): ["--store", "e.db"],
    ("wsserve", "audit-data"): ["--audit", "a.jsonl"],
    ("wsserve", "rate-patience"): ["--max-events", "5"],
    ("wsserve", "jwt-issuer"): ["--jwt-secret-file", "{secret}"],
    ("wsserve", "jwt-audience"): ["--jwt-secret-file", "{secret}"],
    ("wsserve", "jwt-leeway"): ["--jwt-secret-file", "{secret}"],
    ("wsserve", "auth-timeout"): ["--jwt-secret-file", "{secret}"],
    ("wsserve", "tls-cert"): ["--tls-key", "{key}"],
    ("wsserve", "tls-key"): ["--tls-cert", "{certificate}"],
    ("wsserve", "client-ca"): ["--tls-cert", "{certificate}", "--tls-key", "{key}"],
}
OF_OPTION = {
    ("wsserve", "jwt-secret-file"): "{secret}",
    ("wsserve", "jwt-key"): "{certificate}",
    ("wsserve", "tls-cert"): "{certificate}",
    ("wsserve", "tls-key"): "{key}",
    ("wsserve", "client-ca"): "{certificate}",
    ("wsserve", "origin"): "https://app.example.com",
    ("wsserve", "max-header"): "8192",
}
# They end at once, or say where the values come from.
NO_KEYS = {"help", "version", "print-config", "check-config", "config", "profile", "generate"}
# What is not shown, and so is not taken back.
HIDDEN = {"token", "header"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    identity = Authority(folder).issue("localhost")
    secret = folder / "secret"
    secret.write_text(string.ascii_letters)
    secret.chmod(0o600)
    return {"secret": secret, "certificate": identity.certificate, "key": identity.key}


def options_of(stage, tool):
    """The name and the name of the value (None: a flag) of each option that a file can have."""
    run = stage.run(tool, "--help")
    assert run.code == 0, run.stderr
    text = run.stdout.decode()
    found = re.findall(r"^  (?:-\w, )?(?:--[a-z-]+, )*--([a-z][a-z0-9-]*)(\[=\w+\])?(?: (\S+))?(?:$|  )", text, re.M)
    names = [(name, value.strip("[]") or None) for name, _, value in found if name not in NO_KEYS]
    assert len(names) > 20
    return names


def value_of(tool, name, kind, files):
    value = OF_OPTION.get((tool, name))
    if value is None:
        value = VALUES.get(kind)
    if value is None:
        value = kind.split("|")[-1] if "|" in kind else "007"
    return value.format(**files)


def in_effect(text):
    """The lines that say something, without where it is from."""
    lines = [line.split("  # ")[0] for line in text.splitlines()]
    return {line for line in lines if line and not line.startswith("#")}


@pytest.mark.parametrize("tool", TOOLS)
def test_every_option_comes_back_as_it_was(stage, files, tool):  # U5
    wrong = []
    for name, kind in options_of(stage, tool):
        if name in HIDDEN:
            continue
        beside = [word.format(**files) for word in BESIDE.get((tool, name), [])]
        typed = [f"--{name}"] if kind is None else [f"--{name}", value_of(tool, name, kind, files)]
        printed = stage.run(tool, *beside, *typed, "--print-config")
        assert printed.code == 0, (typed, printed.stderr)
        first = in_effect(printed.stdout.decode())
        key = name if any(line.startswith(f"{name} = ") for line in first) else name.removeprefix("no-")
        assert any(line.startswith(f"{key} = ") for line in first), (name, first)
        file = stage.home / "p.toml"
        file.write_bytes(printed.stdout)
        config = {"WSKIT_CONFIG": str(file)} if tool != "wsserve" else {}
        arguments = ["--config", str(file)] if tool == "wsserve" else []
        again = stage.run(tool, *arguments, "--print-config", env=stage.env(**config))
        if again.code != 0 or in_effect(again.stdout.decode()) != first:
            wrong.append((name, again.stderr, first, in_effect(again.stdout.decode())))
    assert not wrong, "\n".join(map(str, wrong))


def test_the_example_comes_back_as_it_was(stage):  # U5
    example = pathlib.Path(__file__).parents[3] / "examples" / "wsserve.toml"
    printed = stage.run("wsserve", "--config", example, "--print-config")
    assert printed.code == 0, printed.stderr
    file = stage.home / "p.toml"
    file.write_bytes(printed.stdout)
    checked = stage.run("wsserve", "--config", file, "--check-config")
    assert checked.code == 0, checked.stderr
    again = stage.run("wsserve", "--config", file, "--print-config")
    assert in_effect(again.stdout.decode()) == in_effect(printed.stdout.decode())


def test_a_default_that_is_printed_is_no_limit_when_it_is_read(stage):  # U1
    printed = stage.run("wsserve", "--store", stage.home / "e.db", "--print-config")
    assert b"\n# history = 1000  # default" in printed.stdout, printed.stdout
    file = stage.home / "p.toml"
    file.write_bytes(printed.stdout)
    server = stage.server("--config", file)
    assert "all events are kept, for no limit is set" in server.process.stderr


def test_an_empty_list_stays_one(stage, files):  # U5
    file = stage.home / "c.toml"
    secret = files["secret"]
    file.write_text(f'jwt-secret-file = "{secret}"\n[authenticated]\nsubscribe = []\n', encoding="utf-8")
    printed = stage.run("wsserve", "--config", file, "--print-config")
    assert printed.code == 0 and b"\nsubscribe = []  #" in printed.stdout, printed.stderr


def test_the_last_of_two_values_holds(stage):  # S6
    run = stage.run("wstap", "-u", "ws://a:1", "-n", "1", "-u", "ws://b:2", "-n", "2", "--print-config", "x")
    assert run.code == 0, run.stderr
    effect = in_effect(run.stdout.decode())
    assert {'url = "ws://b:2"', "count = 2"} <= effect
    run = stage.run("wsserve", "--history", "1", "--history", "2", "--drain", "1s", "--drain", "2s", "--print-config")
    assert {"history = 2", 'drain = "2s"'} <= in_effect(run.stdout.decode()), run.stderr
    run = stage.run("wspub", "-t", "a", "-t", "b", "--stats=1s", "--stats=2s", "--print-config", "x")
    assert {'type = "b"', 'stats = "2s"'} <= in_effect(run.stdout.decode()), run.stderr


@pytest.mark.parametrize(
    "typed",
    [
        "wsserve --config {d} --check-config",
        "wsserve --jwt-secret-file {d}",
        "wsserve --jwt-key {d}",
        "wsserve --tls-cert {d} --tls-key {d}",
        "wsserve --audit {d}",
        "wsserve --store {d}",
        "wstap --token-file {d} x",
        "wstap --cacert {d} -u wss://127.0.0.1:1 x",
        "wstap --cert {d} -u wss://127.0.0.1:1 x",
        "wstap --cursor {d} x",
        "wspub --journal {d} --file {d} x",
        "wspub x --on-invalid dlq={d}",
        "wspub x {d}",
        "wsbench --token-file {d}",
    ],
)
def test_a_folder_is_no_file(stage, typed):  # F7
    """Named with what is wrong, and nothing is done with it."""
    folder = stage.home / "folder"
    folder.mkdir()
    typed = typed.replace("--journal {d} --file {d}", "--journal {d}")
    tool, *arguments = typed.format(d=folder).split()
    run = stage.run(tool, "--listen=:0" if tool == "wsserve" else "-q", *arguments)
    assert run.code in (2, 8), run.stderr
    assert str(folder) in run.stderr and re.search("a (directory|folder)", run.stderr, re.I), run.stderr


def test_a_folder_is_no_configuration_of_all_tools(stage):  # F7
    for tool in TOOLS:
        run = stage.run(tool, "--print-config", env=stage.env(WSKIT_CONFIG=str(stage.home)))
        assert run.code == 2 and f"cannot read {stage.home}: Is a directory" in run.stderr
