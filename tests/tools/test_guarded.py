"""What may be run under an operator's settings, on a real Trino."""

from mcp_trino.coordinator.exchange import Exchange
from mcp_trino.errors import PageGone, StatementFailed, StatementRefused
from mcp_trino.statements.guard import Guard, Permit
from tests.statements.escapes import MINE, PROFILES, Profile
from tests.tools.guarded import GuardedTestCase, guard_of

ONE_TABLE = PROFILES[2]


class AllowedTests(GuardedTestCase):
    """Lists hinder nothing of what they name."""

    async def test_allowed(self) -> None:
        """All that is about a listed table is answered under each kind of lists."""
        for profile in PROFILES:
            tools = self.tools(profile)
            table = ".".join(profile.allowed)
            for text in (
                f"SELECT * FROM {table}",
                "SELECT name FROM REGION r WHERE regionkey IN (SELECT 1 FROM region)",
                f"WITH nation AS (TABLE {table}) SELECT * FROM nation",
                f"SELECT * FROM TABLE(exclude_columns(TABLE({table}), DESCRIPTOR(name)))",
                "SELECT * FROM TABLE(sequence(1, 3))",
                'DESCRIBE "TPCH".tiny."Region"',
                f"SHOW COLUMNS FROM {table} LIKE 'n%'",
                f"SHOW STATS FOR {table}",
                f"SHOW STATS FOR (SELECT * FROM {table} WHERE regionkey > 1);",
                f"SHOW CREATE TABLE {table}",
                f"EXPLAIN SELECT * FROM {table}",
                f"EXPLAIN ANALYZE SELECT * FROM {table}",
                f"EXPLAIN (TYPE IO, FORMAT JSON) TABLE {table}",
                f"EXPLAIN SHOW COLUMNS FROM {table}",
                "VALUES 1",
                "SELECT 1; -- the end",
            ):
                reply = await self.ask(tools, "execute_query", query=text)
                self.assertIsNone(reply.failure, text)
            for form in ("LOGICAL", "DISTRIBUTED", "IO", "VALIDATE"):
                text = f"EXPLAIN SELECT * FROM {table}"
                reply = await self.ask(tools, "explain_query", query=text, format=form)
                self.assertTrue(reply.structured["plan"])

    async def test_errors(self) -> None:
        """Errors about listed tables say what Trino says, with its place."""
        tools = self.tools(ONE_TABLE)
        for text, name, line, column in (
            ("SELECT\n nope FROM region", "COLUMN_NOT_FOUND", 2, 2),
            ("WITH t AS (SELECT nope FROM region) TABLE t", "COLUMN_NOT_FOUND", 1, 19),
            ("EXPLAIN\nSELECT nope FROM region", "COLUMN_NOT_FOUND", 2, 8),
            ("SELECT name + 1 FROM region", "TYPE_MISMATCH", 1, 13),
            ("SELECT * FRM region", "SYNTAX_ERROR", 1, 10),
        ):
            with self.assertRaises(StatementFailed) as caught:
                await self.ask(tools, "execute_query", query=text)
            failed = caught.exception
            told = (failed.name, failed.line, failed.column)
            self.assertEqual(told, (name, line, column))
            self.assertNotIn("cannot be shown", failed.message)
        with self.assertRaises(StatementFailed) as caught:
            await self.ask(
                tools, "execute_query", query="SELECT cast(name AS integer) FROM region"
            )
        self.assertIn("Cannot cast", caught.exception.message)

    async def test_view(self) -> None:
        """A listed view is read with all that it reads; one that is not is refused."""
        self.sql(
            f"CREATE OR REPLACE VIEW {MINE}.seen AS SELECT name FROM tpch.sf1.nation"
        )
        self.addCleanup(self.sql, f"DROP VIEW {MINE}.seen")
        listed = Profile("", (None, None, f"{MINE}.seen"), *[PROFILES[0].hidden])
        text = f"SELECT * FROM {MINE}.seen"
        reply = await self.ask(self.tools(listed), "execute_query", query=text)
        self.assertEqual(reply.rows, 25)
        with self.assertRaises(StatementRefused):
            await self.ask(self.tools(PROFILES[1]), "execute_query", query=text)

    async def test_place(self) -> None:
        """The refusal shows where the name is, and not whether there is such a table."""
        tools = self.tools(ONE_TABLE)
        messages = set()
        for table in ("nation", "nowhere"):
            text = f"SELECT *\nFROM region, {table}"
            with self.assertRaises(StatementRefused) as caught:
                await self.ask(tools, "execute_query", query=text)
            refused = caught.exception
            self.assertEqual((refused.line, refused.column), (2, 14))
            messages.add(refused.message.replace(table, ""))
        self.assertEqual(len(messages), 1)

    async def test_other_lists(self) -> None:
        """A page is gone for a process that has other lists."""
        tools = self.tools(ONE_TABLE)
        reply = await self.ask(tools, "execute_query", query="TABLE region", max_rows=2)
        page = reply.structured["next_page"]
        changed = guard_of(PROFILES[1]).inspection
        kept, self.coordinator._inspection = self.coordinator._inspection, changed
        with self.assertRaises(PageGone):
            await self.ask(tools, "fetch_page", page=page)
        self.coordinator._inspection = kept
        reply = await self.ask(tools, "fetch_page", page=page)
        self.assertEqual(reply.structured["row_count"], 2)

    async def test_long_plan(self) -> None:
        """A long plan is given in parts, and the parts make the whole."""
        tools = self.tools()
        text = " UNION ALL ".join(["SELECT * FROM nation"] * 60)
        reply = await self.ask(tools, "explain_query", query=text)
        parts = [reply.structured["plan"]]
        page = reply.structured["next_page"]
        while page:
            reply = await self.ask(tools, "fetch_page", page=page)
            parts += [row[0] for row in reply.structured["rows"]]
            page = reply.structured.get("next_page")
        whole = "\n".join(parts)
        self.assertEqual(whole.count("TableScan["), 60)
        self.assertLess(len(parts[0].encode()), 25_000)


