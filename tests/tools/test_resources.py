"""Tests of ``resources``, ``prompts`` and ``completion`` in ``mcp_trino.tools``."""

from collections.abc import Awaitable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    PromptReference,
    ResourceTemplateReference,
)
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import CoordinatorUnreachable, StatementFailed
from mcp_trino.tools.resources import names_of, uri_of
from tests.tools.scripted import only, page
from tests.tools.test_listing import COMMENTS, NAMES, NO_SCHEMA, many_tables
from tests.tools.test_metadata import COLUMNS
from tests.tools.test_server import ServerTestCase

TABLE = "trino://{catalog}/{schema}/{table}"
SCHEMA = "trino://{catalog}/{schema}"


class URITests(SynchronousTestCase):
    """Names in URIs."""

    def test_odd(self) -> None:
        """What has a meaning in URIs is encoded, what has none stays."""
        uri = uri_of("hive", "my-s", 'a/b c%"ä"?#')
        self.assertEqual(uri, "trino://hive/my-s/a%2Fb%20c%25%22%C3%A4%22%3F%23")

    @given(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
            min_size=1,
            max_size=3,
        )
    )
    def test_round_trip(self, names: list[str]) -> None:
        """Every name comes back."""
        self.assertEqual(names_of(uri_of(*names)), tuple(names))

    def test_others(self) -> None:
        """Other URIs stand for nothing."""
        for uri in ("", "trino://", "trino:///t", "trino://a/b/c/d", "file:///a", "x"):
            self.assertEqual(names_of(uri), (), uri)
        self.assertEqual(names_of("Trino://a/b/"), ("a", "b"))


class SurfaceTestCase(ServerTestCase):
    """A server and what its clients are refused."""

    async def refused(self, asked: Awaitable[Any]) -> MCPError:
        """Give the error of the protocol that a request ends with."""
        try:
            answer = await asked
        except MCPError as error:
            return error
        raise AssertionError(f"answered: {answer}")


class ResourcesTests(SurfaceTestCase):
    """Tables as resources."""

    def test_list(self) -> Deferred[None]:
        """Catalogs come first, then the tables of the default schema, all of them."""
        names = [f"t{number:04}" for number in range(1500)]
        self.coordinator.script = {
            "SHOW CATALOGS": page({"Catalog": "varchar"}, ["hive"], ["tpch"]),
            "table_comments": page(COMMENTS, ["t0000", "the first"]),
            "tables": many_tables(self.coordinator, names),
        }

        async def talk(client: Client) -> None:
            first = await client.list_resources()
            rest = await client.list_resources(cursor=first.next_cursor)
            found = [*first.resources, *rest.resources]
            self.assertIsNone(rest.next_cursor)
            self.assertEqual(
                [resource.uri for resource in found],
                [
                    "trino://hive",
                    "trino://tpch",
                    *(f"trino://tpch/tiny/{name}" for name in names),
                ],
            )
            self.assertEqual(found[2].description, "the first")
            self.assertEqual(found[2].title, "tiny.t0000")

        return self.talk(talk)

    def test_may_be_kept(self) -> Deferred[None]:
        """A client may keep each answer for a while, for itself."""
        self.coordinator.script = {
            "SHOW CATALOGS": page({"Catalog": "varchar"}, ["tpch"]),
            "table_comments": page(COMMENTS),
            "tables": page(NAMES, ["tiny", "t", "VIEW"]),
            "schemata": page({"schema_name": "varchar"}, ["tiny"]),
        }

        kept = []

        async def talk(client: Client) -> None:
            if client.protocol_version != "2026-07-28":
                return
            for answer, seconds in (
                (await client.list_resources(), 60),
                (await client.read_resource("trino://tpch"), 60),
                (await client.list_resource_templates(), 300),
                (await client.list_prompts(), 300),
            ):
                kept.append((answer.ttl_ms == seconds * 1000, answer.cache_scope))

        talked = self.talk(talk)
        return talked.addCallback(
            lambda _: self.assertEqual(kept, [(True, "private")] * 4)
        )

    def test_templates(self) -> Deferred[None]:
        """There is a template for each part of a name."""

        async def talk(client: Client) -> None:
            listed = (await client.list_resource_templates()).resource_templates
            self.assertEqual(
                [template.uri_template for template in listed],
                ["trino://{catalog}", SCHEMA, TABLE],
            )

        return self.talk(talk)

    def test_read(self) -> Deferred[None]:
        """A catalog gives its schemas, a schema its tables, a table its columns."""
        self.coordinator.script = {
            "table_comments": page(COMMENTS),
            "ordinal_position": page(COLUMNS, [1, "x y", "bigint", "NO", None]),
            "schemata": page({"schema_name": "varchar"}, ["s"]),
            "tables": page(NAMES, ["s", "t", "VIEW"]),
        }

        async def talk(client: Client) -> None:
            for uri, text in (
                ("trino://c", "schema\ns\n1 row"),
                ("trino://c/s", "table,type\nt,VIEW\n1 row"),
                ("trino://C/s/A%22b%2F", "column,type,null,comment\nx y,bigint,"),
            ):
                (read,) = (await client.read_resource(uri)).contents
                self.assertEqual(read.uri, uri)
                self.assertTrue(read.text.startswith(text), read.text)
            self.assertIn("table_name = 'a\"b/'", self.coordinator.texts()[-1])

        return self.talk(talk)

    def test_not_found(self) -> Deferred[None]:
        """What is not there is an invalid parameter that is named."""
        self.coordinator.script = {
            "table_comments": page(COMMENTS),
            "information_schema.tables": page(NAMES),
            "SHOW TABLES": NO_SCHEMA,
            "levenshtein": page({"schema_name": "varchar"}, ["y"]),
        }

        async def talk(client: Client) -> None:
            for uri in ("trino://c/x", "file:///etc/passwd", "trino://a/b/c/d"):
                error = await self.refused(client.read_resource(uri))
                self.assertEqual(error.error.code, INVALID_PARAMS)
                self.assertEqual(error.error.data, {"uri": uri})

        return self.talk(talk)

    def test_fails(self) -> Deferred[None]:
        """What Trino cannot tell now is another error."""
        self.coordinator.script = {"": CoordinatorUnreachable("Trino is away")}

        async def talk(client: Client) -> None:
            for asked in (
                client.list_resources(),
                client.read_resource("trino://c"),
                client.get_prompt("explore_schema", {}),
            ):
                error = await self.refused(asked)
                self.assertEqual(error.error.code, INTERNAL_ERROR)
                self.assertIn("Trino is away", error.error.message)

        return self.talk(talk)

    def test_cursors(self) -> Deferred[None]:
        """A cursor that was not given is refused."""
        self.coordinator.script = {"schemata": page({"s": "varchar"}, ["s"])}

        async def talk(client: Client) -> None:
            for cursor in ("x", "list_schemas?after=a", "execute_query?query=SELECT"):
                error = await self.refused(client.list_resources(cursor=cursor))
                self.assertEqual(error.error.code, INVALID_PARAMS)

        return self.talk(talk)

    def test_recorded(self) -> Deferred[None]:
        """Reading a resource is recorded as the call that it is."""
        self.coordinator.script = {"schemata": page({"s": "varchar"}, ["s"])}

        async def talk(client: Client) -> None:
            self.audit.records.clear()
            await client.read_resource("trino://c")
            (line,) = self.audit.records
            self.assertEqual((line["tool"], line["catalog"]), ("list_schemas", "c"))

        return self.talk(talk)


