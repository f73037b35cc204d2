"""The tools on tables that have a history: Iceberg in the sandbox."""

import json

import trino
from twisted.internet.defer import Deferred
from twisted.python.url import URL

from tests.real_trino import SMALL
from tests.sandboxes import require, start
from tests.statements.escapes import ICEBERG, PROFILES, Profile
from tests.tools.guarded import guard_of
from tests.tools.scripted import only
from tests.tools.test_real import Ask, RealTestCase

SHOP = "iceberg.shop"


class IcebergTestCase(RealTestCase):
    """A server before a Trino with a catalog of Iceberg tables."""

    timeout = 300

    def trino_url(self) -> str:
        """Say where the Trino with that catalog is."""
        return require(start(SMALL.with_iceberg()))

    def setUp(self) -> None:
        """Have a table of two snapshots, and a view and a materialized view of it."""
        super().setUp()
        drop = (
            f"DROP MATERIALIZED VIEW IF EXISTS {SHOP}.totals",
            f"DROP VIEW IF EXISTS {SHOP}.large",
            f"DROP TABLE IF EXISTS {SHOP}.orders",
            f"DROP SCHEMA IF EXISTS {SHOP}",
        )
        self.sql(
            *drop,
            f"CREATE SCHEMA {SHOP}",
            f"CREATE TABLE {SHOP}.orders (id bigint COMMENT 'the key', "
            "total decimal(10, 2), at timestamp(6) with time zone) "
            "COMMENT 'What was bought' WITH (partitioning = ARRAY['day(at)'])",
            f"INSERT INTO {SHOP}.orders VALUES "
            "(1, 1.50, TIMESTAMP '2026-01-01 00:00:00 UTC'), "
            "(2, 9.99, TIMESTAMP '2026-01-02 00:00:00 UTC')",
            f"INSERT INTO {SHOP}.orders VALUES "
            "(3, 7.00, TIMESTAMP '2026-01-02 12:00:00 UTC')",
            f"CREATE VIEW {SHOP}.large AS SELECT * FROM {SHOP}.orders WHERE total > 5",
            f"CREATE MATERIALIZED VIEW {SHOP}.totals AS "
            f"SELECT sum(total) total FROM {SHOP}.orders",
            f"REFRESH MATERIALIZED VIEW {SHOP}.totals",
        )
        self.addCleanup(self.sql, *drop)


class TablesTests(IcebergTestCase):
    """Tables, their history, and views."""

    def test_described(self) -> Deferred[None]:
        """Tables and views are listed, found and described with their comments."""

        async def talk(ask: Ask) -> None:
            listed = await ask("list_tables", catalog="iceberg", schema="shop")
            named = {row[0]: row[1:] for row in listed["rows"]}
            self.assertEqual(named["orders"], ["BASE TABLE", "What was bought"])
            self.assertEqual(named["large"], ["VIEW", None])
            self.assertIn("totals", named)
            found = await ask("search_tables", text="bought key")
            self.assertEqual(
                found["rows"][0], ["iceberg.shop.orders", "What was bought", ["id"]]
            )
            table = await ask("get_table_schema", table=f"{SHOP}.orders", sample_rows=1)
            self.assertEqual(table["columns"][0], ["id", "bigint", "NULL", "the key"])
            self.assertEqual(table["comment"], "What was bought")
            self.assertEqual(len(table["sample"]), 1)

        return self.asking(talk)

    def test_metadata_tables(self) -> Deferred[None]:
        """The tables behind a table are described and read."""

        async def talk(ask: Ask) -> None:
            snapshots = f'{SHOP}."orders$snapshots"'
            table = await ask("get_table_schema", table=snapshots)
            self.assertEqual(
                [column[0] for column in table["columns"]][:3],
                ["committed_at", "snapshot_id", "parent_id"],
            )
            answer = await ask(
                "execute_query",
                query=f"SELECT operation, summary FROM {snapshots} ORDER BY committed_at",
            )
            self.assertGreaterEqual(answer["row_count"], 2)
            operation, summary = answer["rows"][0]
            self.assertEqual(operation, "append")
            self.assertIsInstance(summary, dict)

        return self.asking(talk)

    def test_time_travel(self) -> Deferred[None]:
        """A table is read as it was, by its version, which is a large number."""

        async def talk(ask: Ask) -> None:
            answer = await ask(
                "execute_query",
                query=f'SELECT snapshot_id FROM {SHOP}."orders$snapshots" '
                "ORDER BY committed_at",
            )
            counts = []
            for (snapshot,) in answer["rows"]:
                self.assertIsInstance(snapshot, str)
                counted = await ask(
                    "execute_query",
                    query=f"SELECT count(*) FROM {SHOP}.orders "
                    f"FOR VERSION AS OF {snapshot}",
                )
                counts.append(counted["rows"][0][0])
            self.assertEqual(counts[-2:], [2, 3])

        return self.asking(talk)

    def test_statistics(self) -> Deferred[None]:
        """Statistics and definitions are those of the kind that it is."""

        async def talk(ask: Ask) -> None:
            stats = await ask("get_table_stats", table=f"{SHOP}.orders")
            self.assertEqual(stats["rows"], 3)
            for name, begins in (
                ("orders", "CREATE TABLE"),
                ("large", "CREATE VIEW"),
                ("totals", "CREATE MATERIALIZED VIEW"),
            ):
                created = await ask("show_create", table=f"{SHOP}.{name}")
                self.assertTrue(created["sql"].startswith(begins), created["sql"])
            rows = await ask("execute_query", query=f"TABLE {SHOP}.totals")
            self.assertEqual(rows["rows"], [["18.49"]])

        return self.asking(talk)


