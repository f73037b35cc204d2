"""
The nearest real names for one that Trino does not know.

Asked as the person herself, so that Trino names only what she may see.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mcp_trino.errors import StatementFailed
from mcp_trino.interfaces import ICoordinator
from mcp_trino.principal import Principal
from mcp_trino.queries import Statement, Window
from mcp_trino.statements.allowlist import Allowlist
from mcp_trino.statements.names import written
from mcp_trino.tools.failures import FORESEEN
from mcp_trino.tools.functions import BUILT_IN_FUNCTIONS
from mcp_trino.tools.kept import Kept
from mcp_trino.tools.unknown import FUNCTIONS, Unknown, unknown_name

_SECONDS = 2.0
_SHOWN = 3
_MOST_NAMES = 500
_MOST_BYTES = 1_000_000
_LEARN_SECONDS = 20.0
_MOST_FUNCTIONS = 10_000
_FUNCTIONS_SECONDS = 3600.0
_MOST_IDENTITIES = 200
_Identity = tuple[str, str | None]


@define(eq=False)
class Suggestions:
    """
    Finds them with at most one quick query that somebody waits for.

    Functions are asked for beside the first error about one, since that takes
    Trino seconds; until then the built-in ones are known.

    :ivar clock: bounds what is waited for and how long it is known.
    """

    _log = Logger()

    _coordinator: ICoordinator = field(repr=False)
    clock: IReactorTime = field(repr=False)
    _allowlist: Allowlist = field(default=Allowlist(), repr=False)
    _functions: Kept[_Identity, frozenset[str]] = field(init=False, repr=False)

    @_functions.default
    def _none_kept(self) -> Kept[_Identity, frozenset[str]]:
        return Kept(self.clock, _FUNCTIONS_SECONDS, _MOST_IDENTITIES)

    async def nearest(
        self, error: StatementFailed, statement: Statement, principal: Principal
    ) -> str | None:
        """
        Give a sentence with the nearest names, ``None`` when nothing is known
        or cannot be known in time.

        :param statement: the statement that failed with the error.
        """
        unknown = unknown_name(error, statement, self._allowlist)
        if unknown is None:
            return None
        names: Iterable[str] = unknown.names
        if unknown.kind == FUNCTIONS:
            names = self._function_names(principal)
        elif unknown.source is not None:
            page = await self._asked(unknown.source, principal, _SECONDS, _MOST_NAMES)
            names = [name for name in page if self._may_be_seen(unknown, name)]
        near = ", ".join(map(written, _ranked(unknown.name, names)[:_SHOWN]))
        return f"nearest {unknown.kind}: {near}" if near else None

    def _may_be_seen(self, unknown: Unknown, name: str) -> bool:
        allows: dict[str, Callable[..., bool]] = {
            "catalogs": self._allowlist.catalog,
            "schemas": self._allowlist.schema,
            "tables": self._allowlist.table,
        }
        decide = allows.get(unknown.kind)
        return decide is None or decide(*unknown.place, name.lower())

    def _function_names(self, principal: Principal) -> frozenset[str]:
        identity = principal.key, self._coordinator.user_of(principal)
        known = self._functions.get(identity)
        if known is None:
            known = BUILT_IN_FUNCTIONS
            self._functions.put(identity, known)
            learns = Deferred.fromCoroutine(self._learn_functions(principal, identity))
            learns.addErrback(
                lambda failure: self._log.failure("functions", failure=failure)
            )
        return known

    async def _learn_functions(self, principal: Principal, identity: _Identity) -> None:
        names = await self._asked(
            "SHOW FUNCTIONS", principal, _LEARN_SECONDS, _MOST_FUNCTIONS
        )
        if names:
            self._functions.put(identity, BUILT_IN_FUNCTIONS | set(names))

    async def _asked(
        self, source: str, principal: Principal, seconds: float, most: int
    ) -> list[str]:
        statement = Statement(source, None, None, timeout_seconds=seconds)
        window = Window(
            max_rows=most,
            max_bytes=_MOST_BYTES,
            max_cell_chars=200,
            wait_seconds=2 * seconds,
            further=False,
        )
        asked = self._coordinator.execute(statement, principal, window, None)
        try:
            page = await asked.addTimeout(seconds, self.clock)
        except DeferredTimeout:
            return []
        except FORESEEN:
            return []
        return [row[0] for row in page.rows]


def _ranked(wanted: str, names: Iterable[str]) -> list[str]:
    """Put first what has most pairs of letters in common (Sørensen and Dice)."""
    pairs = _pairs(wanted)

    def likeness(name: str) -> float:
        others = _pairs(name)
        return (pairs & others).total() / (pairs.total() + others.total())

    return sorted(sorted(set(names)), key=likeness, reverse=True)


def _pairs(name: str) -> Counter[str]:
    letters = f" {name.lower().replace('_', '')} "
    return Counter(map("".join, pairwise(letters)))
