"""Every page of the documentation can be gone through from top to bottom, with what `cmake --install` has put there.

README.md, docs/*.md and the pages of examples/ are taken from a prefix, and their commands run there in the order of the
page (harness/walk.py); what a page shows on a terminal is compared. Configurations and messages that pages show are
right, and links lead somewhere, in the repository and in the prefix.
"""

import json
import pathlib
import re
import shutil
import subprocess

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from harness import pages
from harness.process import BIN
from harness.walk import walk

ROOT = pathlib.Path(__file__).parents[2]
INSTALLED = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("examples/**/README.md")),
]
EVERY_PAGE = [*INSTALLED, ROOT / "CHANGELOG.md", ROOT / "tests/e2e/README.md"]
WALKED = [page for page in INSTALLED if any(block.is_shell for block in pages.blocks(page))]


def name_of(page):
    return str(page.relative_to(ROOT))


def each(of):
    return pytest.mark.parametrize("page", of, ids=name_of)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    place = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", BIN.parent, "--prefix", place], check=True, capture_output=True)
    return place


@pytest.fixture(scope="module")
def documents(prefix):
    return prefix / "share/doc/wskit"


@each(WALKED)
def test_a_page_works_from_top_to_bottom(page, stage, prefix, documents, tmp_path):
    folder = tmp_path / "documents"
    shutil.copytree(documents, folder)
    walk(stage, folder / page.relative_to(ROOT), folder, prefix / "bin")


def test_most_pages_have_something_to_run():
    run = [page for page in WALKED if any(b.is_shell and not b.is_left_out for b in pages.blocks(page))]
    assert ROOT / "README.md" in run
    assert len(run) >= 7, run


@each(EVERY_PAGE)
def test_what_is_not_run_or_checked_says_why(page):
    for block in pages.blocks(page):
        _ = block.is_left_out
        if block.is_shell:
            assert block.commands(), f"{block!r} has no command"


@pytest.mark.parametrize("words", ["not run", "not run:", "not run: no", "no-run", "until", "not checked: a long story"])
def test_a_block_of_commands_that_is_left_out_without_a_reason_is_a_mistake(words, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"```sh {words}\ntrue\n```\n")
    with pytest.raises(AssertionError, match="it may say 'not run: REASON'"):
        _ = pages.blocks(page)[0].is_left_out


def test_what_a_page_says_wrong_is_found(stage, prefix, tmp_path):
    wrong = {
        "$ false\n": "exit status 1",
        "$ echo one\ntwo\n": "-two",
        "$ echo one\n": r"\+one",
        "$ echo one &&\n> false; echo $?\none\n0\n": r"\+1",
    }
    for number, (block, why) in enumerate(wrong.items()):
        page = tmp_path / f"{number}.md"
        page.write_text(f"```console\n{block}```\n")
        with pytest.raises(AssertionError, match=why):
            walk(stage, page, tmp_path, prefix / "bin")


@each(EVERY_PAGE)
def test_no_command_stands_where_no_walk_would_find_it(page):
    hidden = []
    for line, text in pages.indented_blocks(page):
        hidden += [f"line {line}: {typed}" for typed in text.splitlines() if pages.TYPED.match(typed)]
    for block in pages.blocks(page):
        if not block.language:
            hidden.append(f"line {block.line}: a block without a language")
    assert not hidden, "commands stand in fenced blocks of a language:\n" + "\n".join(hidden)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """What stands in /etc/wskit of a configuration that is shown."""
    folder = tmp_path_factory.mktemp("etc")
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    public = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "2026-a.pem").write_bytes(public)
    jwk = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key)), "kid": "2026-b", "alg": "ES256"}
    (folder / "idp-keys.json").write_text(json.dumps({"keys": [jwk]}))
    return folder


@each(INSTALLED)
def test_a_configuration_that_is_shown_is_right(page, stage, prefix, keys, tmp_path):
    for block in pages.blocks(page):
        if block.language != "toml" or block.is_left_out:
            continue
        file = tmp_path / "shown.toml"
        file.write_text(block.text.replace("/etc/wskit/", f"{keys}/"))
        if re.search(r"^\[(default|profile\..*)\]", block.text, re.M):  # that of all tools
            command, env = [prefix / "bin/wstap", "--print-config"], stage.env(WSKIT_CONFIG=file)
        else:
            command, env = [prefix / "bin/wsserve", "--config", file, "--check-config"], stage.env()
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{block!r}: {done.stderr}"


def test_messages_that_the_protocol_shows_are_json():
    """Those that are whole: what an ellipsis stands in is a part of one. One shows how JSON is refused that is none."""
    found = 0
    for line, text in pages.indented_blocks(ROOT / "docs/protocol.md"):
        messages = [each.strip() for each in re.split(r"\n\s*\n|\n(?=[><] )|\n(?=\{)", text)]
        for message, answer in zip(messages, [*messages[1:], ""]):
            message = re.sub(r"^[><] ", "", message)
            if message.startswith("{") and "…" not in message and '"BAD_JSON"' not in answer:
                found += 1
                try:
                    json.loads(message.replace("\n", " "))
                except ValueError as error:
                    pytest.fail(f"docs/protocol.md, line {line}: {error}: {message}")
    assert found >= 25


def test_every_link_of_the_repository_leads_somewhere():
    assert pages.dead_links(EVERY_PAGE) == []


def test_every_link_of_what_is_installed_leads_somewhere(documents):  # U4
    installed = sorted(documents.rglob("*.md"))
    assert {str(page.relative_to(documents)) for page in installed} == {
        *map(name_of, INSTALLED),
        "CHANGELOG.md",
    }
    assert pages.dead_links(installed) == []


def test_errors_that_the_protocol_shows_are_what_a_server_says(server):
    """Where a command is shown whole; an ellipsis in an answer stands for anything."""
    blocks = pages.indented_blocks(ROOT / "docs/protocol.md")
    ((line, text),) = [block for block in blocks if '"publsh"' in block[1]]
    asked = 0
    for command, answer in re.findall(r"^> (.*)\n< (.*(?:\n +.*)*)", text, re.M):
        if "…" in command:
            continue
        expected = ".*".join(map(re.escape, re.sub(r"\n +", " ", answer).split("…")))
        with server.client() as client:
            client.websocket.send_text(command)
            said = client.websocket.read_message()[1]
        # A line of the page may end between words and between members.
        expected = expected.replace(r",\ ", r",\ ?")
        assert re.fullmatch(expected, said), f"docs/protocol.md, line {line}: {answer}\n{said}"
        asked += 1
    assert asked >= 9
