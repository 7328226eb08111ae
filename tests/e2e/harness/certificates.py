"""Certificates made on the spot by openssl's command line."""

import pathlib
import shutil
import ssl
import subprocess

import pytest

from .deadline import DEADLINE

LOCAL = "IP:127.0.0.1,DNS:localhost"


def need_openssl():
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes the certificates, is not installed", allow_module_level=True)


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=DEADLINE)


class Identity:
    """A certificate (with its chain) and its key, as files."""

    def __init__(self, certificate, key):
        self.certificate, self.key = pathlib.Path(certificate), pathlib.Path(key)

    @property
    def served(self):
        """As wsserve is told."""
        return ["--tls-cert", str(self.certificate), "--tls-key", str(self.key)]

    @property
    def shown(self):
        """As a client tool is told."""
        return ["--cert", str(self.certificate), "--key-file", str(self.key)]

    def replace(self, other):
        """Puts another identity into the same files, as a renewal does."""
        shutil.copy(other.certificate, self.certificate)
        shutil.copy(other.key, self.key)


class Authority:
    """Signs certificates; whoever trusts `file` trusts them."""

    def __init__(self, folder, name="authority"):
        self.folder, self.name, self._issued = pathlib.Path(folder), name, 0
        self.file = self.folder / f"{name}.pem"
        subject = ["-subj", f"/CN={name}"]
        make = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "90",
        ]
        openssl(folder, *make, *subject, "-keyout", f"{name}.key", "-out", f"{name}.pem")

    def issue(self, common_name="test", names=LOCAL, days=60, key=("ec", "ec_paramgen_curve:P-256")):
        """An identity for `names`; with `days` below zero one that has expired."""
        self._issued += 1
        stem = f"{self.name}-{self._issued}"
        algorithm, parameter = key
        make = [
            "req",
            "-new",
            "-newkey",
            algorithm,
            "-pkeyopt",
            parameter,
            "-nodes",
            "-subj",
            f"/CN={common_name}",
        ]
        openssl(self.folder, *make, "-keyout", f"{stem}.key", "-out", f"{stem}.csr")
        (self.folder / f"{stem}.ext").write_text(f"subjectAltName={names}\n", encoding="ascii")
        sign = ["x509", "-req", "-in", f"{stem}.csr", "-CA", f"{self.name}.pem", "-CAkey", f"{self.name}.key"]
        serial = ["-set_serial", str(1000 + self._issued), "-days", str(days), "-extfile", f"{stem}.ext"]
        openssl(self.folder, *sign, *serial, "-out", f"{stem}.pem")
        return Identity(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")

    def trusting(self, version=None, ciphers=None, identity=None):
        """A client's context that trusts this authority; `version` is the one it speaks."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.file)
        if version:
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = version
            context.minimum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
        if identity:
            context.load_cert_chain(identity.certificate, identity.key)
        return context
