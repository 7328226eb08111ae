"""Proves: `wsserve token` makes tokens that the server takes and that grant what was typed, and says what one grants."""

import json
import subprocess

import jwt
import pytest
from harness.tokens import bearer


@pytest.fixture
def secret(stage):
    file = stage.home / "key"
    file.write_text("x" * 40 + "\n", encoding="ascii")
    file.chmod(0o600)
    return file


def made(stage, *arguments):
    """The token on stdout, alone; and nothing said of what it was signed with."""
    run = stage.run("wsserve", "token", *arguments)
    assert run.code == 0, run.stderr
    assert "x" * 40 not in run.stderr and b"x" * 40 not in run.stdout
    return run.stdout.decode().removesuffix("\n")


def shown(stage, token, *arguments, code=0, **options):
    run = stage.run("wsserve", "token", "--show", *arguments, stdin=token.encode(), **options)
    assert run.code == code, (run.stdout, run.stderr)
    assert token not in run.stdout.decode()
    return dict(line.split(None, 1) for line in run.stdout.decode().splitlines())


def test_a_token_is_taken_and_grants_what_was_typed(stage, secret):  # U13
    server = stage.server("--jwt-secret-file", str(secret))
    token = made(stage, "--jwt-secret-file", secret, "--sub", "ann", "--publish", "**", "--expires", "1h")
    with server.client(headers=bearer(token)) as ann:
        assert ann.connected["channels"] == ["@user/ann"]
        ann.publish("orders/1", 1)
    claims = jwt.decode(token, "x" * 40, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 3600 and set(claims) == {"sub", "iat", "exp", "publish"}
    token = made(stage, "--jwt-secret-file", secret, "--sub", "bob", "--subscribe", "a/*", "--publish", "b")
    with server.client(headers=bearer(token)) as bob:
        assert bob.error("publish", channel="orders/1", type="t", data=1)["code"] == "FORBIDDEN"
        assert bob.error("subscribe", channels=["b"])["code"] == "FORBIDDEN"


def test_the_secret_issuer_and_audience_are_those_of_the_configuration(stage, secret):  # U13
    file = stage.home / "c.toml"
    file.write_text(
        f'jwt-secret-file = "2026={secret}"\njwt-issuer = "me"\njwt-audience = ["here", "there"]\n', encoding="utf-8"
    )
    run = stage.run("wsserve", "--config", file, "token", "--sub", "ops", "--admin", "--claim", "team=7")
    assert run.code == 0, run.stderr
    token = run.stdout.decode().strip()
    assert jwt.get_unverified_header(token)["kid"] == "2026"
    claims = jwt.decode(token, "x" * 40, algorithms=["HS256"], audience="here", issuer="me")
    assert claims["admin"] is True and claims["team"] == 7
    server = stage.server("--config", str(file))
    with server.client(headers=bearer(token)) as ops:
        assert ops.connected["channels"] == ["@user/ops"]


@pytest.mark.parametrize(
    "kind, algorithm",
    [(["RSA", "rsa_keygen_bits:2048"], "RS256"), (["EC", "ec_paramgen_curve:P-384"], "ES384")],
)
def test_a_private_key_signs_too(stage, kind, algorithm):  # U13
    private, public = stage.home / "private.pem", stage.home / "public.pem"
    make = ["openssl", "genpkey", "-algorithm", kind[0], "-pkeyopt", kind[1], "-out", private]
    subprocess.run(make, check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    server = stage.server("--jwt-key", str(public))
    token = made(stage, "--private-key", private, "--sub", "ann", "--expires", "never")
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    with server.client(headers=bearer(token)) as ann:
        assert ann.connected["channels"] == ["@user/ann"]


def test_what_a_token_grants_is_shown(stage, secret):  # U13
    token = made(stage, "--jwt-secret-file", secret, "--sub", "ann", "--publish", "a/*", "--publish", "b", "--admin")
    said = shown(stage, token, "--jwt-secret-file", str(secret))
    assert said["user"] == "ann" and said["publish"] == "a/* b" and said["admin"] == "yes"
    assert said["algorithm"] == "HS256" and said["verdict"].startswith("taken")
    assert "in 59m" in said["expires"] or "in 1h" in said["expires"]
    assert said["subscribe"].startswith("**") and "default" in said["subscribe"]
    assert shown(stage, token)["verdict"].startswith("not checked")
    run = stage.run("wsserve", "token", "--show", token)
    assert run.code == 0 and b"ann" in run.stdout


def test_what_the_server_would_refuse_is_1(stage, secret):  # U13
    other = stage.home / "other"
    other.write_text("y" * 40, encoding="ascii")
    other.chmod(0o600)
    token = made(stage, "--jwt-secret-file", secret, "--sub", "ann")
    assert "signature" in shown(stage, token, "--jwt-secret-file", str(other), code=1)["verdict"]
    old = jwt.encode({"sub": "ann", "exp": 1}, "x" * 40, "HS256")
    said = shown(stage, old, "--jwt-secret-file", str(secret), code=1)
    assert "expired" in said["verdict"] and "ago" in said["expires"]
    assert "no JSON Web Token" in shown(stage, "nonsense", code=1)["verdict"]
    bad = jwt.encode({"sub": "a\x1b[31m", "publish": 7}, "x" * 40, "HS256")
    assert "\x1b" not in json.dumps(shown(stage, bad, code=1), ensure_ascii=False)


@pytest.mark.parametrize(
    "typed, remedy",
    [
        ("--publish **", "--sub is missing"),
        ("--sub ann", "nothing to sign with: add --jwt-secret-file"),
        ("--jwt-secret-file {key} --sub ann --publish a**", "publish must be"),
        ("--jwt-secret-file {key} --sub ann --expires soon", "--expires"),
        ("--jwt-secret-file {key} --sub ann --expires 0", "write never"),
        ("--jwt-secret-file {key} --sub ann --algorithm RS256", "HS256, HS384, HS512"),
        ("--jwt-secret-file {key} --sub ann --claim sub=bob", "has it already"),
        ("--private-key {key} --sub ann", "is no private key"),
        ("--jwt-secret-file {home} --sub ann", "irectory"),
        ("--show --sub ann", "of no use with --show"),
        ("sometoken", "is for --show"),
    ],
)
def test_what_is_wrong_is_named_with_the_remedy(stage, secret, typed, remedy):  # U13
    arguments = typed.format(key=secret, home=stage.home).split()
    run = stage.run("wsserve", "token", *arguments)
    assert run.code == 2 and remedy in run.stderr, run.stderr
    assert len(run.stderr.splitlines()) == 1 and "x" * 40 not in run.stderr


def test_it_stands_in_the_help_the_manual_and_the_completions(stage):  # U13
    assert b"token --jwt-secret-file key" in stage.run("wsserve", "token", "-h").stdout
    assert b"--publish" in stage.run("wsserve", "token", "--help").stdout
    for what in ("man", "complete-bash", "complete-zsh", "complete-fish"):
        said = stage.run("wsserve", "--generate", what).stdout.decode().replace("\\-", "-")
        assert "token" in said and ("--private-key" in said or "-l private-key" in said), what
