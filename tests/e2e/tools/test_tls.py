"""Proves: over `wss://` the tools take a certificate that they can trust, show their own where it is asked for,
and say what is wrong with either."""

import pytest
from harness.certificates import Authority, need_openssl

need_openssl()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def served(stage, authority):
    """A server of the tests' authority, for these names."""

    def serve(names="IP:127.0.0.1,DNS:localhost", *options, **where):
        identity = authority.issue(names=names)
        return stage.server(*identity.served, *options, tls=authority.trusting(), **where)

    return serve


def bench(stage, url, *options):
    short = ["-S", "4", "--rate", "50", "-w", "0s", "-d", "300ms", "--drain", "10s"]
    return stage.run("wsbench", "-u", url, *short, *options)


def test_a_trusted_certificate(stage, served, authority):
    server = served()
    trust = ["--cacert", authority.file]
    tap = stage.tool("wstap", "-u", server.url, *trust, "-o", "data", "-n", "500", "a")
    server.wait_for_subscriptions(1)
    lines = b"".join(b'{"n":%d,"padding":"%s"}\n' % (number, b"x" * 500) for number in range(500))
    pub = stage.run("wspub", "-u", f"wss://localhost:{server.port}/ws", *trust, "a", stdin=lines)
    assert pub.code == 0, pub.stderr
    assert tap.wait() == 0, tap.stderr
    assert tap.stdout == lines
    run = bench(stage, server.url, *trust)
    assert run.code == 0, run.stderr
    assert b"lost 0, duplicate 0, reordered 0, corrupt 0" in run.stdout


def test_an_unknown_certificate_is_refused_and_the_remedy_named(stage, served):
    server = served()
    for run in (stage.run("wstap", "-u", server.url, "a"), bench(stage, server.url)):
        assert run.code == 4, run.stderr
        assert "certificate" in run.stderr and "--cacert" in run.stderr
    assert server.stats()["http_requests"] == 1, "none but this one asked for anything"


def test_a_certificate_of_another_name_is_refused(stage, served, authority):
    server = served("DNS:localhost,IP:127.0.0.2")
    url = f"wss://127.0.0.1:{server.port}"
    trust = ["--cacert", authority.file]
    for run in (stage.run("wstap", "-u", url, *trust, "a"), bench(stage, url, *trust)):
        assert run.code == 4, run.stderr
        assert "127.0.0.1" in run.stderr
    named = stage.run("wspub", "-u", f"wss://localhost:{server.port}", *trust, "a", "-m", "1")
    assert named.code == 0, named.stderr


def test_any_certificate_where_told_so(stage, served):
    url = served("DNS:other.test").url
    run = stage.run("wspub", "-u", url, "--insecure", "a", "-m", "1")
    assert run.code == 0, run.stderr
    run = bench(stage, url, "--insecure")
    assert run.code == 0, run.stderr


def test_a_server_without_tls_is_no_wss(stage):
    server = stage.server()
    url = f"wss://127.0.0.1:{server.port}"
    for run in (stage.run("wstap", "-u", url, "a", "--insecure"), bench(stage, url, "--insecure")):
        assert run.code == 3 and "does not speak TLS there" in run.stderr, run.stderr


def test_a_server_with_tls_is_no_ws(stage, served):
    run = stage.run("wstap", "-u", f"ws://127.0.0.1:{served().port}", "a")
    assert run.code == 4 and "use https:// or wss://" in run.stderr, run.stderr


def test_a_certificate_is_shown_where_it_is_asked_for(stage, served, authority):
    server = served("IP:127.0.0.1", "--client-ca", authority.file)
    ann = authority.issue("ann")
    trust = ["--cacert", authority.file]
    run = stage.run("wspub", "-u", server.url, *trust, *ann.shown, "a", "-m", "1")
    assert run.code == 0, run.stderr
    together = stage.home / "together.pem"
    together.write_bytes(ann.certificate.read_bytes() + ann.key.read_bytes())
    run = stage.run("wstap", "-u", server.url, *trust, "--cert", together, "a", "--from", "start", "-n", "1")
    assert run.code == 0, run.stderr
    run = bench(stage, server.url, *trust, *ann.shown)
    assert run.code == 0, run.stderr


def test_a_certificate_that_is_asked_for_and_not_shown_or_not_taken(stage, served, authority):
    server = served("IP:127.0.0.1", "--client-ca", authority.file)
    trust = ["--cacert", authority.file]
    for run in (stage.run("wstap", "-u", server.url, *trust, "a"), bench(stage, server.url, *trust)):
        assert run.code == 4 and "give yours with --cert and --key-file" in run.stderr, run.stderr
    eve = Authority(stage.home, "stranger").issue("eve")
    for run in (
        stage.run("wstap", "-u", server.url, *trust, *eve.shown, "a"),
        bench(stage, server.url, *trust, *eve.shown),
    ):
        assert run.code == 4 and "does not take the certificate of --cert" in run.stderr, run.stderr


def test_files_that_cannot_be_used_are_named_before_anything_is_connected(stage, authority):
    ann, bob = authority.issue("ann"), authority.issue("bob")
    missing = stage.home / "missing.pem"
    for tool in ("wspub", "wstap", "wsbench"):
        for options, said in (
            (["--cacert", missing], f"--cacert: cannot read certificates from {missing}"),
            (["--cert", missing], f"--cert: cannot read a certificate from {missing}"),
            (
                ["--cert", ann.certificate, "--key-file", missing],
                f"--key-file: cannot read a key .* {missing}",
            ),
            (["--cert", ann.certificate, "--key-file", bob.key], f"the key in {bob.key} is not that of"),
            (["--cert", ann.certificate], f"--cert: cannot read a key from {ann.certificate}"),
            (["--key-file", ann.key], "with --cert"),
        ):
            run = stage.run(tool, "-u", "wss://127.0.0.1:1", *options)
            assert run.code == 2, (options, run.stderr)
            assert not [part for part in said.split(" .* ") if part not in run.stderr], run.stderr
