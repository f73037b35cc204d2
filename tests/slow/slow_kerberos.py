"""Tests of logging in at a real Trino by Kerberos."""

import os
from pathlib import Path
from unittest import SkipTest

from attrs import evolve
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from mcp_trino.coordinator.service import CoordinatorService
from mcp_trino.errors import CoordinatorRefused
from mcp_trino.principal import local_principal
from mcp_trino.queries import Statement, Window
from mcp_trino.store import MemoryStore
from mcp_trino.trino_identity import KerberosSettings, TrinoLogin
from tests.coordinator.test_service import QUERIES, TRINO
from tests.e2e.certificates import make_certificates
from tests.ports import free_port
from tests.real_trino import SMALL, require, start
from tests.slow.kerberos_realm import REALM, Realm, start_realm

WINDOW = Window(max_rows=10, max_bytes=10_000, max_cell_chars=1000, wait_seconds=60)


class KerberosTests(TestCase):
    """A ticket for every request."""

    timeout = 300

    def setUp(self) -> None:
        """Have a realm, and a Trino in it."""
        try:
            import gssapi  # noqa: F401 - an extra
        except ImportError as error:
            if os.environ.get("CI") == "true":
                raise
            raise SkipTest(f"the extra [kerberos] is not installed: {error}") from None
        self.realm = start_realm(self)
        before = os.environ.get("KRB5_CONFIG")
        os.environ["KRB5_CONFIG"] = str(self.realm.config)
        self.addCleanup(self.restore, before)
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        self.certificates = make_certificates(directory)
        self.port = free_port()
        require(start(self.launch(self.realm)))

    def restore(self, before: str | None) -> None:
        """Give the environment back."""
        del os.environ["KRB5_CONFIG"]
        if before is not None:
            os.environ["KRB5_CONFIG"] = before

    def launch(self, realm: Realm):
        """Describe a Trino that takes tickets."""
        chain, key = self.certificates.chain, self.certificates.key
        return evolve(
            SMALL,
            properties={
                "http-server.https.enabled": "true",
                "http-server.https.port": str(self.port),
                "http-server.https.keystore.path": "etc/server.pem",
                "internal-communication.shared-secret": "0123456789abcdef" * 4,
                "http-server.authentication.type": "KERBEROS",
                "http-server.authentication.allow-insecure-over-http": "true",
                "http-server.authentication.krb5.service-name": "trino",
                "http-server.authentication.krb5.principal-hostname": "localhost",
                "http-server.authentication.krb5.keytab": str(
                    realm.keytab("trino/localhost")
                ),
                "http-server.authentication.krb5.user-mapping.pattern": f"(.*)@{REALM}",
                "http.authentication.krb5.config": str(realm.config),
            },
            files={"etc/server.pem": key.read_text() + chain.read_text()},
        )

    def service(self, **kerberos: object) -> CoordinatorService:
        """Start a service that logs in by Kerberos."""
        trino = evolve(
            TRINO,
            scheme="https",
            host="localhost",
            port=self.port,
            ca_file=self.certificates.authority,
            login=TrinoLogin.KERBEROS,
            kerberos=KerberosSettings(**kerberos),
        )
        service = CoordinatorService(
            reactor, trino, QUERIES, MemoryStore(reactor), b"key"
        )
        service.startService()
        self.addCleanup(service.stopService)
        return service

    async def test_login(self) -> None:
        """Trino knows the server by its ticket; who has none is told why."""
        keytab = self.realm.keytab("mcp")
        who = {"service": "trino", "host": "localhost", "keytab": keytab}
        statement = Statement("SELECT current_user", None, None, 60.0)
        for principal in (None, f"mcp@{REALM}"):
            service = self.service(**who, principal=principal)
            for _ in range(2):
                page = await service.execute(
                    statement, local_principal("x"), WINDOW, None
                )
                self.assertEqual(page.rows, (["mcp"],))
        wrong = {**who, "host": "elsewhere.test", "principal": None}
        with self.assertRaises(CoordinatorRefused) as caught:
            await self.service(**wrong).execute(
                statement, local_principal("x"), WINDOW, None
            )
        self.assertIn("trino/elsewhere.test", caught.exception.message)
        wrong = {**who, "principal": f"nobody@{REALM}"}
        with self.assertRaises(CoordinatorRefused):
            await self.service(**wrong).execute(
                statement, local_principal("x"), WINDOW, None
            )
