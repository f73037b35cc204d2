"""The tools on a real Trino, through the SDK's own client."""

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any

import trino
from attrs import evolve
from jsonschema import Draft202012Validator
from mcp.client.client import Client
from twisted.internet.defer import Deferred
from twisted.python.url import URL
from twisted.trial.unittest import TestCase

from mcp_trino.coordinator.service import CoordinatorService
from mcp_trino.principal import local_principal
from mcp_trino.statements.guard import UNRESTRICTED
from mcp_trino.store import MemoryStore
from mcp_trino.tools import dictionary, suggestions
from mcp_trino.tools.server import make_server
from tests.documented_values import documented_values, statement
from tests.real_trino import real_trino
from tests.recording import RecordingAudit
from tests.tools.scripted import QUERIES, TRINO

SLOW = (
    "SELECT count(*) FROM tpch.sf1000.lineitem WHERE comment LIKE '%zzqq%' "
    "AND cast(orderkey AS varchar) LIKE '%9999999999%'"
)
ODD_SCHEMA = f"odd-schema-{os.getpid()}"
ODD = f'memory."{ODD_SCHEMA}"'
# All of Trino but those of plug-ins and those that no result may have.
_TYPES = frozenset(
    {
        *("boolean", "tinyint", "smallint", "integer", "bigint", "real", "double"),
        *("decimal", "varchar", "char", "varbinary", "json", "date", "time"),
        *("time with time zone", "timestamp", "timestamp with time zone"),
        *("interval year to month", "interval day to second", "uuid", "ipaddress"),
        *("array", "map", "row", "hyperloglog", "qdigest", "tdigest", "setdigest"),
        *("color", "unknown"),
    }
)

Ask = Callable[..., Awaitable[dict[str, Any]]]


class RealTestCase(TestCase):
    """A server with the real coordinator."""

    queries = QUERIES
    guard = UNRESTRICTED

    def setUp(self) -> None:
        from twisted.internet import reactor

        # A machine that does much at once must not change what is found.
        self.patch(suggestions, "_SECONDS", 60.0)
        self.patch(dictionary, "_COMMENT_SECONDS", 60.0)
        url = URL.fromText(self.trino_url())
        settings = evolve(TRINO, host=url.host, port=url.port)
        self.coordinator = CoordinatorService(
            reactor, settings, self.queries, MemoryStore(reactor), b"k" * 32
        )
        self.coordinator.startService()
        self.addCleanup(self.coordinator.stopService)
        self.loop = asyncio.get_event_loop()
        self.server = make_server(
            coordinator=self.coordinator,
            queries=self.queries,
            trino=settings,
            principal_of=lambda _: local_principal("alice"),
            clock=reactor,
            loop=self.loop,
            audit=RecordingAudit(),
            guard=self.guard,
        )
        self.texts: list[str] = []

    def trino_url(self) -> str:
        """Say where Trino is."""
        return real_trino()

    def sql(self, *statements: str) -> None:
        """Run statements past the server, to prepare a test."""
        url = URL.fromText(self.trino_url())
        with trino.dbapi.connect(host=url.host, port=url.port, user="test") as trino_:
            cursor = trino_.cursor()
            for statement in statements:
                cursor.execute(statement)
                cursor.fetchall()

    def asking(self, talk: Callable[[Ask], Awaitable[None]]) -> Deferred[None]:
        """Let a client ask; each answer is valid against its tool's schema."""

        async def talks() -> None:
            async with Client(self.server, mode="auto") as client:
                tools = {tool.name: tool for tool in (await client.list_tools()).tools}

                async def ask(tool: str, **arguments: Any) -> dict[str, Any]:
                    result = await client.call_tool(tool, arguments)
                    answer: dict[str, Any] = result.structured_content
                    Draft202012Validator(tools[tool].output_schema).validate(answer)
                    self.assertEqual(result.is_error, "error" in answer)
                    self.texts.append(result.content[0].text)
                    return answer

                (error,) = await asyncio.gather(talk(ask), return_exceptions=True)
            if error is not None:
                raise error

        return Deferred.fromFuture(self.loop.create_task(talks()))


def shown(answer: dict[str, Any]) -> int:
    """The bytes that a client shows a model."""
    return len(
        json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    )