class HiddenResourcesTests(SurfaceTestCase):
    """Resources and completions of a server with an operator's lists."""

    guard = only("tpch.tiny.nation")

    def test_hidden(self) -> Deferred[None]:
        """What is kept away is neither listed, read nor completed."""
        self.coordinator.script = {
            "SHOW CATALOGS": page({"Catalog": "varchar"}, ["hive"], ["tpch"]),
            "table_comments": page(COMMENTS, ["orders", "hidden"]),
            "tables": page(
                NAMES, ["tiny", "nation", "TABLE"], ["tiny", "orders", "TABLE"]
            ),
        }

        async def talk(client: Client) -> None:
            listed = (await client.list_resources()).resources
            self.assertEqual(
                [resource.uri for resource in listed],
                ["trino://tpch", "trino://tpch/tiny/nation"],
            )
            for uri in ("trino://hive", "trino://tpch/sf1", "trino://tpch/tiny/orders"):
                error = await self.refused(client.read_resource(uri))
                self.assertEqual(error.error.code, INVALID_PARAMS)
            reference = ResourceTemplateReference(uri=TABLE)
            for name, values in (("catalog", ["tpch"]), ("table", ["nation"])):
                answer = await client.complete(reference, {"name": name, "value": ""})
                self.assertEqual(answer.completion.values, values)

        return self.talk(talk)


class HiddenDefaultTests(SurfaceTestCase):
    """Resources of a server whose default schema is kept away."""

    guard = only("hive.s.t")

    def test_list(self) -> Deferred[None]:
        """The catalogs that are left are listed all the same."""
        self.coordinator.script = {
            "SHOW CATALOGS": page({"Catalog": "varchar"}, ["hive"], ["tpch"]),
        }

        async def talk(client: Client) -> None:
            listed = (await client.list_resources()).resources
            self.assertEqual([resource.uri for resource in listed], ["trino://hive"])

        return self.talk(talk)


