"""Proves: every long option of --help stands in the manual page and in the three completions."""

import re
import subprocess

import pytest
from harness.deadline import DEADLINE

TOOLS = ["wsserve", "wspub", "wstap", "wsbench"]


def said(stage, tool, *arguments):
    run = stage.run(tool, *arguments)
    assert run.code == 0, (tool, arguments, run.stderr)
    assert run.stderr == "", "what was asked for goes to stdout"
    return run.stdout.decode()


def long_options(help_text):
    """What --help lists: each at the start of a line, after its short form if it has one."""
    return set(re.findall(r"^ +(?:-\w, *)?--([a-z][a-z0-9-]*)", help_text, re.MULTILINE))


def named_options(text):
    return set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)", text))


@pytest.mark.parametrize("tool", TOOLS)
def test_short_help_has_three_examples_and_points_to_the_whole(stage, tool):
    short, whole = said(stage, tool, "-h"), said(stage, tool, "--help")
    assert short != whole and "--help" in short
    assert len(re.findall(rf"^\s+.*\b{tool} ", short, re.MULTILINE)) >= 3


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_is_said_twice(stage, tool):
    whole = " ".join(said(stage, tool, "--help").split())
    assert not re.search(r"(several times|repeatable)[^()]{0,20}\(repeatable\)", whole)
    assert "[default: [" not in whole


@pytest.mark.parametrize(
    "shown",
    ["--stats[=T] ", "--loop [N] ", "twice [default: true]"],
)
def test_wspub_shows_what_may_be_left_out_and_what_holds_then(stage, shown):
    assert shown in " ".join(said(stage, "wspub", "--help").split())


def test_wspub_marks_its_events_unless_told_otherwise(stage):
    assert "\n# dedup = true  # default\n" in said(stage, "wspub", "--print-config")
    assert "\ndedup = false  # command line\n" in said(stage, "wspub", "--no-dedup", "--print-config")


@pytest.mark.parametrize("tool", TOOLS)
def test_the_manual_page_has_every_option(stage, tool):
    options = long_options(said(stage, tool, "--help"))
    assert {"help", "version", "quiet", "verbose", "generate"} <= options
    page = re.sub(r"\\f[A-Z]", "", said(stage, tool, "--generate", "man").replace("\\-", "-"))
    assert options <= named_options(page), options - named_options(page)
    assert page.lstrip().startswith((".TH", '.\\"', "'\\\""))


@pytest.mark.parametrize("tool", TOOLS)
def test_the_manual_page_is_well_formed(stage, tool):
    page = stage.home / f"{tool}.1"
    page.write_text(said(stage, tool, "--generate", "man"), encoding="utf-8")
    shown = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", page],
        capture_output=True,
        timeout=DEADLINE,
        text=True,
        check=False,
    )
    assert shown.returncode == 0 and shown.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("tool", TOOLS)
def test_the_completions_have_every_option(stage, tool, shell):
    options = long_options(said(stage, tool, "--help"))
    script = said(stage, tool, "--generate", f"complete-{shell}")
    named = named_options(script)
    if shell == "fish":
        named |= set(re.findall(r"-l ([a-z][a-z0-9-]*)", script))
    assert options <= named, options - named


@pytest.mark.parametrize("tool", TOOLS)
def test_bash_completes_an_option(stage, tool):
    script = stage.home / f"{tool}.bash"
    script.write_text(said(stage, tool, "--generate", "complete-bash"), encoding="utf-8")
    completed = subprocess.run(
        [
            "bash",
            "-c",
            f"""source {script}
            function=$(complete -p {tool} | sed -n 's/.*-F \\([^ ]*\\).*/\\1/p')
            COMP_WORDS=({tool} --hel) COMP_CWORD=1 COMP_LINE='{tool} --hel' COMP_POINT=${{#COMP_LINE}}
            $function {tool} --hel {tool} && printf '%s\\n' "${{COMPREPLY[@]}}" """,
        ],
        capture_output=True,
        timeout=DEADLINE,
        text=True,
        check=False,
    )
    assert completed.stdout.split() == ["--help"], completed