class RowsTests(RealTestCase):
    """Rows of the real thing."""

    def test_few_bytes(self) -> Deferred[None]:
        """Rows and columns are shown in few bytes, types included."""

        async def talk(ask: Ask) -> None:
            nation = await ask("execute_query", query="SELECT * FROM nation")
            orders = await ask("execute_query", query="SELECT * FROM orders LIMIT 100")
            columns = await ask("get_table_schema", table="orders")
            self.assertEqual(nation["row_count"], 25)
            self.assertEqual(orders["row_count"], 100)
            self.assertEqual(len(columns["columns"]), 9)
            self.assertLessEqual(shown(nation), 2680)
            self.assertLessEqual(shown(orders), 13_700)
            self.assertLessEqual(shown(columns), 430)
            for text, most in zip(self.texts, (2680, 13_700, 430), strict=True):
                self.assertLessEqual(len(text.encode()), most)

        return self.asking(talk)

    def test_pages(self) -> Deferred[None]:
        """All rows of a result come, each once, page by page."""

        async def talk(ask: Ask) -> None:
            answer = await ask(
                "execute_query",
                query="SELECT orderkey FROM orders ORDER BY 1 LIMIT 250",
                max_rows=100,
            )
            rows = answer["rows"]
            sizes = [answer["row_count"]]
            while page := answer.get("next_page"):
                self.assertTrue(answer["truncated"])
                answer = await ask("fetch_page", page=page)
                rows += answer["rows"]
                sizes.append(answer["row_count"])
            self.assertEqual(sizes, [100, 100, 50])
            keys = [key for (key,) in rows]
            self.assertEqual(keys, sorted(set(keys)))

        return self.asking(talk)

    def test_values(self) -> Deferred[None]:
        """Values of all kinds come whole."""

        async def talk(ask: Ask) -> None:
            answer = await ask(
                "execute_query",
                query=(
                    "SELECT null, '', true, DECIMAL '12345678901234567890.10', nan(), "
                    "9007199254740993, ARRAY[1, null], MAP(ARRAY['a'], ARRAY[1]), "
                    "ROW(1, 'x'), X'00ff', TIMESTAMP '2020-01-01 01:02:03.123456789',"
                    " 'ä\"b'"
                ),
            )
            self.assertEqual(
                answer["rows"],
                [
                    [
                        None,
                        "",
                        True,
                        "12345678901234567890.10",
                        "NaN",
                        "9007199254740993",
                        [1, None],
                        {"a": 1},
                        [1, "x"],
                        "AP8=",
                        "2020-01-01 01:02:03.123456789",
                        'ä"b',
                    ]
                ],
            )
            self.assertIn('\n,"",true,12345678901234567890.10,NaN,', self.texts[0])

        return self.asking(talk)

    def test_every_type(self) -> Deferred[None]:
        """Values of every type are what the documentation says."""
        values = documented_values()
        bases = {re.sub(r"\(.*?\)(?= with|$)", "", v.type).lower() for v in values}
        self.assertEqual(_TYPES - bases, set())

        async def talk(ask: Ask) -> None:
            answer = await ask("execute_query", query=statement())
            self.assertEqual(
                [type_ for _, type_ in answer["columns"]], [v.type for v in values]
            )
            self.assertEqual(
                [json.dumps(shown) for shown in answer["rows"][0]],
                [json.dumps(v.shown) for v in values],
            )

        return self.asking(talk)

    def test_columns(self) -> Deferred[None]:
        """Columns come with equal names, without a name and without a row."""

        async def talk(ask: Ask) -> None:
            answer = await ask(
                "execute_query", query='SELECT 1 a, 2 a, 3, 4 "\u00e4 b" WHERE false'
            )
            self.assertEqual(
                [name for name, _ in answer["columns"]], ["a", "a", "_col2", "\u00e4 b"]
            )
            self.assertEqual(answer["rows"], [])
            answer = await ask("execute_query", query="SELECT 1 a, 2 a")
            self.assertEqual(answer["rows"], [[1, 2]])

        return self.asking(talk)


class LongQueryTests(RealTestCase):
    """Queries that take longer than an answer may."""

    queries = evolve(QUERIES, wait_seconds=0.5)

    def test_running(self) -> Deferred[None]:
        """A long query is waited for by pages, and canceled by its id."""

        async def talk(ask: Ask) -> None:
            first = await ask("execute_query", query=SLOW)
            self.assertNotIn("row_count", first)
            second = await ask("fetch_page", page=first["next_page"])
            self.assertEqual(second["query_id"], first["query_id"])
            canceled = await ask("cancel_query", query_id=first["query_id"])
            self.assertEqual(canceled, {"canceled": first["query_id"]})
            gone = await ask("fetch_page", page=second["next_page"])
            self.assertIn(gone["error"]["code"], ("QUERY_CANCELED", "PAGE_GONE"))

        return self.asking(talk)

    def test_deadline(self) -> Deferred[None]:
        """A query is ended after the time that its call allows."""

        async def talk(ask: Ask) -> None:
            answer = await ask("execute_query", query=SLOW, timeout_seconds=1)
            while page := answer.get("next_page"):
                answer = await ask("fetch_page", page=page)
            self.assertEqual(answer["error"]["code"], "TIMED_OUT")

        return self.asking(talk)


