"""Every way around the lists of what may be seen, on a real Trino."""

import json
from collections.abc import Iterator
from urllib.request import Request, urlopen

from twisted.internet.defer import Deferred
from twisted.internet.task import Cooperator
from twisted.internet.threads import deferToThread

from mcp_trino.errors import StatementFailed, StatementRefused
from tests.real_trino import real_trino
from tests.statements.escapes import PROFILES, READS, Profile, Try, filled, tries
from tests.tools.guarded import GuardedTestCase

# What only the hidden table or its description could have told.
SECRETS = ("ALGERIA", "MOROCCO", "varchar(25)", "varchar(152)", "haggle", "bigint")
AT_ONCE = 8


async def side_by_side(work: Iterator[Deferred[None]]) -> None:
    """Do pieces of work, some at once."""
    cooperator = Cooperator()
    for task in [cooperator.coiterate(work) for _ in range(AT_ONCE)]:
        await task


class EscapeTests(GuardedTestCase):
    """No statement tells anything of what is hidden, whatever it looks like."""

    async def escape(self, profile: Profile) -> None:
        """Try all of them; the answer is a refusal or an error that tells nothing."""
        tools, escaped = self.tools(profile), []

        async def attempt(number: int, one: Try) -> None:
            tool = "explain_query" if number % 7 == 0 else "execute_query"
            place = {"catalog": one.catalog, "schema": one.schema}
            try:
                reply = await self.ask(tools, tool, query=one.text, **place)
                told = reply.text
            except StatementRefused as refused:
                told = str(refused).replace(one.text, "")
            except StatementFailed as failed:
                self.assertFalse(one.certain, one.text)
                told = f"{failed} {failed.hint}"
                if failed.name == "COLUMN_NOT_FOUND":
                    escaped.append((one.text, told))
            else:
                escaped.append((one.text, told))
            if any(secret in told for secret in SECRETS):
                escaped.append((one.text, told))

        everything = tries(profile)
        self.assertGreater(len(everything), 230)
        await side_by_side(
            Deferred.fromCoroutine(attempt(number, one))
            for number, one in enumerate(everything)
        )
        self.assertEqual(escaped, [])

    async def test_catalogs(self) -> None:
        """Under a list of catalogs."""
        await self.escape(PROFILES[0])

    async def test_schemas(self) -> None:
        """Under a list of schemas."""
        await self.escape(PROFILES[1])

    async def test_tables(self) -> None:
        """Under a list of tables."""
        await self.escape(PROFILES[2])

    async def test_tries_are_real(self) -> None:
        """Without lists they run, and Trino's own list names what is hidden."""
        profile = PROFILES[1]
        wanted = dict(zip(("catalog", "schema", "table"), profile.hidden, strict=True))
        hidden, allowed = map(".".join, (profile.hidden, profile.allowed))

        def read(template: str) -> None:
            query_id = self.sql(filled(template, hidden, allowed))
            request = Request(
                f"{real_trino()}/v1/query/{query_id}?pruned=true",
                headers={"X-Trino-User": "past"},
            )
            with urlopen(request) as answer:
                tables = json.load(answer)["referencedTables"]
            named = [{key: table[key] for key in wanted} for table in tables]
            self.assertIn(wanted, named, template)

        await side_by_side(deferToThread(read, template) for template in READS)
