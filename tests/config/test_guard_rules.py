"""Tests of ``mcp_trino.config.guard_rules``."""

from twisted.trial.unittest import SynchronousTestCase

from tests.config.reading import problems, served, warnings


class GuardRulesTests(SynchronousTestCase):
    """What an operator lets statements do."""

    def test_nothing(self) -> None:
        """Without settings all may be seen, and nothing be changed."""
        guard = served().guard
        self.assertIsNone(guard.allowed_catalogs)
        self.assertIsNone(guard.allowed_schemas)
        self.assertIsNone(guard.allowed_tables)
        self.assertEqual(guard.table_functions, ())
        self.assertFalse(guard.allow_writes or guard.read_only_transactions)

    def test_lists(self) -> None:
        """Lists that fit each other are taken."""
        guard = served(
            TRINO_ALLOWED_CATALOGS="hive, t*",
            TRINO_ALLOWED_SCHEMAS="Hive.sales,tpch.*",
            TRINO_ALLOWED_TABLES='hive.sales."My Table", *.*.orders',
            TRINO_ALLOW_WRITE_QUERIES="true",
            TRINO_READ_ONLY_TRANSACTIONS="yes",
        ).guard
        self.assertEqual(guard.allowed_schemas[0], ("hive", "sales"))
        self.assertTrue(guard.allow_writes and guard.read_only_transactions)

    def test_wrong_names(self) -> None:
        """A name of another form stops the start."""
        for name, text in (
            ("TRINO_ALLOWED_CATALOGS", "a.b"),
            ("TRINO_ALLOWED_SCHEMAS", "a"),
            ("TRINO_ALLOWED_TABLES", "a.b.c.d"),
            ("TRINO_TABLE_FUNCTIONS", "query"),
            ("TRINO_ALLOWED_CATALOGS", ","),
        ):
            (problem,) = problems(environ={name: text})
            self.assertTrue(problem.startswith(f"{name}: "), problem)

    def test_left_out(self) -> None:
        """A name that another list leaves out could never be seen."""
        lists = {
            "TRINO_ALLOWED_CATALOGS": "tpch",
            "TRINO_ALLOWED_SCHEMAS": "tpch.tiny, hive.sales",
            "TRINO_ALLOWED_TABLES": "tpch.sf1.nation, tpch.*.orders, t*.x.y",
        }
        self.assertEqual(
            problems(environ=lists),
            (
                "TRINO_ALLOWED_SCHEMAS: hive is not among TRINO_ALLOWED_CATALOGS",
                "TRINO_ALLOWED_TABLES: tpch.sf1 is not among TRINO_ALLOWED_SCHEMAS",
                "TRINO_ALLOWED_TABLES: *.x is not among TRINO_ALLOWED_SCHEMAS",
            ),
        )

    def test_functions(self) -> None:
        """What Trino does not report as read must lie in a catalog that is listed."""
        function = {"TRINO_TABLE_FUNCTIONS": "pg.system.query"}
        for lists, fits in (
            ({"TRINO_ALLOWED_CATALOGS": "p*"}, True),
            ({"TRINO_ALLOWED_CATALOGS": "hive"}, False),
            ({"TRINO_ALLOWED_SCHEMAS": "pg.public"}, False),
            ({"TRINO_ALLOWED_TABLES": "pg.public.t"}, False),
        ):
            found = problems(environ={**function, **lists})
            self.assertEqual(len(found), 0 if fits else 1, found)
            for problem in found:
                self.assertIn("pg.system.query reads cannot be held", problem)

    def test_pass_through(self) -> None:
        """A function that hands statements on is told loudly."""
        (warning,) = warnings(TRINO_TABLE_FUNCTIONS="pg.system.query, a.b.c")
        self.assertIn("pg.system.query hands any statement", warning)

    def test_open_to_all(self) -> None:
        """Where nobody is asked who they are, writing is told with it."""
        environ = {"MCP_BIND": "0.0.0.0", "TRINO_ALLOW_WRITE_QUERIES": "true"}
        (warning,) = warnings(**environ)
        self.assertIn("can ask Trino as trino, and change data", warning)
