"""Proves: npm's `ws` works with wsserve, plain and under every agreement on permessage-deflate."""

import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from harness.deadline import DEADLINE

HERE = pathlib.Path(__file__).parent
SCRIPT = HERE / "ws_scenarios.mjs"
SCENARIOS = re.findall(r"^  async (\w+)\(\)", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
PLAIN = {"perMessageDeflate": False}
COMPRESSED = {"perMessageDeflate": {"threshold": 0}}
VARIANTS = [
    {"clientNoContextTakeover": True, "serverNoContextTakeover": True},
    {"serverNoContextTakeover": True, "serverMaxWindowBits": 9},
    {"clientMaxWindowBits": 9, "serverMaxWindowBits": 15},
    {"clientMaxWindowBits": 15, "zlibDeflateOptions": {"level": 9}},
    {"zlibDeflateOptions": {"level": 0}},
    {"zlibDeflateOptions": {"level": 1, "memLevel": 1}},
]


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """The folder with node_modules, installed as the lock file says; once for all builds of this tree."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    folder = pathlib.Path(os.environ.get("WSKIT_INTEROP_DIR") or tmp_path_factory.mktemp("interop"))
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (HERE / "package-lock.json").read_bytes()
        installed = folder / "installed-package-lock.json"
        if not installed.exists() or installed.read_bytes() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            subprocess.run(
                ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"],
                cwd=folder,
                check=True,
                timeout=5 * DEADLINE,
            )
            installed.write_bytes(wanted)
    return folder


def node(stage, modules, server, scenario, options):
    env = stage.env(WSKIT_NODE_MODULES=modules)
    return stage.process(["node", SCRIPT, scenario, server.url, json.dumps(options)], env=env)


def holds(process):
    assert process.wait() == 0, process.stderr


@pytest.mark.parametrize("options", [PLAIN, COMPRESSED], ids=["plain", "compressed"])
@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "hears_when_to_come_back"])
def test_scenario(stage, modules, scenario, options):
    holds(node(stage, modules, stage.server("--echo"), scenario, options))


def grows(stage, modules, server, **agreement):
    for scenario in ("keeps_growing_messages_whole", "keeps_growing_events_whole"):
        holds(node(stage, modules, server, scenario, {"perMessageDeflate": {"threshold": 0, **agreement}}))


@pytest.mark.parametrize("variant", VARIANTS, ids=json.dumps)
def test_growing_messages_under_every_agreement(stage, modules, variant):
    grows(stage, modules, stage.server("--echo"), **variant)


@pytest.mark.parametrize("bits", [9, 15])
def test_growing_messages_with_the_windows_kept_on_both_sides(stage, modules, bits):
    """With `false` for either, `ws` insists on a window that outlives the message."""
    server = stage.server("--echo", "--server-context-takeover", "--client-context-takeover")
    kept = {"clientNoContextTakeover": False, "serverNoContextTakeover": False}
    grows(stage, modules, server, **kept, serverMaxWindowBits=bits, clientMaxWindowBits=bits)


def test_hears_when_to_come_back(stage, modules):
    server = stage.server()
    client = node(stage, modules, server, "hears_when_to_come_back", COMPRESSED)
    client.wait_for_lines(1)
    server.stop()
    holds(client)


def test_plain_and_compressed_clients_share_a_channel(stage, modules):
    """The same events reach a compressing subscriber of npm's and a plain one of ours."""
    server = stage.server("--echo")
    with server.client("/ws/market/*") as plain:
        holds(node(stage, modules, server, "gets_many_events_in_order", COMPRESSED))
        assert [event.data for event in plain.wait_for_events(3000)] == [
            str(number) for number in range(3000)
        ]
