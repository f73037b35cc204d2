"""The lists of what may be seen, held against what Trino says that is read."""

from collections.abc import Sequence

from attrs import evolve, field, frozen

from mcp_trino.errors import StatementFailed, StatementRefused
from mcp_trino.queries import Table
from mcp_trino.statements.allowlist import Allowlist
from mcp_trino.statements.lexer import refusal
from mcp_trino.statements.refusals import SEE_LISTS, kept_away
from mcp_trino.statements.tables import MAX_CHARS, NOWHERE, Named, Place, named_tables

# Comes from the parser, and so tells of nothing but the statement.
_OF_PARSER = "SYNTAX_ERROR"


@frozen
class ListedOnly:
    """
    Lets only what is on the lists be read (``mcp_trino.queries.Inspection``).

    :ivar text: the statement, ``None`` when it is not known any more.
    :ivar place: of its unqualified names.
    """

    _allowlist: Allowlist
    _text: str | None = field(default=None, repr=False)
    _place: Place = NOWHERE

    @property
    def mark(self) -> str:
        """The lists' mark."""
        return self._allowlist.mark

    def allow(self, tables: Sequence[Table]) -> None:
        """
        Let a statement pass that reads these tables.

        :param tables: all that it names, by Trino's own analysis.
        :raise StatementRefused: one of them may not be seen.
        """
        for table in tables:
            if not self._allowlist.table(*table):
                raise self._refused(table)

    def disclose(
        self, error: StatementFailed, tables: Sequence[Table] | None
    ) -> StatementFailed:
        """
        Give what of an error may be shown.

        :param tables: as for ``allow``; none when Trino's analysis failed, or
            ``None`` when they could not be had.
        :raise StatementRefused: one of them may not be seen.
        """
        if tables:
            self.allow(tables)
        elif error.name != _OF_PARSER and (tables is None or not self._is_known):
            return evolve(
                error, message=f"Trino's message cannot be shown here. {SEE_LISTS}"
            )
        elif error.name != _OF_PARSER:
            for named in self._named():
                table = self._place.full(named.parts)
                if table is not None and not self._allowlist.table(*table):
                    raise self._refused(table)
        return error

    def _named(self) -> list[Named]:
        return named_tables(str(self._text)) if self._is_known else []

    @property
    def _is_known(self) -> bool:
        return self._text is not None and len(self._text) <= MAX_CHARS

    def _refused(self, table: Table) -> StatementRefused:
        message = kept_away(*table)
        for named in self._named():
            if self._place.full(named.parts) == table:
                return refusal(str(self._text), named.offset, message)
        return StatementRefused(message)
