"""Tokens of mode ``hmac`` from end to end: the server, its worker and real clients."""

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.e2e.certificates import make_certificates
from tests.e2e.in_task import TaskTestCase, in_task
from tests.e2e.server_process import (
    ServerProcess,
    program,
    server_environment,
    start_server,
)
from tests.web.serving import INITIALIZE, JSON_HEADERS

_READY_SECONDS = 20
_BACK_SECONDS = 3.0
# As the older server's design writes them.
_DEVELOPMENT = {
    "TRINO_OAUTH_ENABLED": "true",
    "OAUTH_PROVIDER": "hmac",
    "JWT_SECRET": "development-secret",
    "MCP_TRANSPORT": "http",
}


def token(*arguments: str, **settings: str) -> str:
    """Make a token by the command."""
    return subprocess.run(
        [program("mcp-trino"), "token", *arguments],
        env=server_environment("http://trino.test:1", **_DEVELOPMENT, **settings),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@frozen
class Answer:
    """What a plain HTTP client is answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(
    port: int,
    method: str,
    path: str,
    *tokens: str,
    headers: Mapping[str, str] = JSON_HEADERS,
    data: bytes = b"",
) -> Answer:
    """Ask the server by plain HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest(method, path)
        for value in tokens:
            connection.putheader("Authorization", f"Bearer {value}")
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            connection.putheader(name, value)
        connection.endheaders(data)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def wait_until_ready(port: int) -> None:
    """Wait until tokens are judged."""
    deadline = time.monotonic() + _READY_SECONDS
    while ask(port, "GET", "/readyz").status != 200:
        if time.monotonic() > deadline:
            raise AssertionError("it is not ready")
        time.sleep(0.05)


class ClientTests(TaskTestCase):
    """The client configuration of the older design: a static header."""

    def setUp(self) -> None:
        """Start the server as the design writes it, and make a token."""
        self.start_server(**_DEVELOPMENT)
        if self.server is None:
            raise AssertionError("no server")
        wait_until_ready(self.server.port)
        self.headers = {"Authorization": f"Bearer {token('--subject=ada')}"}

    @in_task
    async def test_both_eras(self) -> None:
        """A client of either era asks Trino with a token in its header."""
        assert self.server is not None
        for mode in ("2026-07-28", "legacy"):
            web = create_mcp_http_client(headers=self.headers)
            transport = streamable_http_client(self.server.url, http_client=web)
            async with Client(transport, mode=mode) as client:
                await self.converse(client)

    @in_task
    async def test_sse(self) -> None:
        """So does one of the older transport."""
        assert self.server is not None
        transport = sse_client(self.server.sse_url, headers=self.headers)
        async with Client(transport, mode="legacy") as client:
            await self.converse(client)

    async def converse(self, client: Client) -> None:
        """Ask who it is, and a question to Trino."""
        me = (await client.call_tool("whoami", {})).structured_content or {}
        self.assertEqual(me["subject"], "ada")
        self.assertEqual(me["scopes"], ["trino:read"])
        query = {"query": "SELECT count(*) AS n FROM tpch.tiny.nation"}
        answer = await client.call_tool("execute_query", query)
        self.assertEqual((answer.structured_content or {})["rows"], [[25]])


class ServerTests(SynchronousTestCase):
    """The server as the older design starts it."""

    def setUp(self) -> None:
        """Start it, and wait until it is ready."""
        self.server = start_server(**_DEVELOPMENT)
        self.addCleanup(self.server.stop)
        wait_until_ready(self.server.port)

    def ask(self, *tokens: str, path: str = "/mcp") -> Answer:
        """Shake hands with tokens."""
        return ask(self.server.port, "POST", path, *tokens, data=INITIALIZE)

    def worker(self) -> int:
        """Give the worker's process id."""
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children")
        if not children.exists():
            raise SkipTest("this system does not tell the children of a process")
        (worker,) = children.read_text().split()
        return int(worker)

    def test_tokens(self) -> None:
        """Good ones are taken, others are not, and the answers say which is what."""
        self.assertEqual(self.ask(token("--subject=ada")).status, 200)
        wrong = token("--subject=ada", OIDC_ISSUER="https://other.example")
        missing, bad, foreign = self.ask(), self.ask("bad"), self.ask(wrong)
        self.assertEqual(
            missing.headers["WWW-Authenticate"], 'Bearer scope="trino:read"'
        )
        for answer in (missing, bad, foreign):
            self.assertEqual(answer.status, 401)
        for answer in (bad, foreign):
            self.assertIn('error="invalid_token"', answer.headers["WWW-Authenticate"])
        self.assertEqual(self.ask("a", "b").status, 400)

    def test_ends(self) -> None:
        """A token that has ended is refused, after the leeway for wrong clocks."""
        started = time.monotonic()
        short = token("--subject=ada", "--lifetime=1")
        server = start_server(**_DEVELOPMENT, OAUTH_LEEWAY="0")
        self.addCleanup(server.stop)
        wait_until_ready(server.port)
        while time.monotonic() < started + 2:
            time.sleep(0.05)
        answer = ask(server.port, "POST", "/mcp", short, data=INITIALIZE)
        self.assertEqual(answer.status, 401)

    def test_secrets_are_not_told(self) -> None:
        """Neither the log nor the worker's environment has a token or the secret."""
        mine = token("--subject=ada")
        self.ask(mine)
        self.ask(mine + "x")
        worker = Path(f"/proc/{self.worker()}")
        self.server.stop()
        for place in (self.server.log,):
            self.assertNotIn("development-secret", place)
            self.assertNotIn(mine.rpartition(".")[2], place)
            self.assertNotIn(mine.split(".")[1], place)
        self.assertFalse(worker.exists())

    def test_worker_environment(self) -> None:
        """The worker's environment and arguments have nothing of the settings."""
        worker = Path(f"/proc/{self.worker()}")
        for name in ("environ", "cmdline"):
            self.assertNotIn(b"development-secret", (worker / name).read_bytes())

    def test_killed_worker(self) -> None:
        """Killed under load, it is back soon; until then nobody can say."""
        mine = token("--subject=ada")
        statuses, retries = [], []
        os.kill(self.worker(), signal.SIGKILL)
        killed_at = time.monotonic()
        back_at = None
        number = 0
        while time.monotonic() < killed_at + 2 * _BACK_SECONDS and back_at is None:
            number += 1
            # Another token each time, so that none is remembered.
            answer = self.ask(mine if number % 2 else token(f"--subject=a{number}"))
            statuses.append(answer.status)
            if answer.status == 503:
                retries.append(answer.headers["Retry-After"])
            elif number > 1:
                back_at = time.monotonic()
        self.assertLessEqual(set(statuses), {200, 503}, statuses)
        self.assertTrue(all(retries), retries)
        self.assertIsNotNone(back_at)
        self.assertEqual(self.ask("bad").status, 401)

    def test_frozen_worker(self) -> None:
        """While it is stopped nobody comes in, and those who came lately stay."""
        mine = token("--subject=ada")
        self.assertEqual(self.ask(mine).status, 200)
        worker = self.worker()
        os.kill(worker, signal.SIGSTOP)
        try:
            self.assertEqual(self.ask(mine).status, 200)
            answer = self.ask(token("--subject=grace"))
            self.assertEqual(answer.status, 503)
            self.assertTrue(answer.headers["Retry-After"])
        finally:
            os.kill(worker, signal.SIGCONT)

    def test_greeting(self) -> None:
        """The log says whose tokens are taken, and warns of the weak secret."""
        self.server.stop()
        self.assertIn("for tokens of http://localhost:8080 (hmac)", self.server.log)
        self.assertRegex(self.server.log, re.compile("JWT_SECRET has fewer than 32"))


class OpenTests(SynchronousTestCase):
    """What anybody may ask of such a server."""

    def test_documents(self) -> None:
        """In mode ``hmac`` there is no document that would lead to a login."""
        server = start_server(**_DEVELOPMENT)
        self.addCleanup(server.stop)
        for name in (
            "oauth-protected-resource",
            "oauth-protected-resource/mcp",
            "oauth-authorization-server",
            "openid-configuration",
        ):
            answer = ask(server.port, "GET", f"/.well-known/{name}")
            self.assertEqual(answer.status, 404)
            self.assertEqual(answer.headers["Content-Type"], "application/json")


class ProductionTests(SynchronousTestCase):
    """The command line for production of the older design."""

    def test_starts(self) -> None:
        """
        It starts as it is written, on loopback here: the documents name the
        audience's host, and nobody can say of a token while the provider is away.
        """
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        files = make_certificates(directory, "mcp-server.company.com")
        server = start_server(
            "https",
            "http://trino.test:1",
            files,
            TRINO_OAUTH_ENABLED="true",
            OAUTH_PROVIDER="okta",
            OIDC_ISSUER="https://localhost:1",
            OIDC_AUDIENCE="https://mcp-server.company.com",
            MCP_TRANSPORT="http",
        )
        self.addCleanup(server.stop)
        document = self.ask(server, "GET", "/.well-known/oauth-protected-resource")
        self.assertEqual(
            json.loads(document.body)["resource"], "https://mcp-server.company.com/mcp"
        )
        self.assertEqual(
            json.loads(document.body)["authorization_servers"],
            ["https://localhost:1"],
        )
        challenge = self.ask(server, "POST", "/mcp").headers["WWW-Authenticate"]
        self.assertIn(
            'resource_metadata="https://mcp-server.company.com/.well-known/'
            'oauth-protected-resource/mcp"',
            challenge,
        )
        answer = self.ask(server, "GET", "/.well-known/oauth-authorization-server")
        self.assertEqual(answer.status, 404)
        self.assertEqual(self.ask(server, "GET", "/readyz").status, 503)

    def ask(self, server: ServerProcess, method: str, path: str) -> Answer:
        """Ask by the name that the certificate is for."""
        context = ssl.create_default_context(cafile=server.trust["SSL_CERT_FILE"])
        context.check_hostname = False
        connection = http.client.HTTPSConnection(
            "127.0.0.1", server.port, timeout=10, context=context
        )
        connection.request(method, path, headers={"Host": "mcp-server.company.com"})
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer

    def test_binds_publicly(self) -> None:
        """Without a place to listen at it would listen everywhere."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        files = make_certificates(directory, "mcp-server.company.com")
        checked = subprocess.run(
            [program("mcp-trino"), "serve", "--check-config"],
            env={
                "PATH": os.environ["PATH"],
                "TRINO_OAUTH_ENABLED": "true",
                "OAUTH_PROVIDER": "okta",
                "OIDC_ISSUER": "https://company.okta.com",
                "OIDC_AUDIENCE": "https://mcp-server.company.com",
                "MCP_TRANSPORT": "http",
                "HTTPS_CERT_FILE": str(files.chain),
                "HTTPS_KEY_FILE": str(files.key),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(checked.stdout.splitlines()[-1], "ok")
        self.assertIn("OAUTH_MODE=proxy", checked.stdout)