class MetadataTests(RealTestCase):
    """Names of the real thing."""

    def setUp(self) -> None:
        super().setUp()
        drop = (
            f'DROP VIEW IF EXISTS {ODD}."v$iew"',
            f'DROP TABLE IF EXISTS {ODD}."odd.name"',
            f'DROP TABLE IF EXISTS {ODD}."select"',
            f"DROP SCHEMA IF EXISTS {ODD}",
        )
        self.sql(
            *drop,
            f"CREATE SCHEMA {ODD}",
            f'CREATE TABLE {ODD}."odd.name" ("a b" varchar COMMENT \'the "ab"\', '
            '"select" bigint, "Ünï" date) COMMENT \'An odd table\'',
            f'CREATE TABLE {ODD}."select" (x integer)',
            f"CREATE VIEW {ODD}.\"v$iew\" COMMENT 'a view' AS SELECT 1 x, 'a' y",
            f"INSERT INTO {ODD}.\"odd.name\" VALUES ('', 1, null)",
        )
        self.addCleanup(self.sql, *drop)

    def test_lists(self) -> Deferred[None]:
        """Catalogs, schemas and tables are listed, with comments."""

        async def talk(ask: Ask) -> None:
            catalogs = await ask("list_catalogs")
            self.assertIn(["tpch"], catalogs["rows"])
            schemas = await ask("list_schemas", pattern="sf1_")
            self.assertEqual(schemas["rows"], [])
            schemas = await ask("list_schemas", pattern="SF1%0")
            self.assertIn(["sf100"], schemas["rows"])
            tables = await ask("list_tables", pattern="part%")
            self.assertEqual(
                tables["rows"], [["part", "BASE TABLE"], ["partsupp", "BASE TABLE"]]
            )
            odd = await ask("list_tables", catalog="memory", schema=ODD_SCHEMA.title())
            self.assertEqual(
                odd["rows"],
                [
                    ["odd.name", "BASE TABLE", "An odd table"],
                    ["select", "BASE TABLE", None],
                    ["v$iew", "VIEW", "a view"],
                ],
            )
            everywhere = await ask("list_tables", catalog="memory", pattern="odd%")
            self.assertIn([ODD_SCHEMA, "odd.name", "BASE TABLE"], everywhere["rows"])

        return self.asking(talk)

    def test_columns(self) -> Deferred[None]:
        """Tables and views of any name are described, with rows of theirs."""

        async def talk(ask: Ask) -> None:
            odd = await ask(
                "get_table_schema", table=f'{ODD}."Odd.Name"', sample_rows=5
            )
            self.assertEqual(
                odd,
                {
                    "table": f'{ODD}."odd.name"',
                    "type": "BASE TABLE",
                    "comment": "An odd table",
                    "columns": [
                        ["a b", "varchar", "NULL", 'the "ab"'],
                        ["select", "bigint"],
                        ["ünï", "date"],
                    ],
                    "sample": [["", 1, None]],
                },
            )
            view = await ask(
                "get_table_schema",
                table='"v$iew"',
                catalog="memory",
                schema=ODD_SCHEMA,
                sample_rows=1,
            )
            self.assertEqual(view["type"], "VIEW")
            self.assertEqual(view["sample"], [[1, "a"]])
            reserved = await ask("get_table_schema", table=f"{ODD}.select")
            self.assertEqual(reserved["columns"], [["x", "integer"]])
            table = await ask("get_table_schema", table="nation", sample_rows=2)
            self.assertEqual(table["columns"][0], ["nationkey", "bigint", "NOT NULL"])
            self.assertEqual(len(table["sample"]), 2)

        return self.asking(talk)

    def test_search(self) -> Deferred[None]:
        """Tables are found by names and comments, of theirs and of columns."""

        async def talk(ask: Ask) -> None:
            found = await ask("search_tables", text="the odd one", schema=ODD_SCHEMA)
            self.assertEqual(
                found["rows"][0],
                [f'{ODD}."odd.name"', "An odd table", ["a b"]],
            )
            found = await ask("search_tables", text="suppliers", schema="tiny")
            self.assertEqual(found["rows"][0][0], "tpch.tiny.supplier")
            self.assertNotIn("notice", found)
            queries = await ask("search_tables", text="queries", catalog="system")
            self.assertEqual(queries["rows"][0][0], "system.runtime.queries")
            error = (await ask("search_tables", text="x", catalog="tcph"))["error"]
            self.assertIn("tpch", error["hint"])

        return self.asking(talk)

    def test_statistics(self) -> Deferred[None]:
        """Statistics and definitions of tables and views are shown."""

        async def talk(ask: Ask) -> None:
            stats = await ask("get_table_stats", table="orders")
            self.assertEqual(stats["rows"], 15_000)
            self.assertEqual(
                stats["columns"][0], ["orderkey", 15_000, 0, "1", "60000", None]
            )
            table = await ask("show_create", table=f'{ODD}."odd.name"')
            self.assertIn("CREATE TABLE memory.", table["sql"])
            view = await ask("show_create", table=f'{ODD}."v$iew"')
            self.assertIn('CREATE VIEW "memory".', view["sql"])
            for tool in ("get_table_stats", "show_create"):
                error = (await ask(tool, table="natoin"))["error"]
                self.assertEqual(error["error_name"], "TABLE_NOT_FOUND")
                self.assertIn("tables: nation", error["hint"])

        return self.asking(talk)


