"""Proves: where a standard stream is closed, nothing else is taken for it."""


def test_a_closed_stdin_is_no_input(stage):
    server = stage.server()
    shell = stage.shell(f"wspub -u {server.url} a <&-; echo $?")
    assert shell.wait() == 0
    assert shell.stdout == b"8\n", shell.stderr
    assert "cannot read stdin: Bad file descriptor" in shell.stderr
    assert server.stats()["published"] == 0


def test_notices_for_a_closed_stderr_go_nowhere(stage):
    server = stage.server()
    journal, lines = stage.home / "journal", stage.home / "lines"
    lines.write_text("1\n2\n", encoding="ascii")
    for number in range(2):
        shell = stage.shell(f"wspub -u {server.url} a --journal {journal} {lines} 2>&-; echo $?")
        assert shell.wait() == 0 and shell.stdout == b"0\n", number
    assert b"wspub:" not in journal.read_bytes() and server.stats()["published"] == 2


def test_records_for_a_closed_stdout_are_not_written_elsewhere(stage):
    server = stage.server()
    cursor = stage.home / "cursor"
    with server.client() as publisher:
        publisher.publish("a", 1)
    tap = f"wstap -u {server.url} a --from start --end --cursor {cursor}"
    shell = stage.shell(f"{tap} >&-; echo $?; {tap}; echo $?")
    assert shell.wait() == 0
    assert "cannot write the events: Bad file descriptor" in shell.stderr
    first, event, second = shell.stdout.splitlines()
    assert (first, second) == (b"8", b"0") and b'"data":1' in event, "what was not written comes again"
