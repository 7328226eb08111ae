"""Proves: where an event goes, its type, its key and its time come from the line as the options say."""

from harness.tokens import Issuer


def routed(stage, options, *lines):
    server = stage.server()
    with server.client("/ws/**") as reader:
        run = stage.run("wspub", "-u", server.url, *options, stdin="\n".join(lines).encode())
        assert run.code == 0, run.stderr
        return reader.take_events(len(lines))


def test_a_template_is_filled_from_the_line(stage):
    events = routed(
        stage,
        ["fills/{strategy}/{order.symbol}"],
        '{"strategy":"meanrev","order":{"symbol":"AAPL"}}',
        '{"order":{"symbol":"BTC-USD"},"strategy":7}',
    )
    assert [event.channel for event in events] == ["fills/meanrev/AAPL", "fills/7/BTC-USD"]


def test_the_channel_can_be_a_field(stage):
    events = routed(stage, ["--channel-from", "meta.channel"], '{"meta":{"channel":"x/y"},"n":1}')
    assert events[0].channel == "x/y" and events[0].data == '{"meta":{"channel":"x/y"},"n":1}'


def test_type_key_and_time_come_from_where_they_are(stage):
    events = routed(
        stage,
        ["a", "--type-from", "kind", "--key-from", "symbol", "--time-from", "at"],
        '{"kind":"trade","symbol":"AAPL","at":"2021-04-17T16:43:37.061845Z"}',
    )
    assert (events[0].type, events[0].key, events[0].timestamp) == (
        "trade",
        "AAPL",
        "2021-04-17T16:43:37.061845Z",
    )
    assert routed(stage, ["a", "-t", "fixed"], "1")[0].type == "fixed"


def test_whole_events_are_recognised(stage):
    line = (
        '{"type":"trade","channel":"market/AAPL","offset":42,'
        '"timestamp":"2026-11-20T10:00:00.123456Z","data":{"price":150.250}}'
    )
    event = routed(stage, [], line)[0]
    assert (event.channel, event.type, event.offset) == ("market/AAPL", "trade", 1)
    assert (event.timestamp, event.data) == ("2026-11-20T10:00:00.123456Z", '{"price":150.250}')


def test_the_common_envelope_is_recognised(stage):
    line = '{"type":"progress","data":{"percent":12.50},"timestamp":"2026-11-20T10:00:00Z"}'
    event = routed(stage, ["backtest/1"], line)[0]
    assert (event.type, event.data, event.timestamp) == (
        "progress",
        '{"percent":12.50}',
        "2026-11-20T10:00:00Z",
    )


def test_a_line_without_the_field_is_refused_by_name(stage):
    server = stage.server()
    run = stage.run("wspub", "-u", server.url, "market/{symbol}", stdin=b'{"symbol":"A"}\n{"sym":"B"}\n')
    assert run.code == 8, run.stderr
    assert "symbol" in run.stderr and "line 2" in run.stderr


def test_a_line_that_would_name_no_channel_is_refused(stage):
    server = stage.server()
    for value in ('""', '"a b"', '"*"', '"x//y"', "{}", "null"):
        run = stage.run("wspub", "-u", server.url, "market/{s}", stdin=f'{{"s":{value}}}\n'.encode())
        assert run.code == 8, (value, run.stderr)
        assert "line 1" in run.stderr


def test_a_pattern_is_no_channel(stage):
    server = stage.server()
    run = stage.run("wspub", "-u", server.url, "market/*", stdin=b"1\n")
    assert run.code == 2 and "market/*" in run.stderr


def test_without_a_channel_anywhere_the_remedy_is_named(stage):
    server = stage.server()
    run = stage.run("wspub", "-u", server.url, stdin=b'{"x":1}\n')
    assert run.code in (2, 8) and "channel" in run.stderr.lower()


def test_a_user_is_reached_where_the_token_grants_it(stage):
    issuer = Issuer(stage.home)
    server = stage.server(*issuer.options)
    service = ("-u", server.url, "--token", issuer.token("service", publish=["@user/*"]))
    with server.client(f"/ws?token={issuer.token('ann')}") as ann:
        lines = b'{"to":"ann","n":1}\n{"to":"ann","n":2}\n'
        run = stage.run("wspub", *service, "@user/{to}", "-t", "update", stdin=lines)
        assert run.code == 0, run.stderr
        assert [(event.channel, event.type) for event in ann.take_events(2)] == [("@user/ann", "update")] * 2
        run = stage.run("wspub", *service, stdin=b'{"channel":"@user/ann","data":"named by the line"}')
        assert run.code == 0, run.stderr
        assert ann.take_events(1)[0].data == '"named by the line"'


def test_elsewhere_in_the_servers_space_the_server_says_no(stage):
    server = stage.server()
    for channel in ("@all", "@user/ann", "@server/stats"):
        run = stage.run("wspub", "-u", server.url, channel, "-m", "1")
        assert run.code == 4 and channel in run.stderr and "FORBIDDEN" in run.stderr, run.stderr
