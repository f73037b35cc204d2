"""Tests of who this server is at a real Trino that asks for it over TLS."""

from pathlib import Path

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from mcp_trino.coordinator.service import CoordinatorService
from mcp_trino.errors import (
    CoordinatorRefused,
    CoordinatorUnreachable,
    NoTrinoUser,
    PageGone,
    QueryNotFound,
    StatementFailed,
)
from mcp_trino.principal import Principal
from mcp_trino.queries import Statement, Window
from mcp_trino.settings import TLSSettings
from mcp_trino.store import MemoryStore
from mcp_trino.tools.failures import failure_of
from mcp_trino.trino_identity import ImpersonationSettings, TokenClient, TrinoLogin
from tests.coordinator.test_service import QUERIES, TRINO
from tests.coordinator.token_server import TokenServer, granted
from tests.slow.secured_trino import PASSWORD, secured_trino

WINDOW = Window(max_rows=100, max_bytes=100_000, max_cell_chars=1000, wait_seconds=60)
PEOPLE = 16
EACH = 4


def person(name: str, **more: str) -> Principal:
    """Give a person that an issuer vouches for."""
    return Principal("https://idp.test", name, name, username=name, **more)


ALICE = person("alice", token="alice's own", token_mark="a1")
BOB = person("bob", token="bob's own", token_mark="b2")


class SecuredTestCase(TestCase):
    """A coordinator service on a Trino that asks who is there."""

    timeout = 300

    def setUp(self) -> None:
        """Have the Trino."""
        self.trino = secured_trino()

    def service(self, login: TrinoLogin, **settings: object) -> CoordinatorService:
        """Start a service that logs in in some way."""
        where = {
            "scheme": "https",
            "host": self.trino.host,
            "port": self.trino.port,
            "ca_file": self.trino.certificates.authority,
        }
        trino = evolve(TRINO, login=login, **{**where, **settings})
        queries = evolve(
            QUERIES, concurrency=64, queue=64, quick_threads=8, slow_threads=8
        )
        service = CoordinatorService(
            reactor, trino, queries, MemoryStore(reactor), b"key"
        )
        service.startService()
        self.addCleanup(service.stopService)
        return service

    async def ask(
        self,
        service: CoordinatorService,
        principal: Principal = ALICE,
        text: str = "SELECT current_user",
    ) -> object:
        """Give the first value that a statement answers."""
        statement = Statement(text, "tpch", "tiny", 60.0)
        page = await service.execute(statement, principal, WINDOW, None)
        return page.rows[0][0]

    def file(self, content: str) -> Path:
        """Write a file."""
        path = Path(self.mktemp()).absolute()
        path.write_text(content)
        return path

    def token_client(self, server: TokenServer) -> TokenClient:
        """Let a token server listen and give this server as its client."""
        return TokenClient(server.listen(self), "mcp-client", "the client's secret")


class LoginTests(SecuredTestCase):
    """All ways to log in, and what is said when one fails."""

    async def test_basic(self) -> None:
        """User and password are taken."""
        service = self.service(TrinoLogin.BASIC, password=PASSWORD)
        self.assertEqual(await self.ask(service), "mcp")
        self.assertTrue((await service.probe()).reachable)

    async def test_certificate(self) -> None:
        """A client certificate is taken."""
        certificates = self.trino.certificates
        service = self.service(
            TrinoLogin.CERTIFICATE,
            certificate=TLSSettings(certificates.client, certificates.client_key),
        )
        self.assertEqual(await self.ask(service), "mcp")

    async def test_token_file(self) -> None:
        """A token from a file is taken, and a new one as soon as it is there."""
        path = self.file(self.trino.token(exp=1_600_000_000))
        service = self.service(TrinoLogin.JWT, jwt_file=path)
        with self.assertRaises(CoordinatorRefused) as caught:
            await self.ask(service)
        self.assertIn("JWT expired", caught.exception.message)
        path.write_text(self.trino.token() + "\n")
        self.assertEqual(await self.ask(service), "mcp")

    async def test_client_credentials(self) -> None:
        """A token of a token endpoint is taken, and asked for once."""
        server = TokenServer(lambda _: granted(self.trino.token()))
        service = self.service(TrinoLogin.OAUTH2, oauth2=self.token_client(server))
        users = await gatherResults(
            [Deferred.fromCoroutine(self.ask(service)) for _ in range(5)]
        )
        self.assertEqual(set(users), {"mcp"})
        self.assertEqual(len(server.forms), 1)

    async def test_withdrawn_token(self) -> None:
        """A token that Trino does not take any more is replaced, once a call."""
        tokens = [self.trino.token(aud="another"), self.trino.token()]
        server = TokenServer(lambda _: granted(tokens.pop(0)))
        service = self.service(TrinoLogin.OAUTH2, oauth2=self.token_client(server))
        self.assertEqual(await self.ask(service), "mcp")
        self.assertEqual(len(server.forms), 2)

    async def test_refused(self) -> None:
        """A wrong credential is told precisely to the operator, without a secret."""
        wrong = self.trino.token(aud="another")
        short = "not-a-token"
        server = TokenServer(lambda _: granted(wrong))
        refusing = TokenServer(lambda _: (401, {"error": "invalid_client"}))
        for login, settings, reason, secret in (
            (TrinoLogin.NONE, {}, "Unauthorized", "x" * 20),
            (TrinoLogin.BASIC, {"password": "wr0ng"}, "Invalid credentials", "wr0ng"),
            (TrinoLogin.JWT, {"jwt_file": self.file(wrong)}, "Invalid Audience", wrong),
            (TrinoLogin.JWT, {"jwt_file": self.file(short)}, "compact JWT", short),
            (TrinoLogin.JWT, {"jwt_file": self.file("a b")}, "not hold a token", "a b"),
            (
                TrinoLogin.OAUTH2,
                {"oauth2": self.token_client(server)},
                "Invalid Audience",
                wrong,
            ),
            (
                TrinoLogin.OAUTH2,
                {"oauth2": self.token_client(refusing)},
                "HTTP 401, invalid_client",
                "the client's secret",
            ),
        ):
            service = self.service(login, **settings)
            with capturedLogs() as events:
                try:
                    await self.ask(service)
                except CoordinatorRefused as error:
                    shown = failure_of(error).reply().text
                else:
                    self.fail(f"{login} is taken")
            logged = "\n".join(map(str, map(formatEvent, events)))
            self.assertIn(reason, logged)
            self.assertNotIn(secret, logged)
            self.assertIn("operator", shown)
            self.assertNotIn(reason, shown)

    async def test_other_certificate(self) -> None:
        """A certificate of an authority that Trino does not know is not taken."""
        certificates = self.trino.certificates
        service = self.service(
            TrinoLogin.CERTIFICATE,
            certificate=TLSSettings(certificates.chain, certificates.key),
        )
        with self.assertRaises((CoordinatorRefused, StatementFailed)):
            await self.ask(service)

    async def test_untrusted(self) -> None:
        """A Trino whose certificate is not trusted gets no credential."""
        service = self.service(
            TrinoLogin.BASIC,
            password=PASSWORD,
            ca_file=self.trino.certificates.client,
        )
        with self.assertRaises(CoordinatorUnreachable) as caught:
            await self.ask(service)
        self.assertIn("not trusted", str(caught.exception))


