"""Proves: an option that is given nothing is refused, and not left out in silence."""

import pytest


@pytest.mark.parametrize(
    "command",
    [
        ["wspub", "a", "--journal", ""],
        ["wspub", "a", "--replay", ""],
        ["wspub", "a", "--token-file", "", "--cacert", ""],
        ["wspub", ""],
        ["wstap", "a", "--until", ""],
        ["wstap", "a", "--cursor", ""],
        ["wsserve", "--config", ""],
        ["wsserve", "--tls-cert", ""],
        ["wspub", "a", "--journal=", "--dry-run"],
        ["wstap", "a", "--cursor=", "b"],
        ["wsbench", "idle", "--spawn=", "--json"],
        ["wsserve", "--config=", "--check-config"],
        ["wsserve", "--store", ""],
        ["wsserve", "--audit", ""],
    ],
    ids=" ".join,
)
def test_a_variable_that_is_not_set(stage, command):
    run = stage.run(*command)
    assert run.code == 2, run.stderr
    options = [word.rstrip("=") for word, value in zip(command, [*command[1:], None]) if is_empty(word, value)]
    assert f"{options[-1] if options else 'CHANNEL'}: the value is empty" in run.stderr


def is_empty(word, next_word):
    return word.startswith("--") and (word.endswith("=") or next_word == "")


def test_no_token_at_all_may_be_said(stage):
    tokens = stage.env(WSKIT_TOKEN="not sendable")
    run = stage.run("wspub", "a", "--token", "", "--dry-run", stdin=b"1", env=tokens)
    assert run.code == 0, run.stderr
