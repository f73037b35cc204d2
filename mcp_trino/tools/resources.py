"""
Tables as resources: ``trino://{catalog}/{schema}/{table}``.

A catalog is the list of its schemas, a schema that of its tables, a table its
columns. Parts of a name are percent-encoded (RFC 3986 section 2.1).
"""

from typing import Any
from urllib.parse import quote, unquote

from attrs import define, field
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from mcp_trino.settings import TrinoSettings
from mcp_trino.statements.names import quote_identifier
from mcp_trino.tools.messages import Context, Messages, records

_SCHEME = "trino://"
_MIME_TYPE = "text/plain"
_READERS = ("list_schemas", "list_tables", "get_table_schema")

TEMPLATES = {
    "trino://{catalog}": ("catalog", "The schemas of a catalog."),
    "trino://{catalog}/{schema}": ("schema", "The tables of a schema."),
    "trino://{catalog}/{schema}/{table}": (
        "table",
        "The columns of a table or view: names, types, nullability, comments.",
    ),
}
"""The name and description of each URI template."""


def uri_of(*names: str) -> str:
    """
    Give the URI of a catalog, a schema or a table.

    :param names: one to three, the catalog first.
    """
    return _SCHEME + "/".join(quote(name, safe="") for name in names)


def names_of(uri: str) -> tuple[str, ...]:
    """
    Give the names that a URI stands for; ``()`` when it is none of ours.

    The scheme may be in any case (RFC 3986 section 3.1).
    """
    if uri[: len(_SCHEME)].lower() != _SCHEME:
        return ()
    parts = uri[len(_SCHEME) :].removesuffix("/").split("/")
    if len(parts) > len(_READERS) or not all(parts):
        return ()
    return tuple(map(unquote, parts))


@define(eq=False)
class Resources:
    """Answers ``resources/…`` with what the tools for metadata give."""

    _messages: Messages = field(repr=False)
    _trino: TrinoSettings = field(repr=False)

    async def list_resources(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        """
        Answer ``resources/list``: the catalogs, then the tables of the default
        schema, or of the default catalog, page by page.

        :raise MCPError: Trino does not give the names.
        """
        cursor = params.cursor if params else None
        if cursor is None:
            found = await self._catalogs(context)
            tool, arguments = "list_tables", dict[str, str]()
            if self._trino.catalog is None:
                return ListResourcesResult(resources=found)
        else:
            found, tool, arguments = [], "fetch_page", {"page": cursor}
        try:
            reply = await self._messages.answer(context, tool, arguments)
        except MCPError as error:
            if cursor is not None or error.error.code != INVALID_PARAMS:
                raise
            # The default place is not there, or may not be seen.
            return ListResourcesResult(resources=found)
        try:
            found += [self._table(record) for record in records(reply)]
        except KeyError:
            raise MCPError(INVALID_PARAMS, "Unknown cursor") from None
        return ListResourcesResult(
            resources=found, next_cursor=reply.structured.get("next_page")
        )

    async def _catalogs(self, context: Context) -> list[Resource]:
        reply = await self._messages.answer(context, "list_catalogs", {})
        return [
            Resource(
                uri=uri_of(record["catalog"]),
                name=record["catalog"],
                description="A catalog: its schemas.",
                mime_type=_MIME_TYPE,
            )
            for record in records(reply)
        ]

    def _table(self, record: dict[str, Any]) -> Resource:
        schema = str(record.get("schema", self._trino.schema))
        return Resource(
            uri=uri_of(str(self._trino.catalog), schema, record["table"]),
            name=record["table"],
            title=f"{schema}.{record['table']}",
            description=record.get("comment"),
            mime_type=_MIME_TYPE,
        )

    async def list_templates(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        """Answer ``resources/templates/list``."""
        del context, params
        return ListResourceTemplatesResult(
            resource_templates=[
                ResourceTemplate(
                    uri_template=template,
                    name=name,
                    description=description,
                    mime_type=_MIME_TYPE,
                )
                for template, (name, description) in TEMPLATES.items()
            ]
        )

    async def read_resource(
        self, context: Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        """
        Answer ``resources/read``.

        :raise MCPError: ``INVALID_PARAMS`` with the URI when there is no such
            resource or it may not be seen (SEP-2164).
        """
        names = names_of(params.uri)
        if not names:
            raise _not_found(params.uri, "Unknown resource")
        arguments = dict(zip(("catalog", "schema", "table"), names, strict=False))
        if "table" in arguments:
            arguments["table"] = quote_identifier(arguments["table"])
        reader = _READERS[len(names) - 1]
        try:
            reply = await self._messages.answer(context, reader, arguments)
        except MCPError as error:
            if error.error.code != INVALID_PARAMS:
                raise
            raise _not_found(params.uri, error.error.message) from None
        contents = TextResourceContents(
            uri=params.uri, mime_type=_MIME_TYPE, text=reply.text
        )
        return ReadResourceResult(contents=[contents])


def _not_found(uri: str, message: str) -> MCPError:
    return MCPError(INVALID_PARAMS, message, {"uri": uri})
