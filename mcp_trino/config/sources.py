"""
Where the texts of the settings are.

An option of the command line holds before the environment, the environment
before the ini file. A secret may also be the content of a file that NAME_FILE
names or that lies in systemd's ``$CREDENTIALS_DIRECTORY``; of these ways only
one may be taken at a time.
"""

from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as IniError
from pathlib import Path

from attrs import define, field, frozen

from mcp_trino.config.kinds import BOOLEAN
from mcp_trino.config.names import NAMES, is_stray, nearest
from mcp_trino.config.setting import Absent, Setting
from mcp_trino.config.table import ALL

INI_SECTION = "mcp-trino"

_SECRET_BYTES = 65536


@frozen
class Given:
    """A text that was given for a setting, and where: for people to find it."""

    text: str = field(repr=False)
    origin: str


@define(eq=False)
class Sources:
    """
    The texts that were given.

    :ivar given: by the name of the setting, without those that mean "unset".
    :ivar problems: what stops the start, one sentence each.
    :ivar warnings: what an operator should know, one sentence each.
    """

    given: dict[str, Given] = field(factory=dict)
    problems: list[str] = field(factory=list)
    warnings: list[str] = field(factory=list)


def find(
    options: Mapping[str, str], environ: Mapping[str, str], config: str | None
) -> Sources:
    """
    Look everywhere.

    :param options: the texts of the command line, by the name of the setting.
    :param config: the path of the ini file, ``None`` for none.
    """
    sources = Sources()
    if config is not None:
        _read_ini(sources, config)
    _read_environment(sources, environ)
    for name, text in options.items():
        sources.given[name] = Given(text, "the command line")
    directory = environ.get("CREDENTIALS_DIRECTORY")
    for setting in ALL:
        given = sources.given.get(setting.name)
        if given and not given.text and _may_be_empty(setting):
            del sources.given[setting.name]
        if setting.secret:
            _read_secret(sources, setting.name, directory)
    return sources


def _may_be_empty(setting: Setting | Absent) -> bool:
    return setting.kind is not BOOLEAN and (
        isinstance(setting, Absent) or setting.default is None
    )


def _read_ini(sources: Sources, path: str) -> None:
    parser = ConfigParser(interpolation=None, delimiters=("=",), default_section="\0")
    try:
        with Path(path).open(encoding="utf-8") as opened:
            parser.read_file(opened)
    except (OSError, ValueError, IniError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        sources.problems.append(f"{path}: cannot be read: {reason}")
        return
    for section in parser.sections():
        if section != INI_SECTION:
            sources.problems.append(
                f"{path}: the section [{section}] is unknown, "
                f"all settings belong into [{INI_SECTION}]"
            )
            continue
        for key, text in parser.items(section):
            if key.upper() in NAMES:
                sources.given[key.upper()] = Given(text.strip(), path)
            else:
                sources.problems.append(f"{path}: {_unknown(key.upper()).lower()}")


def _read_environment(sources: Sources, environ: Mapping[str, str]) -> None:
    for name, text in sorted(environ.items()):
        if name in NAMES:
            sources.given[name] = Given(text.strip(), "the environment")
        elif is_stray(name):
            near = nearest(name)
            (sources.problems if near else sources.warnings).append(_unknown(name))


def _unknown(name: str) -> str:
    near = nearest(name)
    return f"{name} is not the name of a setting" + (
        f", did you mean {near}?" if near else ""
    )


def _read_secret(sources: Sources, name: str, directory: str | None) -> None:
    file = sources.given.pop(f"{name}_FILE", None)
    ways: dict[str, Path | None] = {name: None} if name in sources.given else {}
    if file and file.text:
        ways[f"{name}_FILE"] = Path(file.text)
    if directory and Path(directory, name.lower()).exists():
        ways["systemd's credentials"] = Path(directory, name.lower())
    if len(ways) > 1:
        sources.problems.append(f"{name} is given twice: by {' and by '.join(ways)}")
        return
    for path in filter(None, ways.values()):
        try:
            with path.open("rb") as opened:
                text = opened.read(_SECRET_BYTES).decode().rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not a text in UTF-8"
            sources.problems.append(f"{name}: {path} cannot be read: {reason}")
        else:
            sources.given[name] = Given(text, str(path))
            if not text:
                sources.problems.append(f"{name}: {path} is empty")
