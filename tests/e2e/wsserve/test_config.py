"""Proves: a server does what its configuration file says, flags and environment go before it, faults have a place."""

import pathlib

import pytest


@pytest.fixture
def file(stage):
    return stage.home / "wsserve.toml"


def printed(stage, *options, **env):
    """What --print-config says of each option: its value and where it is from."""
    run = stage.run("wsserve", "--print-config", *options, env=stage.env(**env))
    assert run.code == 0, run.stderr
    lines = [line for line in run.stdout.decode().splitlines() if " = " in line]
    return {line.removeprefix("# ").split(" = ")[0]: tuple(line.split(" = ", 1)[1].split("  # ")) for line in lines}


def test_the_order_is_flag_environment_file_default(stage, file):
    file.write_text('listen = "127.0.0.1:1"\nheartbeat = "7s"\n', encoding="utf-8")
    config = ("--config", str(file))
    assert printed(stage)["listen"] == ('["127.0.0.1:9000"]', "default")
    assert printed(stage, *config)["listen"] == ('["127.0.0.1:1"]', f"{file}:1")
    assert printed(stage, *config)["heartbeat"] == ('"7s"', f"{file}:2")
    environment = printed(stage, *config, WSKIT_LISTEN="127.0.0.1:2")
    assert environment["listen"] == ('["127.0.0.1:2"]', "environment WSKIT_LISTEN")
    flag = printed(stage, *config, "--listen", "127.0.0.1:3", WSKIT_LISTEN="127.0.0.1:2")
    assert flag["listen"] == ('["127.0.0.1:3"]', "command line")


def test_print_config_shows_the_channel_rules_with_their_places(stage, file):
    file.write_text('echo = true\n\n[[channel]]\npattern = "a/*"\nhistory = 5\n', encoding="utf-8")
    run = stage.run("wsserve", "--config", file, "--print-config")
    assert run.code == 0, run.stderr
    assert run.stdout.decode().endswith(
        f'\n[[channel]]  # {file}:3\npattern = ["a/*"]  # {file}:4\nhistory = 5  # {file}:5\n'
    )


def test_the_file_of_all_tools_may_hold_the_servers_rules(stage):
    path = stage.home / "wskit" / "config.toml"
    path.parent.mkdir()
    path.write_text(
        '[default]\nurl = "ws://h"\n[wsserve]\nhistory = 9\n[[wsserve.channel]]\npattern = "a"\nhistory = 0\n',
        encoding="utf-8",
    )
    server = stage.server()
    with server.client() as client:
        for channel in "ab":
            for number in range(12):
                client.publish(channel, number)
        assert client.command("history", channel="a", limit=100)["data"]["events"] == []
        assert len(client.command("history", channel="b", limit=100)["data"]["events"]) == 9


def test_check_config_says_ok_and_starts_nothing(stage, file):
    file.write_text('listen = "127.0.0.1:0"\n', encoding="utf-8")
    run = stage.run("wsserve", "--config", file, "--check-config")
    assert (run.code, run.stdout.decode(), run.stderr) == (0, f"{file}: ok\n", "")
    run = stage.run("wsserve", "--check-config")
    assert (run.code, run.stdout) == (0, b"ok: there is no configuration file\n")


def test_check_config_says_all_errors_each_with_its_place(stage, file):
    file.write_text(
        "histroy = 5\n"
        'heartbeat = "10ms"\n'
        "[limits]\n"
        'queue-limit = "1XB"\n'
        'max-message = true\n'
        "[[channel]]\n"
        'pattern = "a*"\n'
        'history_bytes = "1MiB"\n'
        'key = ".a..b"\n'
        "[[channel]]\n"
        'delivery = "newest"\n'
        "durable = true\n",
        encoding="utf-8",
    )
    run = stage.run("wsserve", "--config", file, "--check-config", "--heartbeat", "5s")
    assert run.code == 2 and run.stdout == b""
    lines = [line.removeprefix(f"wsserve: {file}:") for line in run.stderr.splitlines()]
    begins = [
        "1:1: unknown key 'histroy'; did you mean 'history'?",
        "2:13: heartbeat: must be at least 100ms",
        "4:15: queue-limit: '1XB' is not a size",
        "5:15: max-message: must be a string or a number, not a truth value",
        "7:11: pattern: pattern \"a*\": * stands for a whole segment",
        "8:1: unknown key 'history_bytes' in [[channel]]; did you mean 'history-bytes'?",
        '9:7: key: path ".a..b": a field name is expected at column 4',
        "10:1: [[channel]] needs the key 'pattern'",
        "11:12: delivery: 'newest' is not one of lossless|latest",
        "12:1: durable needs a store: start with --store FILE",
    ]
    assert len(lines) == len(begins), run.stderr
    for line, begin in zip(lines, begins):
        assert line.startswith(begin), run.stderr


def test_a_server_does_not_start_with_a_broken_file(stage, file):
    file.write_text("[limits\n", encoding="utf-8")
    run = stage.run("wsserve", "--listen", "127.0.0.1:0", "--config", file)
    assert run.code == 2 and f"{file}:1:" in run.stderr and run.stdout == b""
    run = stage.run("wsserve", "--config", stage.home / "none.toml")
    said = f"wsserve: cannot read {stage.home / 'none.toml'}: No such file or directory\n"
    assert run.code == 2 and run.stderr == said


