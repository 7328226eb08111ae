"""Proves: what the machine refuses is told with its remedy, and is no bug."""

import pytest
from harness.sanitizer import SANITIZED

# R12: descriptors and threads that run out were exit 70, "a bug".
COMMANDS = {
    "wsserve": "wsserve --listen 127.0.0.1:0",
    "wspub": "echo 1 | wspub -u {url} a",
    "wstap": "wstap -u {url} a -n 1",
    "wsbench": "wsbench fanout --duration 1s --warm-up 0s -u {url}",
}


@pytest.mark.skipif(SANITIZED, reason="a sanitizer needs descriptors of its own")
def test_descriptors_that_run_out_are_8_and_the_remedy_is_said(stage):
    server = stage.server()
    for tool, command in COMMANDS.items():
        command = command.format(url=server.url)
        # As few as the tool can begin with, up to where there are enough of them: never a bug.
        for most in range(4, 9):
            shell = stage.shell(f"ulimit -n {most}; timeout 20 {command} >/dev/null; echo $?")
            shell.wait()
            assert b"70" not in shell.stdout, (tool, most, shell.stderr)
            assert "a bug" not in shell.stderr, (tool, most, shell.stderr)
        shell = stage.shell(f"ulimit -n 5; {command} >/dev/null; echo $?")
        shell.wait()
        assert b"8" in shell.stdout, (tool, shell.stdout, shell.stderr)
        assert "ulimit -n" in shell.stderr, (tool, shell.stderr)