class CompletionTests(SurfaceTestCase):
    """Completion of names."""

    def test_names(self) -> Deferred[None]:
        """Names are completed by their beginning, in the place typed before."""
        self.coordinator.script = {
            "SHOW CATALOGS": page({"Catalog": "varchar"}, ["hive"], ["tpch"]),
            "schemata": page({"schema_name": "varchar"}, ["s_1"], ["sx1"]),
            "table_comments": page(COMMENTS),
            "tables": page(NAMES, ["s", "nation", "TABLE"]),
        }

        async def talk(client: Client) -> None:
            reference = ResourceTemplateReference(uri=TABLE)
            place = {"catalog": "c", "schema": "s"}
            for name, begun, given_, expected in (
                ("catalog", "T", {}, ["tpch"]),
                ("catalog", "x", {}, []),
                ("schema", "s_", {"catalog": "c"}, ["s_1"]),
                ("table", "n", place, ["nation"]),
                ("other", "n", place, []),
            ):
                answer = await client.complete(
                    reference, {"name": name, "value": begun}, given_
                )
                self.assertEqual(answer.completion.values, expected)
                self.assertFalse(answer.completion.has_more)
            self.assertIn("table_schema = 's'", self.coordinator.texts()[-1])
            prompt = PromptReference(name="explore_schema")
            answer = await client.complete(prompt, {"name": "catalog", "value": "h"})
            self.assertEqual(answer.completion.values, ["hive"])

        return self.talk(talk)

    def test_many(self) -> Deferred[None]:
        """A hundred names are given at most, and that there are more."""
        names = [f"t{number:05}" for number in range(2000)]
        self.coordinator.script = {
            "table_comments": page(COMMENTS),
            "tables": many_tables(self.coordinator, names),
        }

        async def talk(client: Client) -> None:
            reference = ResourceTemplateReference(uri=TABLE)
            answer = await client.complete(reference, {"name": "table", "value": "t"})
            self.assertEqual(answer.completion.values, names[:100])
            self.assertTrue(answer.completion.has_more)

        return self.talk(talk)

    def test_nothing(self) -> Deferred[None]:
        """Where Trino tells nothing there is nothing; other references are refused."""
        self.coordinator.script = {"": CoordinatorUnreachable("Trino is away")}

        async def talk(client: Client) -> None:
            reference = ResourceTemplateReference(uri=SCHEMA)
            argument = {"name": "schema", "value": ""}
            answer = await client.complete(reference, argument)
            self.assertEqual(answer.completion.values, [])
            for unknown in (
                PromptReference(name="nope"),
                ResourceTemplateReference(uri="file://{x}"),
            ):
                error = await self.refused(client.complete(unknown, argument))
                self.assertEqual(error.error.code, INVALID_PARAMS)

        return self.talk(talk)


class PromptsTests(SurfaceTestCase):
    """Prompts."""

    def test_list(self) -> Deferred[None]:
        """Each prompt says what it needs."""

        async def talk(client: Client) -> None:
            prompts = (await client.list_prompts()).prompts
            self.assertEqual(
                {p.name: [a.name for a in p.arguments if a.required] for p in prompts},
                {
                    "explore_schema": [],
                    "write_query": ["question"],
                    "tune_query": ["query"],
                },
            )

        return self.talk(talk)

    def test_get(self) -> Deferred[None]:
        """A prompt has the task and what Trino says to begin with."""
        self.coordinator.script = {
            "EXPLAIN (TYPE DISTRIBUTED)": page({"p": "varchar"}, ["Fragment 0 {x}"]),
            "table_comments": page(COMMENTS),
            "tables": page(NAMES, ["s", "nation", "TABLE"]),
        }

        async def talk(client: Client) -> None:
            for name, arguments, words in (
                ("explore_schema", {"schema": "s"}, ["nation,TABLE"]),
                ("write_query", {"question": "How {many}?"}, ["How {many}?", "nation"]),
                ("tune_query", {"query": "TABLE t"}, ["TABLE t", "Fragment 0 {x}"]),
            ):
                answer = await client.get_prompt(name, arguments)
                (message,) = answer.messages
                self.assertEqual(message.role, "user")
                for word in words:
                    self.assertIn(word, message.content.text)

        return self.talk(talk)

    def test_refused(self) -> Deferred[None]:
        """What has no meaning is refused, and so is the plan of a write."""
        self.coordinator.script = {
            "EXPLAIN": StatementFailed("TABLE_NOT_FOUND", "USER_ERROR", "no t")
        }

        async def talk(client: Client) -> None:
            for name, arguments, word in (
                ("nope", {}, "Unknown prompt"),
                ("write_query", {}, "question is missing"),
                ("explore_schema", {"x": "y"}, "Unknown argument: x"),
                ("tune_query", {"query": "DROP TABLE t"}, "DROP"),
                ("tune_query", {"query": "TABLE t"}, "no t"),
            ):
                error = await self.refused(client.get_prompt(name, arguments))
                self.assertEqual(error.error.code, INVALID_PARAMS)
                self.assertIn(word, error.error.message)

        return self.talk(talk)