class WriteTests(GuardedTestCase):
    """Statements that write, where an operator lets them."""

    table = f"{MINE}.written"
    listed = Profile("", (None, None, f"{MINE}.writ*, tpch.tiny.region"), ("", "", ""))

    def setUp(self) -> None:
        """Leave nothing behind."""
        super().setUp()
        self.addCleanup(self.sql, f"DROP TABLE IF EXISTS {self.table}")

    async def test_written(self) -> None:
        """What was done is told, and it was done once."""
        for tools in (
            self.tools(allow_writes=True),
            self.tools(allow_writes=True, read_only_transactions=True),
            self.tools(self.listed, allow_writes=True),
        ):
            for text, done in (
                (
                    f"CREATE TABLE {self.table} AS SELECT name FROM region WITH NO DATA;",
                    {"done": "CREATE TABLE", "row_count": 0},
                ),
                (
                    f"INSERT INTO {self.table} (name) SELECT name FROM region",
                    {"done": "INSERT", "row_count": 5},
                ),
                (
                    f"INSERT INTO {self.table} VALUES 'a'",
                    {"done": "INSERT", "row_count": 1},
                ),
            ):
                reply = await self.ask(tools, "execute_statement", query=text)
                del reply.structured["query_id"]
                self.assertEqual(reply.structured, done)
            counted = await self.ask(
                tools, "execute_query", query=f"SELECT count(*) FROM {self.table}"
            )
            self.assertEqual(counted.structured["rows"], [[6]])
            drop = await self.ask(
                tools, "execute_statement", query=f"DROP TABLE {self.table}"
            )
            self.assertEqual(drop.structured["done"], "DROP TABLE")

    async def test_kept_away(self) -> None:
        """Lists hold for what is written and for what is read for it."""
        tools = self.tools(self.listed, allow_writes=True)
        self.sql(f"CREATE TABLE {self.table} (name varchar)")
        for text in (
            f"INSERT INTO {self.table} SELECT name FROM nation",
            f"INSERT INTO {self.table} (name) (TABLE nation)",
            f"INSERT INTO {self.table} WITH region AS (TABLE nation) SELECT name FROM region",
            f"INSERT INTO {self.table} SELECT cast(cast(name AS bigint) AS varchar) FROM nation",
            f"INSERT INTO {MINE}.nation TABLE {MINE}.nation",
            f"CREATE TABLE {MINE}.other AS TABLE region",
            f"CREATE TABLE IF NOT EXISTS {self.table} AS TABLE nation",
            f"CREATE OR REPLACE TABLE {self.table} AS (TABLE nation) WITH NO DATA",
            f"CREATE TABLE {self.table} (LIKE nation)",
            f"UPDATE {self.table} SET name = (SELECT max(name) FROM nation)",
            f"DELETE FROM {self.table} WHERE name IN (TABLE nation)",
            f"MERGE INTO {self.table} USING nation ON true WHEN MATCHED THEN DELETE",
            f"DELETE FROM {MINE}.nation",
            f"TRUNCATE TABLE {MINE}.nation",
            f"DROP TABLE {MINE}.nation",
            f"DROP SCHEMA {MINE} CASCADE",
            f"ALTER TABLE {self.table} RENAME TO {MINE}.nation2",
            f"CREATE VIEW {self.table} AS TABLE nation",
            "CALL system.runtime.kill_query('x')",
            "GRANT SELECT ON nation TO alice",
        ):
            with self.assertRaises(StatementRefused, msg=text):
                await self.ask(tools, "execute_statement", query=text)
        rows = await self.ask(tools, "execute_query", query=f"TABLE {self.table}")
        self.assertEqual(rows.structured["rows"], [])


