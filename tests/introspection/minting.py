"""Keys and tokens of the tests, and a provider that publishes them."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cache
from typing import Any

from attrs import define, evolve, field
from jwcrypto.common import base64url_decode
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS, JWSCore
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from mcp_trino.errors import Undecidable
from mcp_trino.introspection.fetching import Answer, Ask
from mcp_trino.introspection.introspector import Introspector
from mcp_trino.providers import PROVIDERS, Provider
from mcp_trino.settings import OAuthMode, WorkerSettings

NOW = 1_700_000_000.0
ISSUER = "https://issuer.example/realms/a"
RESOURCE = "https://mcp.example/mcp"
OWN_ISSUER = "https://mcp.example"
SECRET = "a secret that is long enough to be one, of 32 bytes"
CLIENT_ID = "the-client"

DISCOVERY_URL = f"{ISSUER}/.well-known/openid-configuration"
JWKS_URL = f"{ISSUER}/keys"


@cache
def key_of(kid: str, algorithm: str = "RS256") -> JWK:
    """Give a private key, always the same of a name and a kind."""
    kind = {
        "RS256": {"kty": "RSA", "size": 2048},
        "RSA-1024": {"kty": "RSA", "size": 1024},
        "ES256": {"kty": "EC", "crv": "P-256"},
        "ES384": {"kty": "EC", "crv": "P-384"},
        "ES512": {"kty": "EC", "crv": "P-521"},
        "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
        "HS256": {"kty": "oct", "size": 256},
    }[algorithm]
    return JWK.generate(kid=kid, **kind)


def public(key: JWK, **members: Any) -> dict[str, Any]:
    """Give a key as it is published; members that are ``None`` are left out."""
    merged = {**key.export_public(as_dict=True), **members}
    return {name: value for name, value in merged.items() if value is not None}


def encoded(data: bytes) -> str:
    """Give base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(**changes: Any) -> dict[str, Any]:
    """Give the claims of a token that holds; those that are ``None`` are left out."""
    claims = {
        "iss": ISSUER,
        "sub": "0123-alice",
        "aud": RESOURCE,
        "exp": NOW + 300,
        "iat": NOW,
        "jti": "the-jti",
        "azp": "some-client",
        "scope": "openid trino:read",
        "preferred_username": "alice",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def own_claims(**changes: Any) -> dict[str, Any]:
    """Give the claims of a token of our own."""
    return claims_of(
        **{
            "iss": OWN_ISSUER,
            "azp": None,
            "client_id": "https://client.example/about",
            "grant": "the-grant",
            "preferred_username": None,
            "username": "alice",
            **changes,
        }
    )


def minted(
    claims: dict[str, Any] | bytes,
    key: JWK | None = None,
    header: dict[str, Any] | bytes | None = None,
    **headers: Any,
) -> str:
    """
    Sign a token.

    :param header: all of it, else it is made from the key and ``headers``.
    """
    key = key_of("one") if key is None else key
    if header is None:
        default = {"alg": algorithm_of(key), "kid": key.get("kid"), "typ": "JWT"}
        header = {
            name: value
            for name, value in {**default, **headers}.items()
            if value is not None
        }
    return signed(_bytes(claims), key, _bytes(header))


def algorithm_of(key: JWK) -> str:
    """Give the usual algorithm of a key."""
    kinds = {"oct": "HS256", "RSA": "RS256", "OKP": "EdDSA"}
    curves = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
    return kinds.get(key["kty"]) or curves[key["crv"]]


def signed(payload: bytes, key: JWK, header: bytes) -> str:
    """Sign bytes whatever they are, by the algorithm of the header if it is one."""
    algorithm = algorithm_of(key)
    for name in ("RS512", "PS256", "HS384", "HS512", "Ed25519"):
        if b'"%s"' % name.encode() in header:
            algorithm = name
    data = f"{encoded(header)}.{encoded(payload)}"
    if key["kty"] == "oct":
        # jwcrypto does not sign with what is too short.
        secret = base64url_decode(key.get("k"))
        hashing = f"sha{algorithm[-3:]}"
        signature = hmac.digest(secret, data.encode(), hashing)
    else:
        engine = JWSCore(algorithm, key, None, b"", [algorithm]).engine
        signature = engine.sign(key, data.encode())
    return f"{data}.{encoded(signature)}"


def _bytes(value: dict[str, Any] | bytes) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def serialized(claims: dict[str, Any], key: JWK) -> str:
    """Give a token in flattened JSON."""
    jws = JWS(json.dumps(claims))
    jws.add_signature(key, None, json.dumps({"alg": "RS256", "kid": key["kid"]}))
    return str(jws.serialize(compact=False))


@define(eq=False)
class FakeProvider:
    """
    The documents of a provider.

    :ivar documents: the answers by address; what is no answer fails.
    :ivar asked: what was asked for.
    :ivar hangs: nothing is answered.
    """

    documents: dict[str, Any] = field(factory=dict)
    asked: list[Ask] = field(factory=list)
    hangs: list[Deferred[Answer]] | None = None

    def __call__(self, ask: Ask) -> Deferred[Answer]:
        """Answer a request."""
        self.asked.append(ask)
        if self.hangs is not None:
            hanging: Deferred[Answer] = Deferred()
            self.hangs.append(hanging)
            return hanging
        document = self.documents.get(ask.url.partition("?")[0], 404)
        if isinstance(document, Answer):
            return succeed(document)
        if isinstance(document, int):
            return succeed(Answer(document, b""))
        if isinstance(document, Exception):
            return fail(document)
        return succeed(Answer(200, json.dumps(document).encode()))

    def publish(self, *keys: dict[str, Any], **metadata: Any) -> "FakeProvider":
        """Publish keys, and a discovery document that names them."""
        self.documents[JWKS_URL] = {"keys": list(keys)}
        self.documents[DISCOVERY_URL] = {
            "issuer": ISSUER,
            "jwks_uri": JWKS_URL,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "introspection_endpoint": f"{ISSUER}/introspect",
            **metadata,
        }
        return self

    def go_down(self) -> None:
        """Answer nothing any more."""
        for url in self.documents:
            self.documents[url] = Undecidable("connection refused")

    @property
    def key_fetches(self) -> int:
        """How often the keys were asked for."""
        return sum(ask.url == JWKS_URL for ask in self.asked)


def native_settings(
    provider: str | Provider = "keycloak", **changes: Any
) -> WorkerSettings:
    """Give the settings of a worker that judges a provider's tokens."""
    row = PROVIDERS[provider] if isinstance(provider, str) else provider
    settings = WorkerSettings(
        mode=OAuthMode.NATIVE,
        provider=row,
        issuer=ISSUER,
        audiences=(RESOURCE,),
        resources=(RESOURCE,),
    )
    return evolve(settings, **changes)


def hmac_settings(**changes: Any) -> WorkerSettings:
    """Give the settings of mode ``hmac``."""
    settings = native_settings(mode=OAuthMode.HMAC, hmac_secret=SECRET)
    return evolve(settings, provider=None, **changes)


@define(eq=False)
class Bench:
    """
    A worker without a process: its decision, on a clock and a provider of ours.

    :ivar clock: begins at ``NOW``, and gives the time of day as well.
    """

    settings: WorkerSettings
    provider: FakeProvider = field(
        factory=lambda: FakeProvider().publish(public(key_of("one")))
    )
    clock: Clock = field(factory=Clock)
    introspector: Introspector = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.clock.advance(NOW)
        self.introspector = Introspector(
            self.settings,
            self.clock,
            fetch=self.provider,
            now=self.clock.seconds,
            random=lambda: 0.5,
        )

    def start(self, add_cleanup: Callable[..., object]) -> "Bench":
        """Start it, and stop it at the end of the test."""
        self.introspector.startService()
        add_cleanup(self.introspector.stopService)
        return self
