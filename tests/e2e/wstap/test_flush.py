"""Proves: an event leaves wstap at once on a quiet channel, and a burst leaves it whole."""

import os


def test_an_event_passes_a_line_buffered_pipe_alone(stage):
    server = stage.server()
    shell = stage.shell(f"wstap -u {server.url} a -o data | grep --line-buffered wanted")
    server.wait_for_subscriptions(1)
    with server.client() as publisher:
        for number in range(5):
            publisher.publish("a", f"wanted {number}")
            assert shell.wait_for_lines(number + 1)[-1] == b'"wanted %d"' % number
    shell.end()


def test_a_reader_that_pauses_gets_every_line(stage):
    """Far more than a pipe holds comes while nobody reads."""
    server = stage.server("--queue-limit", "64MiB")
    gate = stage.home / "gate"
    os.mkfifo(gate)
    shell = stage.shell(f"wstap -u {server.url} a -o data | (read -r go < {gate}; head -400)")
    server.wait_for_subscriptions(1)
    with server.client() as publisher:
        for number in range(400):
            publisher.publish("a", f"{number} " + "x" * 3000)
        gate.write_text("go\n", encoding="ascii")
        assert shell.wait() == 0
    numbers = [int(line[1:].split()[0]) for line in shell.stdout.splitlines()]
    assert numbers == list(range(400))
