"""
Lists of names at Trino, as an operator writes them.

``hive.sales.orders, hive.sales.tmp_*, "My Catalog"."a, b"."c"``: parts are
joined by dots; one in double quotes is taken as it stands, another may have
``*`` and ``?``. These stand for letters, digits, underscores and hyphens only,
so neither for the ``$`` of a hidden table such as ``orders$files`` nor for what
a connector could take for a query, and never for ``system`` as the catalog or the
schema (``iceberg.system.iceberg_tables``) or ``information_schema`` as the
schema, which tell of all others.
"""

import re
from collections.abc import Iterator

from mcp_trino.config.kinds import Kind, shown

_QUOTED = r'"(?:[^"]|"")+"'
_PLAIN = r"""[^\s,."'`;()]+"""
_NAME = re.compile(rf"(?:{_QUOTED}|{_PLAIN})(?:\.(?:{_QUOTED}|{_PLAIN}))*(?=[,\s]|\Z)")
_PART = re.compile(rf"{_QUOTED}|{_PLAIN}")
_SEPARATORS = re.compile(r"[,\s]*")
_WILD = {"*": r"[\w-]*", "?": r"[\w-]"}
_SPARED = (r"(?!system\Z)", r"(?!(?:information_schema|system)\Z)", "")
_LEVELS = ("catalog", "schema", "table")


def patterns_of(parts: int) -> Kind:
    """
    Give the kind of lists of names that have so many parts.

    The value is a tuple of names, each a tuple of regular expressions, one a
    part, for the whole of that part in lower case.
    """
    form = ".".join(_LEVELS[:parts])

    def read(text: str) -> tuple[tuple[str, ...], ...]:
        return tuple(
            tuple(map(_expression, name, _SPARED)) for name in _names(text, form)
        )

    return Kind(read, f"list of {form}, with * and ?")


def _read_functions(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(map(_literal, name)) for name in _names(text, "catalog.schema.function")
    )


FUNCTIONS = Kind(_read_functions, "list of catalog.schema.function")
"""The kind of lists of functions; the value has their parts in lower case."""


def _names(text: str, form: str) -> Iterator[list[str]]:
    """Give the parts of each name of a list, as they are written."""
    offset = _skip(text, 0)
    if offset == len(text):
        raise ValueError("it is a list without a name")
    while offset < len(text):
        found = _NAME.match(text, offset)
        parts = _PART.findall(found[0]) if found else []
        if found is None or len(parts) != form.count(".") + 1:
            wrong = found[0] if found else text[offset:]
            raise ValueError(f"{shown(wrong)} is not a name of the form {form}")
        yield parts
        offset = _skip(text, found.end())


def _skip(text: str, offset: int) -> int:
    return next(_SEPARATORS.finditer(text, offset)).end()


def _literal(part: str) -> str:
    if part.startswith('"'):
        part = part[1:-1].replace('""', '"')
    return part.lower()


def _expression(part: str, spared: str) -> str:
    if part.startswith('"') or not _WILD.keys() & set(part):
        return re.escape(_literal(part))
    letters = (_WILD.get(letter) or re.escape(letter) for letter in part.lower())
    return spared + "".join(letters)
