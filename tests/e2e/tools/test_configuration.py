"""Proves: a flag beats the environment, that the file, that the default; --print-config tells which it is."""

import pytest


@pytest.fixture
def file(stage):
    path = stage.home / "wskit" / "config.toml"
    path.parent.mkdir()
    return path


def tried(stage, *arguments, **env):
    """What wstap says of the server that it could not reach."""
    run = stage.run("wstap", *arguments, "a", env=stage.env(**env))
    assert run.code == 3, run.stderr
    return run.stderr


def test_the_order_is_flag_environment_file_default(stage, file):
    ports = [stage.reserve_port() for _ in range(3)]
    file.write_text(f'[default]\nurl = "{ports[0].url}"\n', encoding="utf-8")
    assert ports[0].url in tried(stage)
    assert ports[1].url in tried(stage, WSKIT_URL=ports[1].url)
    assert ports[2].url in tried(stage, "-u", ports[2].url, WSKIT_URL=ports[1].url)


def test_the_section_of_a_tool_or_profile_beats_the_default_one(stage, file):
    ports = [stage.reserve_port() for _ in range(3)]
    file.write_text(
        f'[default]\nurl = "{ports[0].url}"\n[wspub]\nurl = "{ports[1].url}"\n'
        f'[profile.lab]\nurl = "{ports[2].url}"\n',
        encoding="utf-8",
    )
    assert ports[0].url in tried(stage), "another tool's section is not for it"
    assert ports[2].url in tried(stage, "--profile", "lab")
    assert ports[2].url in tried(stage, WSKIT_PROFILE="lab")


def test_print_config_names_the_origin(stage, file):
    file.write_text('[wstap]\noutput = "json"\n', encoding="utf-8")
    run = stage.run(
        "wstap", "--print-config", "--idle", "7s", env=stage.env(WSKIT_URL="ws://env.example:1/ws")
    )
    assert run.code == 0, run.stderr
    lines = run.stdout.decode().splitlines()

    def line_of(name):
        return next(line for line in lines if line.removeprefix("# ").split(" = ")[0] == name)

    assert "ws://env.example:1/ws" in line_of("url") and "WSKIT_URL" in line_of("url")
    assert "json" in line_of("output") and str(file) in line_of("output")
    assert "7s" in line_of("idle") and "command line" in line_of("idle")
    assert "default" in line_of("reconnect")


def test_a_file_that_is_wrong_is_named_with_its_line(stage, file):
    file.write_text('[default]\nurl = "unfinished\n', encoding="utf-8")
    run = stage.run("wstap", "a")
    assert run.code == 2 and str(file) in run.stderr and "2" in run.stderr
    file.write_text("[wstap]\nno-such-option = 1\n", encoding="utf-8")
    run = stage.run("wstap", "a")
    assert run.code == 2 and "no-such-option" in run.stderr


def test_a_file_of_another_name(stage):
    port = stage.reserve_port()
    path = stage.home / "other.toml"
    path.write_text(f'[default]\nurl = "{port.url}"\n', encoding="utf-8")
    assert port.url in tried(stage, WSKIT_CONFIG=path)
    run = stage.run("wstap", "a", env=stage.env(WSKIT_CONFIG="/nonexistent/config.toml"))
    assert run.code == 2 and "/nonexistent/config.toml" in run.stderr


def test_a_secret_is_never_printed(stage, file):
    run = stage.run("wstap", "--print-config", env=stage.env(WSKIT_TOKEN="verysecret"))
    assert run.code == 0 and b"verysecret" not in run.stdout and "verysecret" not in run.stderr
    run = stage.run(
        "wstap", "-u", stage.reserve_port().url, "-vv", "a", env=stage.env(WSKIT_TOKEN="verysecret")
    )
    assert run.code == 3 and "verysecret" not in run.stderr


def test_the_server_says_its_configuration_too(stage):
    run = stage.run("wsserve", "--print-config", "--heartbeat", "7s")
    assert run.code == 0 and b"heartbeat" in run.stdout and b"7s" in run.stdout
