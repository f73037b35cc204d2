"""
What a search looks through: the tables of a catalog as one person sees them.

Names, comments and columns are three questions, and a catalog may answer only
some of them, or not in time: what it answered is searched.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from attrs import field, frozen

_WORD = re.compile(r"[^\W_]+").findall
_LONG = 3

# A word of the search that ... is worth:
_IS_NAME = 60
_IS_WORD_OF_NAME = 40
_BEGINS_NAME = 30
_IS_IN_NAME = 20
_IS_WORD_OF_COLUMN = 12
_IS_IN_COMMENT = 10
_IS_IN_COLUMN = 6
_IS_IN_SCHEMA = 5
_IS_IN_COLUMN_COMMENT = 3


@frozen
class Table:
    """
    A table or view.

    :ivar columns: a line for each: its name, and after a tab its comment.
    """

    catalog: str
    schema: str
    name: str
    comment: str = ""
    columns: str = field(default="", repr=False)
    _all: str = field(init=False, repr=False, eq=False)
    _names: str = field(init=False, repr=False, eq=False)

    @_all.default
    def _in_lower_case(self) -> str:
        words = (self.schema, self.name, self.comment, self.columns)
        return "\n".join(words).lower()

    @_names.default
    def _words_of_column_names(self) -> str:
        names = (line.partition("\t")[0] for line in self.columns.split("\n"))
        return _spaced(" ".join(names))

    @property
    def size(self) -> int:
        """About how many bytes it takes to remember this."""
        return 2 * len(self._all) + len(self._names) + 300

    def score(self, stems: Sequence[str]) -> int:
        """
        Say how well it fits, 0 when nothing of the search is in it.

        :param stems: of ``stems_of``.
        """
        here = [stem for stem in stems if stem in self._all]
        if not here:
            return 0
        name = self.name.lower()
        words = _spaced(name)
        # More words that fit count more than one that fits well.
        return len(here) ** 2 * sum(self._worth(stem, name, words) for stem in here)

    def _worth(self, stem: str, name: str, words: str) -> int:
        if stem in name:
            if _has_word(f" {name} ", stem):
                return _IS_NAME
            if _has_word(words, stem):
                return _IS_WORD_OF_NAME
            return _BEGINS_NAME if name.startswith(stem) else _IS_IN_NAME
        worth = (
            (_IS_WORD_OF_COLUMN, _has_word(self._names, stem)),
            (_IS_IN_COMMENT, stem in self.comment.lower()),
            (_IS_IN_COLUMN, stem in self._names),
            (_IS_IN_SCHEMA, stem in self.schema.lower()),
            (_IS_IN_COLUMN_COMMENT, True),
        )
        return next(points for points, holds in worth if holds)

    def matching_columns(self, stems: Sequence[str]) -> list[str]:
        """Give the names of the columns with a word in name or comment."""
        return [
            line.partition("\t")[0]
            for line in self.columns.split("\n")
            if any(stem in line.lower() for stem in stems)
        ]


@frozen
class Index:
    """
    The tables of a catalog.

    :ivar missing: what it did not tell: ``comments``, ``columns``, the ``rest`` of
        its tables or ``all``.
    """

    tables: tuple[Table, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """About how many bytes it takes to remember this."""
        return 200 + sum(table.size for table in self.tables)


@frozen
class Told:
    """
    What a catalog told besides the names of its tables.

    :ivar comments: by schema and name, of those that have one.
    :ivar columns: ``Table.columns`` by schema and name.
    """

    catalog: str
    comments: Mapping[tuple[str, str], str]
    columns: Mapping[tuple[str, str], str]

    def tables(self, names: Iterable[tuple[str, str]]) -> list[Table]:
        """
        Put together what is known of tables.

        :param names: schema and name of each.
        """
        return [
            Table(
                self.catalog,
                *name,
                self.comments.get(name, ""),
                self.columns.get(name, ""),
            )
            for name in names
        ]


def stems_of(text: str) -> list[str]:
    """
    Give what to look for: the words of a search without endings of plurals.

    Words of one or two letters are left out where there are longer ones.
    """
    words = _WORD(text.lower())
    long = [word for word in words if len(word) >= _LONG]
    stems = (word.rstrip("s") if word in long else word for word in long or words)
    return list(dict.fromkeys(stem for stem in stems if stem))


Scored = tuple[int, int, str, str, str, Table]
"""A table with what it is put in order by: the best first, the shortest name first."""


def scored(
    stems: Sequence[str], schema: str | None, tables: Iterable[Table]
) -> list[Scored]:
    """
    Give the tables that fit.

    :param stems: of ``stems_of``.
    :param schema: the only one to look in, in lower case; ``None`` for all.
    """
    return [
        (-score, len(table.name), table.catalog, table.schema, table.name, table)
        for table in tables
        if (schema is None or table.schema == schema) and (score := table.score(stems))
    ]


def in_order(found: Iterable[Scored]) -> list[Table]:
    """Give the best first."""
    return [table for *_, table in sorted(found, key=itemgetter(slice(5)))]


def _spaced(names: str) -> str:
    """Give the words of names, in lower case, with a blank around each."""
    blanks = names.lower().replace("_", " ").replace("-", " ").replace(".", " ")
    return f" {blanks} "


def _has_word(spaced: str, stem: str) -> bool:
    return f" {stem} " in spaced or f" {stem}s " in spaced