class ReadOnlyTransactionTests(GuardedTestCase):
    """Trino lets only read, too."""

    async def test_reads(self) -> None:
        """Reads run in it, page by page, failing and with lists; none is left open."""
        begun = []
        begin = Exchange.begin

        def noted(exchange: Exchange) -> None:
            begin(exchange)
            begun.append(str(exchange.transaction))

        self.patch(Exchange, "begin", noted)
        for profile in (None, ONE_TABLE):
            tools = self.tools(profile, read_only_transactions=True)
            for text in (
                "SELECT * FROM region",
                "SHOW STATS FOR region",
                "DESC region",
            ):
                reply = await self.ask(tools, "execute_query", query=text)
                self.assertIsNone(reply.failure)
            reply = await self.ask(tools, "explain_query", query="TABLE region")
            self.assertIn("TableScan", reply.text)
            reply = await self.ask(
                tools, "execute_query", query="TABLE region", max_rows=2
            )
            while page := reply.structured.get("next_page"):
                reply = await self.ask(tools, "fetch_page", page=page)
            with self.assertRaises(StatementFailed):
                await self.ask(tools, "execute_query", query="SELECT x FROM region")
            await self.coordinator.stopService()
        cursor = self.past.cursor()
        cursor.execute("SELECT transaction_id FROM system.runtime.transactions")
        open_now = {row[0] for row in cursor.fetchall()}
        self.assertGreater(len(begun), 10)
        self.assertEqual(open_now.intersection(begun), set())

    async def test_no_write(self) -> None:
        """A write that got past the lexer is stopped by Trino."""
        tools = self.tools(read_only_transactions=True)
        written = f"INSERT INTO {MINE}.nation SELECT * FROM nation"
        self.patch(Guard, "read", lambda *_: Permit(written))
        with self.assertRaises(StatementFailed) as caught:
            await self.ask(tools, "execute_query", query="SELECT 1")
        self.assertEqual(caught.exception.name, "READ_ONLY_VIOLATION")