class PagesTests(RealTestCase):
    """Lists of the real thing, page by page."""

    queries = evolve(QUERIES, max_rows=3)

    def test_tables(self) -> Deferred[None]:
        """Each name comes once, whatever the size of a page."""

        async def talk(ask: Ask) -> None:
            for tool, arguments in (
                ("list_tables", {}),
                ("list_tables", {"catalog": "system"}),
                ("list_schemas", {}),
            ):
                answer = await ask(tool, **arguments)
                rows = answer["rows"]
                while page := answer.get("next_page"):
                    self.assertEqual(answer["row_count"], 3)
                    answer = await ask("fetch_page", page=page)
                    rows += answer["rows"]
                self.assertEqual(rows, sorted(rows))
                self.assertEqual(len({tuple(row) for row in rows}), len(rows))
                self.assertGreater(len(rows), 6)

        return self.asking(talk)


class ErrorTests(RealTestCase):
    """What goes wrong at the real thing."""

    def test_nearest(self) -> Deferred[None]:
        """A misspelt name is answered with the real one."""

        async def talk(ask: Ask) -> None:
            for query, name, nearest in (
                ("SELECT nam FROM nation", "COLUMN_NOT_FOUND", "columns: name"),
                ("SELECT n.ky FROM sf1.nation n", "COLUMN_NOT_FOUND", "nationkey"),
                ("TABLE natoin", "TABLE_NOT_FOUND", "tables: nation"),
                ("TABLE tpch.tyni.nation", "SCHEMA_NOT_FOUND", "schemas: tiny"),
                ("TABLE tcph.tiny.nation", "CATALOG_NOT_FOUND", "catalogs: tpch"),
                ("SELECT lenght('x')", "FUNCTION_NOT_FOUND", "functions: length"),
            ):
                error = (await ask("execute_query", query=query))["error"]
                self.assertEqual(error["error_name"], name)
                self.assertEqual(error["code"], "USER_ERROR")
                self.assertIn(nearest, error["hint"])
                self.assertEqual(error["line"], 1)
            missing = await ask("get_table_schema", table="natoin")
            self.assertIn("tables: nation", missing["error"]["hint"])
            missing = await ask("list_tables", schema="tyni")
            self.assertIn("schemas: tiny", missing["error"]["hint"])
            missing = await ask("list_schemas", catalog="tcph")
            self.assertIn("catalogs: tpch", missing["error"]["hint"])
            self.assertNotIn("line", missing["error"])

        return self.asking(talk)

    def test_others(self) -> Deferred[None]:
        """Trino's other errors come with name, position and message."""

        async def talk(ask: Ask) -> None:
            for query, name, line in (
                ("SELECT\n 1 +", "SYNTAX_ERROR", 2),
                ("SELECT 1/0", "DIVISION_BY_ZERO", None),
                ("SELECT fail('boom')", "GENERIC_USER_ERROR", None),
                ("SELECT 1 + 'x'", "TYPE_MISMATCH", 1),
            ):
                error = (await ask("execute_query", query=query))["error"]
                self.assertEqual(error["error_name"], name)
                self.assertEqual(error.get("line"), line)
                self.assertNotIn("line ", error["message"])

        return self.asking(talk)

    def test_plans(self) -> Deferred[None]:
        """All formats of EXPLAIN give a plan, and errors where they are."""

        async def talk(ask: Ask) -> None:
            query = "SELECT name FROM nation"
            for form in ("LOGICAL", "DISTRIBUTED"):
                plan = await ask("explain_query", query=query, format=form)
                self.assertIn("TableScan[table = tpch:tiny:nation", plan["plan"])
            plan = await ask("explain_query", query=query, format="IO")
            (read,) = plan["plan"]["inputTableColumnInfos"]
            self.assertEqual(read["table"]["schemaTable"]["table"], "nation")
            plan = await ask("explain_query", query=query, format="VALIDATE")
            self.assertEqual(plan, {"plan": "valid"})
            wrong = await ask("explain_query", query="EXPLAIN\nSELECT nam FROM nation")
            error = wrong["error"]
            self.assertEqual((error["line"], error["column"]), (2, 8))
            self.assertIn("name", error["hint"])

        return self.asking(talk)
