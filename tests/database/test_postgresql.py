"""Tests of the store in a real PostgreSQL."""

from psycopg.conninfo import conninfo_to_dict
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mcp_trino.database.opening import open_store
from mcp_trino.database.postgresql import PostgreSQL, conninfo
from mcp_trino.database.store import DatabaseStore
from mcp_trino.errors import ConfigurationError, Undecidable
from tests.real_postgresql import real_postgresql
from tests.store_contract import StoreContract

_UNREACHABLE = "postgresql://u:se-cret@127.0.0.1:1/x?connect_timeout=1"


class PostgreSQLTests(StoreContract, TestCase):
    """The contract, and what a server is."""

    def setUp(self):
        self.server = real_postgresql()
        self.server.execute("DROP TABLE IF EXISTS mcp_trino_store")
        super().setUp()

    def make_store(self, url=None):
        """Give a store of the server."""
        from twisted.internet import reactor

        database = PostgreSQL(url or self.server.url())
        store = DatabaseStore(reactor, self.clock, database)
        store.startService()
        self.addCleanup(store.stopService)
        return store

    async def test_replicas(self):
        """What one replica keeps another finds; both may make the table."""
        replicas = [self.make_store() for _ in range(4)]
        for number, replica in enumerate(replicas):
            await replica.put(str(number), b"1", 10)
        for number in range(len(replicas)):
            self.assertEqual(await replicas[number - 1].get(str(number)), b"1")

    async def test_server_restarts(self):
        """While the server is away nobody can say anything; then it goes on."""
        await self.store.put("k", b"1", 10)
        await deferToThread(self.server.stop)
        self.addCleanup(self.server.start)
        for _ in range(2):
            with self.assertRaises(Undecidable):
                await self.store.take("k")
        await deferToThread(self.server.start)
        self._cleanups.pop()
        self.assertEqual(await self.store.take("k"), b"1")

    async def test_connection_cut(self):
        """A connection that was cut while it was idle is noticed before its use."""
        await self.store.put("k", b"1", 10)
        self.server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'mcp-trino'"
        )
        self.assertEqual(await self.store.get("k"), b"1")

    async def test_tls(self):
        """It is spoken to by TLS and verified where the URL says so."""
        authority = str(self.server.certificates.authority)
        url = self.server.url(sslmode="verify-full", sslrootcert=authority)
        await self.make_store(url).put("k", b"1", 10)
        [[encrypted]] = self.server.execute(
            "SELECT bool_or(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
            " WHERE application_name = 'mcp-trino'"
        )
        self.assertTrue(encrypted)

    async def test_tls_of_another(self):
        """A server whose certificate is unknown is not spoken to."""
        url = self.server.url(sslmode="verify-full", sslrootcert="system")
        with self.assertRaises(Undecidable) as caught:
            await self.make_store(url).get("k")
        self.assertNotIn("test:", str(caught.exception))

    async def test_read_only(self):
        """A server that takes no changes is no store, and says so."""
        await self.store.put("k", b"1", 10)
        url = self.server.url(options="-c%20default_transaction_read_only%3Don")
        store = self.make_store(url)
        with self.assertRaises(Undecidable) as caught:
            await store.take("k")
        self.assertIn("read-only", str(caught.exception))
        self.assertEqual(await self.store.get("k"), b"1")

    async def test_sweep(self):
        """Expired values are deleted after a while, also if nobody asks."""
        await self.store.put("k", b"1", 10)
        self.clock.advance(59)
        await self.store._drop_expired()
        rows = self.server.execute("SELECT * FROM mcp_trino_store")
        self.assertEqual(rows, [])


class URLTests(SynchronousTestCase):
    """What the URL of a store may be."""

    def test_refused(self):
        """A URL of something else stops the start, and is not shown."""
        for url in (
            "redis://u:se-cret@host",
            "se-cret",
            "postgresql://u:se-cret@host:port:x/?unknown=1",
        ):
            with self.assertRaises(ConfigurationError) as caught:
                open_store(Clock(), url).startService()
            self.assertNotIn("se-cret", str(caught.exception))

    def test_verified(self):
        """Over a network the server is verified unless the operator says otherwise."""
        url = "postgresql://u:p@db.example/x"
        verified = {"sslmode": "verify-full", "sslrootcert": "system"}
        for given, expected in (
            (url, verified),
            ("postgresql:///x?host=db.example,localhost", verified),
            (f"{url}?sslmode=require", {"sslmode": "require"}),
            ("postgresql://u:p@127.0.0.1/x", {}),
            ("postgresql:///x?host=/run/postgresql", {}),
        ):
            found = conninfo_to_dict(conninfo(given))
            found = {name: found[name] for name in verified if name in found}
            self.assertEqual(found, expected, given)

    def test_secret(self):
        """The password is not in what is shown of a store."""
        self.assertNotIn("se-cret", repr(open_store(Clock(), _UNREACHABLE)))
