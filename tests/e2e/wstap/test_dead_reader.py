"""Proves: a reader that goes away ends wstap at once and with 0, though no further event comes."""

import pytest


def test_head_ends_it_although_no_second_event_comes(stage):
    server = stage.server()
    shell = stage.shell(f"wstap -u {server.url} a -o data | head -1; echo ${{PIPESTATUS[*]}}")
    server.wait_for_subscriptions(1)
    with server.client() as publisher:
        publisher.publish("a", "first")
        assert shell.wait() == 0
        assert shell.stdout == b'"first"\n0 0\n', shell.stderr
    server.wait_for_connections(0)


def test_a_reader_that_is_gone_before_the_first_event(stage):
    server = stage.server()
    shell = stage.shell(f"wstap -u {server.url} a | true; echo ${{PIPESTATUS[*]}}")
    assert shell.wait() == 0
    assert shell.stdout == b"0 0\n", shell.stderr


@pytest.mark.parametrize("form", ["json", "data", "pretty"])
def test_a_reader_that_goes_in_the_middle_of_a_burst(stage, form):
    server = stage.server("--queue-limit", "64MiB")
    shell = stage.shell(f"wstap -u {server.url} a -o {form} | head -5 | wc -l; echo ${{PIPESTATUS[*]}}")
    server.wait_for_subscriptions(1)
    with server.client() as publisher:
        for number in range(300):
            publisher.send(action="publish", channel="a", type="t", data="x" * 2000)
        publisher.still_works()
        assert shell.wait() == 0
    assert shell.stdout == b"5\n0 0 0\n", shell.stderr
