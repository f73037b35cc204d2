"""What it costs to look at who asks."""

import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from attrs import frozen
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from bench.contenders import Bench, rotated
from bench.mcp_client import Era, MCPClient
from bench.report import Row, Target
from bench.server import Server, cpu_seconds, serving
from mcp_trino.database.sqlite import SQLite
from mcp_trino.oauth.keyring import FILE_NAME, KeyFile

_OPEN = "open"
_CACHED = ("hmac, cached", "native, cached", "proxy, cached")
_ASKED = ("hmac, asked", "native, asked", "proxy, asked")
_BLOCKS = 12
_CALLS = 8
_SECRET = "a secret of the measurement, long enough"
_RESOURCE = "http://localhost:8080/mcp"
_LIFETIME_SECONDS = 3600
_STATEMENT = "SELECT 1"
_QUERY = Row(
    f"{_STATEMENT} with a token: latency (median)",
    "ms",
    (_OPEN,),
    (Target(1.05, _OPEN, _CACHED),),
)
_ADDED = Row(
    "whoami: latency added by a token (of medians)",
    "ms",
    targets=(Target(3, None, _ASKED),),
)
_CPU = Row(
    "whoami: CPU time of the server added by a token",
    "ms a call",
    targets=(Target(0.3, None, _CACHED),),
)


@frozen(eq=False)
class _Guard:
    """
    A server and how one gets in.

    :ivar token: makes one; asked for once where the server remembers it.
    """

    name: str
    settings: Mapping[str, str]
    token: Callable[[], str] | None

    @property
    def remembers(self) -> bool:
        """Whether it remembers a token that it was asked about."""
        return self.name in _CACHED


def with_tokens(bench: Bench) -> None:
    """Ask servers that want tokens of each kind, and one that wants none, in turn."""
    with ExitStack() as stack:
        enter = stack.enter_context
        guards = [_Guard(_OPEN, {}, None)]
        for cached, asked, (settings, token) in zip(
            _CACHED,
            _ASKED,
            (_hmac(), enter(_provider()), enter(_own_tokens())),
            strict=True,
        ):
            uncached = {**settings, "OAUTH_CACHE_TTL": "0"}
            guards += [_Guard(cached, settings, token), _Guard(asked, uncached, token)]
        servers = {
            guard: enter(serving(bench.coordinator, **guard.settings))
            for guard in guards
        }
        clients = {
            guard: enter(closing(_client(guard, server)))
            for guard, server in servers.items()
        }
        _take_turns(bench, servers, clients)


def _client(guard: _Guard, server: Server) -> MCPClient:
    client = MCPClient.open(server.address, Era.STATELESS, _credential(guard))
    for _ in range(_CALLS):
        client.call("whoami")
    client.query(_STATEMENT, 1)
    return client


def _credential(guard: _Guard) -> dict[str, str]:
    return {} if guard.token is None else {"Authorization": f"Bearer {guard.token()}"}


def _take_turns(
    bench: Bench, servers: dict[_Guard, Server], clients: dict[_Guard, MCPClient]
) -> None:
    quick, whole = defaultdict(list), defaultdict(list)
    spent: dict[str, float] = defaultdict(float)
    for block in range(_BLOCKS):
        for guard in rotated(list(clients), block):
            client, pid = clients[guard], servers[guard].pid
            before = 0 if pid is None else cpu_seconds(pid)
            for _ in range(_CALLS):
                quick[guard.name].append(_seconds(partial(client.call, "whoami")))
            if pid is not None:
                spent[guard.name] += cpu_seconds(pid) - before
            for _ in range(2):
                ask = partial(client.query, _STATEMENT, 1)
                whole[guard.name].append(_seconds(ask))
    idle = statistics.median(quick[_OPEN])
    for name, times in whole.items():
        bench.table.add(_QUERY, name, statistics.median(times) * 1000)
    for name, times in quick.items():
        if name != _OPEN:
            added = statistics.median(times) - idle
            bench.table.add(_ADDED, name, added * 1000)
            if spent:
                more = (spent[name] - spent[_OPEN]) / (_BLOCKS * _CALLS)
                bench.table.add(_CPU, name, more * 1000)


def _seconds(ask: Callable[[], object]) -> float:
    started = time.perf_counter()
    ask()
    return time.perf_counter() - started


Setup = tuple[dict[str, str], Callable[[], str]]
_numbers = count()


def _settings(**more: str) -> dict[str, str]:
    # The names that tokens are for do not depend on the port.
    return {"OAUTH_ENABLED": "true", "MCP_URL": _RESOURCE.removesuffix("/mcp"), **more}


def _claims(issuer: str, **more: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": issuer,
        "sub": "bench",
        "aud": _RESOURCE,
        "scope": "trino:read",
        "client_id": "some client",
        "auth_time": now,
        "iat": now,
        "exp": now + _LIFETIME_SECONDS,
        "jti": str(next(_numbers)),
        **more,
    }


def _signed(key: JWK, claims: dict[str, Any], **header: str) -> str:
    token = JWS(json.dumps(claims).encode())
    token.add_signature(key, protected=json.dumps(header))
    return str(token.serialize(compact=True))


def _hmac() -> Setup:
    key = JWK.from_password(_SECRET)
    issuer = _RESOURCE.removesuffix("/mcp")
    return (
        _settings(OAUTH_PROVIDER="hmac", JWT_SECRET=_SECRET),
        lambda: _signed(key, _claims(issuer), alg="HS256", typ="JWT"),
    )


@contextmanager
def _provider() -> Iterator[Setup]:
    """Have a provider that only says where its keys are, and tokens by one of them."""
    key = JWK.generate(kty="RSA", size=2048, kid="bench", alg="RS256", use="sig")
    documents: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        """Gives the documents."""

        def do_GET(self) -> None:
            body = json.dumps(documents[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = f"http://127.0.0.1:{server.server_address[1]}"
    documents["/.well-known/openid-configuration"] = {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
    }
    documents["/jwks"] = {"keys": [key.export_public(as_dict=True)]}
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield (
            _settings(OAUTH_PROVIDER="oidc", OIDC_ISSUER=issuer),
            lambda: _signed(
                key, _claims(issuer), alg="RS256", typ="at+jwt", kid="bench"
            ),
        )
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _own_tokens() -> Iterator[Setup]:
    """Have a state directory, tokens by its keys, and their grant in its store."""
    issuer = _RESOURCE.removesuffix("/mcp")
    with TemporaryDirectory() as directory:
        state = Path(directory)
        keys = KeyFile(state / FILE_NAME, _LIFETIME_SECONDS).read(time.time())
        signing, grant = keys.signing[0], token_urlsafe()
        store = SQLite(state / "store.sqlite")
        store.open()
        store.run(
            "INSERT INTO mcp_trino_store VALUES (:key, :value, :until)",
            {
                "key": sha256(f"grant/{grant}".encode()).digest(),
                "value": b"{}",
                "until": time.time() + _LIFETIME_SECONDS,
            },
        )
        store.close()
        yield (
            _settings(
                OAUTH_MODE="proxy",
                OAUTH_PROVIDER="oidc",
                OIDC_ISSUER="http://127.0.0.1:1",
                OIDC_CLIENT_ID="bench",
                OIDC_CLIENT_SECRET=_SECRET,
                OAUTH_STATE_DIRECTORY=directory,
            ),
            lambda: _signed(
                signing.key,
                _claims(issuer, grant=grant, idp="http://127.0.0.1:1"),
                alg="ES256",
                typ="at+jwt",
                kid=signing.key_id,
            ),
        )