class PeopleTests(SecuredTestCase):
    """Queries run as the person who asks, and as nobody else."""

    def impersonating(self) -> CoordinatorService:
        """Start a service that queries run as people by."""
        return self.service(
            TrinoLogin.BASIC,
            password=PASSWORD,
            impersonation=ImpersonationSettings("username"),
        )

    async def test_impersonation(self) -> None:
        """Trino lets the server be those whom its rules name."""
        service = self.impersonating()
        self.assertEqual(await self.ask(service, ALICE), "alice")
        with self.assertRaises(StatementFailed) as caught:
            await self.ask(service, person("carol"))
        self.assertEqual(caught.exception.name, "PERMISSION_DENIED")
        self.assertIn("cannot impersonate user carol", caught.exception.message)
        with self.assertRaises(NoTrinoUser):
            await self.ask(service, person("mcp"))

    async def test_own_queries(self) -> None:
        """A person sees and cancels her own queries only, also across services."""
        service, other = self.impersonating(), self.impersonating()
        statement = Statement(
            "SELECT count(*) FROM tpch.sf1000.lineitem l WHERE l.comment LIKE '%zzqq%'",
            None,
            None,
            60.0,
        )
        window = evolve(WINDOW, wait_seconds=1.0)
        page = await service.execute(statement, ALICE, window, None)
        (running,) = await other.queries(ALICE)
        self.assertEqual(running.query_id, page.query_id)
        self.assertIn("lineitem", running.text)
        self.assertEqual(await other.queries(BOB), ())
        with self.assertRaises(QueryNotFound):
            await other.cancel(page.query_id, BOB)
        with self.assertRaises(PageGone):
            await service.fetch(page.handle, BOB, WINDOW, None)
        await other.cancel(page.query_id, ALICE)
        self.assertEqual(await other.queries(ALICE), ())

    async def test_exchange(self) -> None:
        """A token in exchange for a person's own makes Trino know her."""
        subjects = {"alice's own": "alice", "bob's own": "bob"}

        def exchanged(form: dict[str, str]) -> tuple[int, object]:
            subject = subjects.get(form["subject_token"])
            if subject is None:
                return 400, {"error": "invalid_grant"}
            return granted(self.trino.token(subject))

        server = TokenServer(exchanged)
        service = self.service(
            TrinoLogin.BASIC, password=PASSWORD, exchange=self.token_client(server)
        )
        for principal in (ALICE, BOB, ALICE):
            user = await self.ask(service, principal)
            self.assertEqual(user, principal.name)
        self.assertEqual(len(server.forms), 2)
        for nobody in (person("carol", token="x"), person("dave")):
            with self.assertRaises(NoTrinoUser):
                await self.ask(service, nobody)

    async def test_many_at_once(self) -> None:
        """Of many people at once over one pool each gets her own answers."""
        service = self.impersonating()
        people = [person(f"p{number}@example.test") for number in range(PEOPLE)]
        text = "SELECT current_user, '{}'"

        async def one(principal: Principal, number: int) -> tuple[str, list[str]]:
            mark = f"{principal.name} {number}"
            statement = Statement(text.format(mark), None, None, 60.0)
            page = await service.execute(statement, principal, WINDOW, None)
            self.assertEqual(page.rows, ([principal.name, mark],))
            return page.query_id, [f"user:{principal.name}"]

        calls = [(p, n) for n in range(EACH) for p in people]
        done = await gatherResults(
            [Deferred.fromCoroutine(one(*call)) for call in calls]
        )
        for (principal, _), (query_id, tags) in zip(calls, done, strict=True):
            requests = service._access.requests(principal)
            await requests.identity.renew()
            query = requests._json("GET", f"/v1/query/{query_id}?pruned=true")
            session = query["session"]
            self.assertEqual(session["user"], principal.name)
            self.assertEqual(session["principal"], "mcp")
            self.assertEqual(session["clientTags"], tags)
            self.assertEqual(session["source"], "mcp-trino")
            self.assertEqual(session["clientInfo"], service._access.mark(principal))
