"""The table of settings for people: the reference page and the command line's help."""

from collections.abc import Iterator

from mcp_trino.config.setting import Setting
from mcp_trino.config.table import ABSENT, SECTIONS

_INTRODUCTION = """\
Settings
========

.. This page is made by "mcp-trino settings"; change mcp_trino/config/table.py.

Each setting can be given as an option of the command line, as an environment
variable or as a key of the ini file that ``--config`` names, in this order of
precedence. The file has one section, ``[mcp-trino]``; its keys are the names
below in lower case, for example ``trino_host``.

A value that cannot be read stops the start, and so does a name in the
environment that is within two letters of one below; all problems are shown at
once. Lists are parted by commas or blanks. Booleans are 1, t, true, y, yes, on
and 0, f, false, n, no, off.

A secret has no option. It may also lie in a file, whose path is then given
under its name with ``_FILE`` behind it, or as a systemd credential, whose name
is that of the setting in lower case.
"""

_DIFFERENCES = """\
Coming from the older server
----------------------------

The names are those of the older mcp-trino, written in Go, which this server can
replace. These mean something else here:

* ``TRINO_SSL_INSECURE`` is false unless set: Trino's certificate is checked.
* ``MCP_BIND`` is loopback unless set, not all interfaces, except where tokens are
  asked for over TLS.
* Booleans that cannot be read stop the start instead of counting as false, and
  so do numbers that cannot be read instead of counting as the default.
* ``TRINO_CATALOG`` and ``TRINO_SCHEMA`` are unset, not ``memory`` and ``default``.
* ``TRINO_MAX_ROWS`` cannot be 0: an answer always has a bound; the rest of a
  result can be read page by page.
* ``TRINO_PASSWORD`` is refused over http.
* OAuth's settings stop the start where ``OAUTH_ENABLED`` is not said at all, and
  so do those that mean nothing with the chosen provider and mode.
* Tokens end (``exp``), have an issuer and a subject, with every provider.
* A Trino that is down does not keep the server from starting.
"""

_ABSENT = """\
Not in this version
-------------------

A value of these that asks for what this version does not do stops the start, so
that nobody relies on what is not there.
"""


def as_rst() -> str:
    """Give the reference page of all settings, as reStructuredText."""
    parts = (_INTRODUCTION, *_sections(), _DIFFERENCES, _ABSENT, *_absent(), "")
    return "\n".join(parts)


def _sections() -> Iterator[str]:
    for title, settings in SECTIONS:
        yield f"{title}\n{'-' * len(title)}\n"
        for setting in settings:
            yield f"``{setting.name}``" + _also(setting)
            meaning = f"{setting.meaning[0].upper()}{setting.meaning[1:]}"
            yield f"    {_escaped(meaning)}."
            values = _escaped(setting.kind.range)
            yield f"    Range: {values}. Default: {_default(setting)}.\n"


def _escaped(text: str) -> str:
    return text.replace("*", r"\*")


def _also(setting: Setting) -> str:
    if setting.secret:
        return f", ``{setting.name}_FILE`` (secret)"
    return f", ``--{setting.option}``" if setting.option else ""


def _default(setting: Setting) -> str:
    return "unset" if setting.default is None else f"``{setting.default}``"


def _absent() -> Iterator[str]:
    for what in dict.fromkeys(setting.what for setting in ABSENT):
        names = ", ".join(f"``{row.name}``" for row in ABSENT if row.what == what)
        yield f"* {what}: {names}"


def help_of(setting: Setting) -> str:
    """Give the help of a setting's option."""
    default = "" if setting.default is None else f"; default {setting.default}"
    return f"{setting.meaning} ({setting.name}: {setting.kind.range}{default})"