@pytest.mark.parametrize("tool", TOOLS)
def test_the_version_is_one_line(stage, tool):
    assert re.fullmatch(rf"{tool} \d+\.\d+\.\d+\S*\n", said(stage, tool, "--version"))


@pytest.mark.parametrize("tool", TOOLS)
def test_an_unknown_option_is_answered_with_the_nearest_one(stage, tool):
    run = stage.run(tool, "--versoin")
    assert run.code == 2 and "--version" in run.stderr and run.stdout == b""


@pytest.mark.parametrize(
    "tool, typed, remedy",
    [
        ("wstap", "-p9000", "-u ws://HOST:PORT"),
        ("wspub", "--port=9000", "-u ws://HOST:PORT"),
        ("wsbench", "-p", "-u ws://HOST:PORT"),
        ("wsserve", "-p", "--listen HOST:PORT"),
        ("wsserve", "--port", "--listen HOST:PORT"),
        ("wsserve", "-f", "'--config'"),
        ("wstap", "--since", "'--from'"),
        ("wstap", "-f", "'--from'"),
        ("wspub", "-f", "'--follow'"),
        ("wstap", "--json", "'--output json'"),
    ],
)
def test_what_other_tools_call_it_leads_to_the_option(stage, tool, typed, remedy):  # U14
    run = stage.run(tool, typed)
    assert run.code == 2 and remedy in run.stderr and run.stdout == b"", run.stderr


@pytest.mark.parametrize("tool", TOOLS)
def test_a_short_option_tells_the_version_too(stage, tool):  # U14
    assert said(stage, tool, "-V") == said(stage, tool, "--version")


@pytest.mark.parametrize("tool", TOOLS)
def test_the_manual_page_has_files_and_points_to_the_others(stage, tool):  # U23
    page = said(stage, tool, "--generate", "man")
    assert "wskit/config.toml" in page.split(".SH FILES")[1]
    also = page.split(".SH SEE ALSO")[1]
    assert all((f"\\fB{other}\\fR(1)" in also) == (other != tool) for other in TOOLS)
    assert "\\fBwskit\\fR(7)" in also


@pytest.mark.parametrize("tool", TOOLS)
def test_examples_are_in_one_style(stage, tool):  # U23
    short = said(stage, tool, "-h")
    meanings = re.findall(r"^      (\S.*)$", short, re.MULTILINE)
    assert len(meanings) >= 3
    assert all(not meaning.endswith(".") and meaning[0] == meaning[0].lower() for meaning in meanings), meanings


@pytest.mark.parametrize("tool", TOOLS)
def test_help_is_given_into_a_pipe_without_colour(stage, tool):
    assert "\x1b" not in said(stage, tool, "--help")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_reader_that_has_gone_is_no_fault(stage, tool):
    nobody_reads_4 = f"mkfifo {stage.home}/pipe; exec 3<>{stage.home}/pipe 4>{stage.home}/pipe 3<&-"
    asked = f"{tool} --help >&4; echo $?; {tool} --generate man >&4; echo $?; {tool} --versoin 2>&4; echo $?"
    shell = stage.shell(f"{nobody_reads_4}; {asked}")
    assert shell.wait() == 0
    assert shell.stdout == b"0\n0\n2\n", shell.stderr


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("asked", ["-h", "--help", "--version", "--print-config", "--generate man"])
def test_what_cannot_be_written_is_no_success(stage, tool, asked):
    shell = stage.shell(f"{tool} {asked} >/dev/full; echo $?")
    assert shell.wait() == 0
    assert shell.stdout == b"8\n"
    assert shell.stderr == f"{tool}: cannot write to stdout: No space left on device\n"
