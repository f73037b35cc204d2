"""
A real Trino that asks over TLS who is there: by certificate, JWT or password.

It knows ``mcp``, who may become ``alice``, ``bob`` and people of one domain.
Tokens are taken from the issuer ``https://idp.test``, for the audience
``trino``.
"""

import atexit
import hashlib
import json
import shutil
import time
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

from attrs import evolve, frozen
from jwcrypto.jwk import JWK
from jwcrypto.jwt import JWT

from tests.e2e.certificates import Certificates, make_certificates
from tests.ports import free_port
from tests.real_trino import SMALL
from tests.sandboxes import require, start

PASSWORD = "correct horse battery"
_IMPERSONATED = "alice|bob|[a-z0-9.]+@example\\.test"
_RULES = {
    "catalogs": [{"user": "mcp", "allow": "read-only"}, {"allow": "all"}],
    "queries": [{"allow": ["execute"]}],
    "impersonation": [{"original_user": "mcp", "new_user": _IMPERSONATED}],
}


@frozen
class SecuredTrino:
    """
    Where it is and what it trusts.

    :ivar signing_key: signs tokens that it takes.
    """

    host: str
    port: int
    plain_port: int
    certificates: Certificates
    signing_key: JWK

    def token(self, subject: str = "mcp", **claims: object) -> str:
        """Give a token that it takes, unless the claims say otherwise."""
        now = int(time.time())
        claims = {
            "sub": subject,
            "iss": "https://idp.test",
            "aud": "trino",
            "iat": now,
            "exp": now + 600,
            **claims,
        }
        token = JWT(header={"alg": "RS256"}, claims=claims)
        token.make_signed_token(self.signing_key)
        return str(token.serialize())


@cache
def secured_trino() -> SecuredTrino:
    """
    Give it; the first call waits until it answers.

    :raise: what ``tests.real_trino.real_trino`` raises.
    """
    directory = Path(mkdtemp(prefix="mcp-trino-secured-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    certificates = make_certificates(directory)
    signing_key = JWK.generate(kty="RSA", size=2048)
    port = free_port()
    launch = evolve(
        SMALL,
        properties={
            "http-server.https.enabled": "true",
            "http-server.https.port": str(port),
            "http-server.https.keystore.path": "etc/server.pem",
            "http-server.https.truststore.path": "etc/authority.pem",
            "internal-communication.shared-secret": "0123456789abcdef" * 4,
            "http-server.authentication.type": "CERTIFICATE,JWT,PASSWORD",
            # For the probe of the sandbox only.
            "http-server.authentication.allow-insecure-over-http": "true",
            "http-server.authentication.certificate.user-mapping.pattern": (
                "CN=([^,]+).*"
            ),
            "http-server.authentication.jwt.key-file": "etc/jwt.pem",
            "http-server.authentication.jwt.required-audience": "trino",
            "http-server.authentication.jwt.required-issuer": "https://idp.test",
        },
        files={
            "etc/server.pem": certificates.key.read_text()
            + certificates.chain.read_text(),
            "etc/authority.pem": certificates.authority.read_text(),
            "etc/jwt.pem": signing_key.export_to_pem().decode(),
            "etc/password-authenticator.properties": (
                "password-authenticator.name=file\nfile.password-file=etc/password.db\n"
            ),
            "etc/password.db": f"mcp:{_hashed(PASSWORD)}\n",
            "etc/access-control.properties": (
                "access-control.name=file\nsecurity.config-file=etc/rules.json\n"
            ),
            "etc/rules.json": json.dumps(_RULES),
        },
    )
    plain = urlsplit(require(start(launch))).port or 0
    return SecuredTrino("127.0.0.1", port, plain, certificates, signing_key)


def _hashed(password: str) -> str:
    """Give a password as a line of Trino's password file has it (PBKDF2)."""
    salt, rounds = b"salt for tests", 1000
    digest = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, rounds, 64)
    return f"{rounds}:{salt.hex()}:{digest.hex()}"
