"""Which catalogs, schemas and tables may be seen here: the one decision on names."""

import hashlib
import re
from collections.abc import Iterable

from attrs import field, frozen

from mcp_trino.settings import GuardSettings


def _compiled(
    lists: Iterable[Iterable[Iterable[str]]],
) -> tuple[tuple[tuple[re.Pattern[str], ...], ...], ...]:
    return tuple(
        tuple(tuple(map(re.compile, name)) for name in names) for names in lists
    )


@frozen
class Allowlist:
    """
    The operator's lists: what each of those that are set names may be seen.

    All names are given in lower case, as Trino resolves them, a quoted one too.
    A table that is hidden behind another, such as ``orders$files``, is a table
    of its own.

    :ivar lists: names, each a tuple of regular expressions, one a part.
    """

    lists: tuple[tuple[tuple[re.Pattern[str], ...], ...], ...] = field(
        default=(), converter=_compiled, repr=False
    )

    @classmethod
    def of(cls, settings: GuardSettings) -> "Allowlist":
        """Give that of the operator's settings."""
        lists = (
            settings.allowed_catalogs,
            settings.allowed_schemas,
            settings.allowed_tables,
        )
        return cls(names for names in lists if names is not None)

    @property
    def restricts(self) -> bool:
        """Whether anything is kept away."""
        return bool(self.lists)

    @property
    def mark(self) -> str:
        """A text that differs where the lists differ; empty without lists."""
        if not self.restricts:
            return ""
        written = repr(
            [[[p.pattern for p in name] for name in names] for names in self.lists]
        )
        return hashlib.sha256(written.encode()).hexdigest()[:16]

    def catalog(self, catalog: str) -> bool:
        """Say whether anything in a catalog may be seen, and so its name."""
        return self.has(catalog)

    def schema(self, catalog: str, schema: str) -> bool:
        """Say whether anything in a schema may be seen, and so its name."""
        return self.has(catalog, schema)

    def table(self, catalog: str, schema: str, table: str) -> bool:
        """Say whether a table or view may be read; a view with all that it reads."""
        return self.has(catalog, schema, table)

    def whole_catalog(self, catalog: str) -> bool:
        """Say whether everything in a catalog may be seen, its functions too."""
        only_catalogs = all(len(name) == 1 for names in self.lists for name in names)
        return only_catalogs and self.has(catalog)

    def has(self, *names: str) -> bool:
        """
        Hold names against the lists, as far as both go.

        :param names: the parts of one name, catalog first; none is on every list.
        """
        return all(
            any(
                all(
                    part.fullmatch(name)
                    for part, name in zip(listed, names, strict=False)
                )
                for listed in entries
            )
            for entries in self.lists
        )