class EscapeTests(IcebergTestCase):
    """What is behind tables and views is kept away like them."""

    guard = guard_of(PROFILES[0])
    secrets = ("bought", "the key", "18.49", "9.99", "append", "metastore")
    versions: tuple[str, ...] = ()

    def test_nothing_told(self) -> Deferred[None]:
        """No statement, no tool and no resource tells anything of what is hidden."""

        async def talk(ask: Ask) -> None:
            for text in ICEBERG:
                query = text.replace("{s}", SHOP).replace("{v}", self.version())
                for tool in ("execute_query", "explain_query"):
                    refused = await ask(tool, query=query)
                    code = refused["error"]["code"]
                    self.assertEqual(code, "STATEMENT_REFUSED", query)
            for name in ("orders", "totals", '"orders$files"', '"Totals"'):
                for tool in ("get_table_schema", "get_table_stats", "show_create"):
                    refused = await ask(tool, table=f"{SHOP}.{name}")
                    self.assertEqual(refused["error"]["code"], "INVALID_ARGUMENT")
            for tool, arguments in (
                ("list_catalogs", {}),
                ("list_schemas", {"catalog": "iceberg"}),
                ("list_tables", {"catalog": "iceberg"}),
                ("list_tables", {"catalog": "Iceberg", "schema": "SHOP"}),
                ("search_tables", {"text": "key orders totals"}),
                ("fetch_page", {"page": "list_schemas?catalog=iceberg&after=a"}),
                ("fetch_page", {"page": "list_tables?catalog=iceberg&after=a/a"}),
                ("fetch_page", {"page": "search_tables?text=orders+totals&after=0"}),
            ):
                told = json.dumps(await ask(tool, **arguments))
                self.assertNotRegex(told, r'(shop\.|shop", |\[)"?(orders|totals)\b')
            for text in self.texts:
                for secret in self.secrets:
                    self.assertNotIn(secret, text)

        return self.asking(talk)

    def version(self) -> str:
        """Give a version of the hidden table, found out past the lists."""
        if not self.versions:
            url = URL.fromText(self.trino_url())
            with trino.dbapi.connect(host=url.host, port=url.port, user="past") as past:
                cursor = past.cursor()
                cursor.execute(f'SELECT snapshot_id FROM {SHOP}."orders$snapshots"')
                self.versions = tuple(str(row[0]) for row in cursor.fetchall())
        return self.versions[0]


class ListedSchemasTests(EscapeTests):
    """So they are under a list of schemas, whatever its wild cards."""

    guard = guard_of(Profile("", (None, "tpch.tiny, iceberg.sy*", None), ("", "", "")))


class ListedTablesTests(EscapeTests):
    """So they are beside a view that is listed."""

    guard = guard_of(Profile("", (None, None, "iceberg.shop.larg*"), ("", "", "")))


class ListedViewTests(IcebergTestCase):
    """An operator who has listed a view only."""

    guard = only("iceberg.shop.large", "iceberg.shop.totals")

    def test_view(self) -> Deferred[None]:
        """The view may be read, with what it reads; its table may not."""

        async def talk(ask: Ask) -> None:
            rows = await ask("execute_query", query=f"SELECT id FROM {SHOP}.large")
            self.assertEqual(sorted(rows["rows"]), [[2], [3]])
            rows = await ask("execute_query", query=f"TABLE {SHOP}.totals")
            self.assertEqual(rows["rows"], [["18.49"]])
            for name in ("orders", '"orders$snapshots"', '"large$files"'):
                refused = await ask("execute_query", query=f"TABLE {SHOP}.{name}")
                self.assertIn("error", refused)
                refused = await ask("get_table_schema", table=f"{SHOP}.{name}")
                self.assertEqual(refused["error"]["code"], "INVALID_ARGUMENT")
            listed = await ask("list_tables", catalog="iceberg", schema="shop")
            self.assertEqual(
                sorted(row[0] for row in listed["rows"]), ["large", "totals"]
            )
            found = await ask("search_tables", text="orders bought")
            self.assertNotIn("iceberg.shop.orders", [row[0] for row in found["rows"]])

        return self.asking(talk)
