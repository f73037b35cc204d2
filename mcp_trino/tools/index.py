"""
What a search looks through: the tables of a catalog as one person sees them.

Names, comments and columns are three questions, and a catalog may answer only
some of them, or not in time: what it answered is searched.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import starmap

from attrs import field, frozen

_WORD = re.compile(r"[^\W_]+").findall
_NEVER_STEMMED = 3

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

Row = Sequence[str]


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

    @_all.default
    def _in_lower_case(self) -> str:
        words = (self.schema, self.name, self.comment, self.columns)
        return "\n".join(words).lower()

    @property
    def size(self) -> int:
        """About how many bytes it takes to remember this."""
        return 2 * len(self._all) + 200

    def found(self, words: Sequence[str]) -> "Found | None":
        """Say how well it fits, ``None`` when no word is in it."""
        stems = [_stem(word) for word in words]
        here = [stem for stem in stems if stem in self._all]
        if not here:
            return None
        hits = [
            line.partition("\t")[0]
            for line in self.columns.split("\n")
            if any(stem in line.lower() for stem in here)
        ]
        score = sum(self._worth(stem, hits) for stem in here)
        return Found(self, score * len(here) ** 2, tuple(hits))

    def _worth(self, stem: str, hits: Iterable[str]) -> int:
        name = self.name.lower()
        of_columns = [_stem(word) for hit in hits for word in _WORD(hit.lower())]
        worth = (
            (_IS_NAME, stem == _stem(name)),
            (_IS_WORD_OF_NAME, stem in map(_stem, _WORD(name))),
            (_BEGINS_NAME, name.startswith(stem)),
            (_IS_IN_NAME, stem in name),
            (_IS_WORD_OF_COLUMN, stem in of_columns),
            (_IS_IN_COMMENT, stem in self.comment.lower()),
            (_IS_IN_COLUMN, any(stem in word for word in of_columns)),
            (_IS_IN_SCHEMA, stem in self.schema.lower()),
            (_IS_IN_COLUMN_COMMENT, True),
        )
        return next(points for points, holds in worth if holds)


@frozen
class Found:
    """
    A table that fits.

    :ivar score: how well.
    :ivar columns: the names of those with a word of the search in name or comment.
    """

    table: Table
    score: int
    columns: tuple[str, ...]

    @property
    def order(self) -> tuple[int, int, str, str, str]:
        """The best first; of equal ones the shortest name."""
        table = self.table
        return -self.score, len(table.name), table.catalog, table.schema, table.name


@frozen
class Index:
    """
    The tables of a catalog.

    :ivar missing: what it did not tell: ``comments``, ``columns`` or ``all``.
    """

    tables: tuple[Table, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """About how many bytes it takes to remember this."""
        return 200 + sum(table.size for table in self.tables)


def index_of(
    catalog: str,
    names: Iterable[Row],
    comments: Iterable[Row],
    columns: Iterable[Row],
    missing: tuple[str, ...],
) -> Index:
    """
    Put together what a catalog answered.

    :param names: schema and name of each table that may be seen.
    :param comments: schema, name and comment of those that have one.
    :param columns: schema, name and ``Table.columns``.
    """
    comment = {(schema, name): text for schema, name, text in comments}
    column = {(schema, name): text for schema, name, text in columns}

    def table(schema: str, name: str) -> Table:
        key = schema, name
        return Table(catalog, *key, comment.get(key, ""), column.get(key, ""))

    return Index(tuple(starmap(table, names)), missing)


def words_of(text: str) -> list[str]:
    """Give the words of a search, each once."""
    return list(dict.fromkeys(_WORD(text.lower())))


def search(indexes: Iterable[Index], text: str, schema: str | None) -> list[Found]:
    """
    Give the tables that fit, the best first.

    :param schema: the only one to look in, in lower case; ``None`` for all.
    """
    words = words_of(text)
    found = (
        table.found(words)
        for table in all_tables(indexes)
        if schema is None or table.schema == schema
    )
    return sorted((f for f in found if f is not None), key=lambda f: f.order)


def all_tables(indexes: Iterable[Index]) -> Iterator[Table]:
    """Give the tables of several catalogs."""
    for index in indexes:
        yield from index.tables


def _stem(word: str) -> str:
    """Give a word without the ending of its plural, for "orders" and "order"."""
    return word.rstrip("s") if len(word) > _NEVER_STEMMED else word
