"""Tests of ``mcp_trino.statements.allowlist``."""

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.config.name_lists import patterns_of
from mcp_trino.settings import GuardSettings
from mcp_trino.statements.allowlist import Allowlist


def allowlist(
    catalogs: str | None = None, schemas: str | None = None, tables: str | None = None
) -> Allowlist:
    """The allowlist of what an operator wrote."""
    lists = (
        None if text is None else patterns_of(parts).read(text)
        for parts, text in enumerate((catalogs, schemas, tables), start=1)
    )
    return Allowlist.of(GuardSettings(*lists))


class AllowlistTests(SynchronousTestCase):
    """What may be seen under which lists."""

    def test_none(self) -> None:
        """Without lists all may be seen."""
        everything = allowlist()
        self.assertFalse(everything.restricts)
        self.assertTrue(everything.table("system", "runtime", "queries"))
        self.assertTrue(everything.whole_catalog("a"))
        self.assertEqual(everything.mark, "")

    def test_catalogs(self) -> None:
        """A list of catalogs opens all that is in them, and nothing else."""
        listed = allowlist(catalogs="tpch, h*")
        self.assertTrue(listed.restricts)
        for catalog in ("tpch", "hive"):
            self.assertTrue(listed.catalog(catalog))
            self.assertTrue(listed.schema(catalog, "information_schema"))
            self.assertTrue(listed.table(catalog, "a", "b$files"))
            self.assertTrue(listed.whole_catalog(catalog))
        for catalog in ("tpc", "tpch2", "system", ""):
            self.assertFalse(listed.catalog(catalog))
            self.assertFalse(listed.table(catalog, "tiny", "nation"))
            self.assertFalse(listed.whole_catalog(catalog))

    def test_schemas(self) -> None:
        """A list of schemas shows their catalogs, and of these nothing else."""
        listed = allowlist(schemas="tpch.tiny")
        self.assertTrue(listed.catalog("tpch"))
        self.assertTrue(listed.schema("tpch", "tiny"))
        self.assertTrue(listed.table("tpch", "tiny", "nation"))
        self.assertFalse(listed.catalog("tiny"))
        self.assertFalse(listed.schema("tpch", "sf1"))
        self.assertFalse(listed.schema("memory", "tiny"))
        self.assertFalse(listed.table("tpch", "information_schema", "tables"))
        self.assertFalse(listed.whole_catalog("tpch"))

    def test_tables(self) -> None:
        """A list of tables shows their catalogs and schemas, and nothing else."""
        listed = allowlist(tables='tpch.tiny.nation, memory.*."A b"')
        self.assertTrue(listed.catalog("memory"))
        self.assertTrue(listed.schema("tpch", "tiny"))
        self.assertTrue(listed.schema("memory", "x"))
        self.assertTrue(listed.table("tpch", "tiny", "nation"))
        self.assertTrue(listed.table("memory", "x", "a b"))
        self.assertFalse(listed.schema("memory", "information_schema"))
        self.assertFalse(listed.table("tpch", "tiny", "region"))
        self.assertFalse(listed.table("tpch", "tiny", "nation$files"))

    def test_together(self) -> None:
        """What one list leaves out no other opens."""
        listed = allowlist("tpch, memory", "tpch.tiny, memory.a", "*.*.nation")
        self.assertTrue(listed.table("tpch", "tiny", "nation"))
        self.assertFalse(listed.table("tpch", "tiny", "region"))
        self.assertFalse(listed.table("tpch", "sf1", "nation"))
        self.assertFalse(listed.table("hive", "tiny", "nation"))
        self.assertFalse(listed.whole_catalog("tpch"))

    def test_mark(self) -> None:
        """Lists that differ have other marks, the same lists the same one."""
        listed = [allowlist("a"), allowlist("b"), allowlist(None, "a.b")]
        self.assertEqual(len({one.mark for one in listed}), 3)
        self.assertEqual(allowlist("A").mark, allowlist("a").mark)
