"""Keys, and tokens that are right or wrong in one way each."""

import base64
import hashlib
import hmac
import json
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ALGORITHMS = {
    "HS256": None,
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "RS512": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Signs with a key of its own, whose checking half stands in `file`."""

    def __init__(self, folder, algorithm="HS256", name="key", kid=None):
        self.algorithm = algorithm
        self.kid = kid
        self.file = folder / f"{name}.{'secret' if algorithm.startswith('HS') else 'pem'}"
        if algorithm.startswith("HS"):
            self.key = hashlib.sha256(name.encode()).hexdigest()
            self.file.write_text(self.key + "\n", encoding="ascii")
        else:
            self.key = ALGORITHMS[algorithm]()
            self.file.write_bytes(
                self.key.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
            )
        self.file.chmod(0o600)

    @property
    def options(self):
        flag = "--jwt-secret-file" if self.algorithm.startswith("HS") else "--jwt-key"
        return [flag, f"{self.kid}={self.file}" if self.kid else str(self.file)]

    def token(self, user="ann", within=60, **claims):
        """`within`: seconds to its end; None for a token without one."""
        whole = {"sub": user, **claims}
        if within is not None:
            whole.setdefault("exp", time.time() + within)
        headers = {"kid": self.kid} if self.kid else None
        return jwt.encode(whole, self.key, algorithm=self.algorithm, headers=headers)


def forged(header, claims, secret):
    """Signed as HS256 whatever the header says."""
    signed = f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64url(signature)}"


def bearer(token):
    return [("Authorization", f"Bearer {token}")]
