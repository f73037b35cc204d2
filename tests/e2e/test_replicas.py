"""Two replicas that share a PostgreSQL, behind a balancer without stickiness."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.balancer import Balancer
from tests.e2e.certificates import make_certificates
from tests.e2e.oauth_clients import OAuthClient, start_client
from tests.e2e.oidc_provider import start_oidc_provider
from tests.e2e.server_process import ServerProcess, program, start_server
from tests.ports import free_port
from tests.real_postgresql import real_postgresql


class ReplicaTests(SynchronousTestCase):
    """Whatever is begun at one of them goes on at the other."""

    def setUp(self) -> None:
        database = real_postgresql()
        database.execute("DROP TABLE IF EXISTS mcp_trino_store")
        directory = TemporaryDirectory(prefix="mcp-trino-")
        self.addCleanup(directory.cleanup)
        certificates = make_certificates(Path(directory.name))
        provider = start_oidc_provider(certificates)
        self.addCleanup(provider.close)
        port = free_port()
        url = f"https://127.0.0.1:{port}"
        client = provider.register(f"{url}/oauth/callback")
        keys = Path(directory.name, "keys.json")
        subprocess.run(
            [program("mcp-trino"), "keys", str(keys)], capture_output=True, check=True
        )
        self.replicas: list[ServerProcess] = []
        for name in ("one", "two"):
            replica = start_server(
                "https",
                certificates=certificates,
                MCP_URL=url,
                OAUTH_ENABLED="true",
                OAUTH_MODE="proxy",
                OAUTH_PROVIDER="oidc",
                OIDC_ISSUER=provider.issuer,
                OIDC_CA_FILE=str(certificates.authority),
                OIDC_CLIENT_ID=client["client_id"],
                OIDC_CLIENT_SECRET=client["client_secret"],
                OAUTH_UPSTREAM_SCOPES="openid offline_access",
                OAUTH_STATE_DIRECTORY=str(Path(directory.name, name)),
                OAUTH_KEYS_FILE=str(keys),
                OAUTH_STORE_URL=database.url(),
            )
            self.addCleanup(replica.stop)
            self.replicas.append(replica)
        self.balancer = Balancer(port, [replica.port for replica in self.replicas])
        self.addCleanup(self.balancer.close)
        self.port = port

    def start_client(self, kind: str) -> OAuthClient:
        """Start a client of the balancer."""
        client = start_client(kind, _Balanced(self.replicas, self.port))
        self.addCleanup(client.close)
        return client

    def test_login(self) -> None:
        """A login and its calls go through, wherever each of their steps arrives."""
        for kind in ("python", "typescript 2"):
            client = self.start_client(kind)
            self.assertEqual([client.whoami() for _ in range(4)], ["alice"] * 4)
            self.assertEqual(len(client.pages), 1, kind)
        self.assertGreater(min(self.balancer.counts.values()), 5)

    def test_pages(self) -> None:
        """A result that one replica has opened is read on by another."""
        one, two = (replica.port for replica in self.replicas)
        client = self.start_client("python")
        self.balancer.turn_to(one)
        result = client.call(
            "execute_query", query="SELECT * FROM UNNEST(sequence(1, 50))", max_rows=10
        )
        page = result["structuredContent"]
        rows = page["rows"]
        for port in (two, one, two, two):
            self.balancer.turn_to(port)
            page = client.call("fetch_page", page=page["next_page"])[
                "structuredContent"
            ]
            rows += page["rows"]
        self.assertNotIn("next_page", page)
        self.assertEqual(rows, [[number] for number in range(1, 51)])


class _Balanced:
    """What clients have to know of the replicas."""

    def __init__(self, replicas: list[ServerProcess], port: int) -> None:
        self.url = f"https://127.0.0.1:{port}/mcp"
        self.trust = replicas[0].trust
        self._replicas = replicas

    @property
    def log(self) -> str:
        """What all of them have said."""
        return "".join(replica.log for replica in self._replicas)