def test_the_last_rule_to_say_something_wins(stage, file):
    file.write_text(
        'history = 3\n[[channel]]\npattern = "m/**"\nhistory = 5\ndedup-ids = 0\n'
        '[[channel]]\npattern = ["m/x", "other"]\nhistory = 7\n',
        encoding="utf-8",
    )
    server = stage.server("--config", str(file))
    with server.client() as client:
        for channel, kept in (("plain", 3), ("m/a", 5), ("m/x", 7), ("other", 7)):
            for number in range(10):
                client.publish(channel, number)
            assert len(client.command("history", channel=channel)["data"]["events"]) == kept, channel
        for channel, again in (("m/x", None), ("other", True)):
            client.publish(channel, 1, dedup="one")
            assert client.publish(channel, 1, dedup="one").get("duplicate") == again, channel


def test_the_key_comes_from_the_data_where_the_rule_says(stage, file):
    file.write_text(
        '[[channel]]\npattern = "m/*"\nkey = "/legs/0/symbol"\n[[channel]]\npattern = "d"\nkey = ".id"\n',
        encoding="utf-8",
    )
    server = stage.server("--config", str(file))
    with server.client() as client:
        client.subscribe("m/*", "d")
        client.publish("m/a", {"legs": [{"symbol": "AAPL"}]})
        client.publish("m/a", {"legs": [{"symbol": "AAPL"}]}, key="own")
        for number in (42, True, None, {}, [], "", "x" * 129):
            client.publish("d", {"id": number})
        client.publish("d", "no object")
        client.publish_text("d", r'{"id":"\u0041\n"}')
        assert [event.key for event in client.take_events(11)] == (
            ["AAPL", "own", "42", "true", None, None, None, None, None, None, "A\n"]
        )


def test_a_slow_reader_gets_the_newest_event_of_each_key_of_the_rule(stage, file):
    file.write_text(
        'queue-limit = "256KiB"\n[[channel]]\npattern = "l/**"\ndelivery = "latest"\nkey = "symbol"\n',
        encoding="utf-8",
    )
    server = stage.server("--config", str(file))
    slow, publisher = server.client(receive_buffer=4096), server.client()
    slow.subscribe("l/a")
    published = 0
    while server.stats()["merged"] < 50 and published < 5000:
        for symbol in ("A", "B"):
            publisher.publish("l/a", {"symbol": symbol, "fill": "x" * 20_000})
            published += 1
    assert server.stats()["merged"] >= 50 and server.stats()["closed_slow"] == 0
    newest = {}
    while len(newest) < 2:
        event = slow.take_events(1)[0]
        if event.offset > published - 2:
            newest[event.key] = event.offset
    assert newest == {"A": published - 1, "B": published}


def test_the_example_is_right_and_can_be_served(stage):
    example = pathlib.Path(__file__).parents[3] / "examples" / "wsserve.toml"
    run = stage.run("wsserve", "--config", example, "--check-config")
    assert (run.code, run.stderr) == (0, ""), run.stderr
    server = stage.server("--config", str(example))
    with server.client() as client:
        assert client.connected["channels"] == ["unified"]
        client.subscribe("market/AAPL")
        client.publish("market/AAPL", {"symbol": "AAPL"})
        assert client.take_events_of("market/AAPL", 1)[0].key == "AAPL"


def test_durable_without_a_store_is_refused_with_the_remedy(stage, file):
    file.write_text('[[channel]]\npattern = "a"\ndurable = true\n', encoding="utf-8")
    run = stage.run("wsserve", "--config", file)
    assert run.code == 2 and f"{file}:3:1: durable needs a store" in run.stderr and "--store" in run.stderr


@pytest.mark.parametrize(
    "option, value, remedy",
    [
        ("proxy-protocol", None, "--trusted-proxy"),
        ("forwarded-header", "forwarded", "--trusted-proxy"),
        ("store-sync", "off", "--store"),
        ("audit-data", None, "--audit"),
        ("rate-patience", "3s", "--max-commands"),
    ],
)
def test_an_option_that_needs_another_one_says_which(stage, file, option, value, remedy):
    text = "true" if value is None else f'"{value}"'
    file.write_text(f"{option} = {text}\n", encoding="utf-8")
    for place, options in {
        "command line": [f"--{option}"] + ([] if value is None else [value]),
        f"{file}:1:1": ["--config", file],
    }.items():
        run = stage.run("wsserve", "--listen", ":0", *options)
        assert run.code == 2 and run.stderr.count("\n") == 1, run.stderr
        assert f"{place}: --{option} is of no use without" in run.stderr, run.stderr
        assert f": add {remedy} " in run.stderr, run.stderr


@pytest.mark.parametrize("side", ["server", "client"])
def test_context_takeover_without_compression_is_refused(stage, side):
    run = stage.run("wsserve", "--listen", ":0", "--no-compression", f"--{side}-context-takeover")
    assert run.code == 2 and "leave --no-compression out" in run.stderr
