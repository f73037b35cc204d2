"""How the statements of callers may be run, by the operator's settings."""

from attrs import evolve, field, frozen

from mcp_trino.errors import StatementRefused
from mcp_trino.settings import GuardSettings
from mcp_trino.statements.allowlist import Allowlist
from mcp_trino.statements.classify import (
    BUILT_IN_TABLE_FUNCTIONS,
    Classified,
    classify,
    explainable,
)
from mcp_trino.statements.inspection import ListedOnly
from mcp_trino.statements.lexer import blanked, following, refusal
from mcp_trino.statements.refusals import CALL_STATEMENT
from mcp_trino.statements.shows import require_shown, stats_query
from mcp_trino.statements.tables import Place
from mcp_trino.statements.writes import HEADS, writing

_QUERY_HEADS = frozenset({"SELECT", "TABLE", "VALUES", "WITH", "("})


@frozen
class Permit:
    """
    How a statement may be run.

    :ivar text: what to send.
    :ivar probe: a query to run before, whose result is nothing to anybody: it
        reads what ``text`` tells about, of which Trino would not say so.
    :ivar inspection: what holds the lists against Trino's word on the probe,
        else on ``text``; ``None`` when there is nothing to ask.
    :ivar lines_before: lines of ``text`` before the first of the caller's; of
        the probe there is one.
    :ivar is_plan: the answer is a plan: one text of many lines.
    :ivar writes: it does not only read.
    """

    text: str = field(repr=False)
    probe: str | None = field(default=None, repr=False)
    inspection: ListedOnly | None = None
    lines_before: int = 0
    is_plan: bool = False
    writes: bool = False


@frozen
class Guard:
    """
    Decides on statements.

    :ivar allowlist: what may be seen.
    :ivar settings: what the operator has decided.
    """

    allowlist: Allowlist
    settings: GuardSettings
    _table_functions: frozenset[tuple[str, ...]] = field(repr=False)

    @classmethod
    def of(cls, settings: GuardSettings) -> "Guard":
        """Give that of the operator's settings."""
        allowlist = Allowlist.of(settings)
        # What such a function reads Trino does not say.
        own = [
            name
            for name in settings.table_functions
            if allowlist.whole_catalog(name[0])
        ]
        functions = frozenset((*BUILT_IN_TABLE_FUNCTIONS, *own))
        return cls(allowlist, settings, functions)

    @property
    def inspection(self) -> ListedOnly | None:
        """The decision on statements that are not known any more, ``None`` for all."""
        return ListedOnly(self.allowlist) if self.allowlist.restricts else None

    def read(self, text: str, place: Place) -> Permit:
        """
        Let a statement be run that only reads.

        :raise StatementRefused: it may do more, or tell what is kept away.
        """
        try:
            classified = classify(text, self._table_functions)
        except StatementRefused as refused:
            if self.settings.allow_writes and following(text, 0).keyword in HEADS:
                raise evolve(refused, message=CALL_STATEMENT) from None
            raise
        permit = Permit(classified.text, is_plan=classified.explained)
        return self._restricted(permit, classified, place)

    def explain(self, text: str, options: str, place: Place) -> Permit:
        """
        Let the plan of a statement be asked for that only reads.

        :param options: of the ``EXPLAIN`` that is written before it, in place of
            the caller's.
        :raise StatementRefused: as ``read``, or asking for it would run it.
        """
        classified = explainable(text, self._table_functions)
        statement = classified.explainee
        permit = Permit(
            f"EXPLAIN ({options})\n{statement}", lines_before=1, is_plan=True
        )
        return self._restricted(permit, classified, place)

    def write(self, text: str, place: Place) -> Permit:
        """
        Let a statement be run that changes something.

        :raise StatementRefused: it does not, or it reads or changes what is kept
            away, or nobody can say.
        """
        written = writing(text, self._table_functions)
        if not self.allowlist.restricts:
            return Permit(written.text, writes=True)
        query = written.query(place, self.allowlist)
        if query is None:
            return Permit(written.text, writes=True)
        return Permit(
            written.text,
            _probe(query),
            ListedOnly(self.allowlist, written.text, place),
            writes=True,
        )

    def _restricted(
        self, permit: Permit, classified: Classified, place: Place
    ) -> Permit:
        """Hold the lists against what Trino's word does not cover."""
        if not self.allowlist.restricts:
            return permit
        text, head = classified.text, classified.head
        if head.keyword in _QUERY_HEADS:
            asked = head.offset if permit.is_plan else None
        else:
            asked = stats_query(text, head)
            if asked is None:
                require_shown(text, head, place, self.allowlist)
                return permit
        inspection = ListedOnly(self.allowlist, text, place)
        if asked is None:
            return evolve(permit, inspection=inspection)
        if classified.defines_routine:
            raise refusal(
                text,
                head.offset,
                "WITH FUNCTION cannot be explained here, where some tables are kept "
                "away. Run it, or leave the function out.",
            )
        probe = _probe(blanked(text, asked))
        return evolve(permit, probe=probe, inspection=inspection)


def _probe(query: str) -> str:
    """Write a query that is about what another one is, and reads nothing of it."""
    return f'WITH "_p" AS (\n{query}\n) SELECT 1'


UNRESTRICTED = Guard.of(GuardSettings())
"""Lets everything be read."""
