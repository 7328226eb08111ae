"""Proves: pipelines that the documents show work as they stand there."""

import json


def test_the_first_minute(stage):
    """An engine's lines, one event type and one channel named on the command line, printed by another tool."""
    server = stage.server()
    env = stage.env(WSKIT_URL=server.url)
    tap = stage.tool("wstap", "backtest/*", "-o", "json", "--until-event", "session_completed", env=env)
    server.wait_for_subscriptions(1)
    shell = stage.shell(
        r"""printf '%s\n' '{"run":"bt-42","type":"candle","close":1.5}' \
                           '{"run":"bt-42","type":"session_completed"}' |
               wspub 'backtest/{run}' --type-from type""",
        env=env,
    )
    assert shell.wait() == 0, shell.stderr
    assert tap.wait() == 0, tap.stderr
    events = [json.loads(line) for line in tap.stdout.splitlines()]
    assert [(event["channel"], event["type"]) for event in events] == [
        ("backtest/bt-42", "candle"),
        ("backtest/bt-42", "session_completed"),
    ]
    assert events[0]["data"]["close"] == 1.5


def test_a_command_substitution_gets_one_event(stage):
    server = stage.server()
    shell = stage.shell(
        f"""px=$(wstap -u {server.url} market/BTC-USD -n1 -W 1h -o data) || exit $?
            jq .price <<<"$px" """
    )
    server.wait_for_subscriptions(1)
    with server.client() as publisher:
        publisher.publish("market/BTC-USD", {"price": 61234.5})
    assert shell.wait() == 0, shell.stderr
    assert shell.stdout.strip() == b"61234.5"


def test_a_loop_from_a_front_end_to_an_engine_and_back(stage):
    server = stage.server()
    shell = stage.shell(
        f"wstap -u {server.url} control/42 -n 3 -o data | jq --unbuffered -c '{{heard: .}}'"
        f" | wspub -u {server.url} backtest/42"
    )
    with server.client("/ws/backtest/42") as front_end:
        server.wait_for_subscriptions(2)
        for command in ("pause", "resume", "stop"):
            front_end.publish("control/42", command)
            assert json.loads(front_end.take_events(1)[0].data) == {"heard": command}
    assert shell.wait() == 0, shell.stderr


def test_tools_reach_a_server_on_a_unix_socket(stage, tmp_path):
    server = stage.server(listen=f"unix:{tmp_path}/s.sock")
    env = stage.env(WSKIT_URL=server.url)
    tap = stage.tool("wstap", "a", "-n", "1", "-o", "data", env=env)
    server.wait_for_subscriptions(1)
    published = stage.run("wspub", "a", "-m", '{"over":"unix"}', env=env)
    assert published.code == 0, published.stderr
    assert tap.wait() == 0 and tap.stdout == b'{"over":"unix"}\n'
