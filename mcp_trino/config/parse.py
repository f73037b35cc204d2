"""From the texts of the settings to one frozen tree, or to all that is wrong."""

from collections.abc import Mapping
from typing import Any

from mcp_trino.config.chosen import Chosen
from mcp_trino.config.rules import make_settings, problems, warnings
from mcp_trino.config.setting import Absent, Setting
from mcp_trino.config.sources import Sources, find
from mcp_trino.config.table import ALL
from mcp_trino.errors import ConfigurationError
from mcp_trino.settings import Settings, Transport


def read_settings(
    options: Mapping[str, str],
    environ: Mapping[str, str],
    config: str | None = None,
    transport: Transport | None = None,
) -> tuple[Settings, tuple[str, ...]]:
    """
    Find out what the operator decided.

    :param options: the texts of the command line, by the name of the setting.
    :param environ: the environment.
    :param config: the path of the ini file, ``None`` for none.
    :param transport: what the command serves, ``None`` to go by the settings.
    :return: the decisions, and sentences for the log about them.
    :raise ConfigurationError: they cannot be read or have no meaning together.
    """
    sources = find(options, environ, config)
    values = {setting.name: _value(setting, sources) for setting in ALL}
    if transport is not None:
        values["MCP_TRANSPORT"] = transport.value
    chosen = Chosen(values, frozenset(sources.given))
    sources.problems.extend(problems(chosen))
    if sources.problems:
        raise ConfigurationError(tuple(sources.problems))
    return make_settings(chosen), (*sources.warnings, *warnings(chosen))


def _value(setting: Setting | Absent, sources: Sources) -> Any:
    default = None if isinstance(setting, Absent) else setting.default
    given = sources.given.get(setting.name)
    if given is not None:
        try:
            return setting.kind.read(given.text)
        except ValueError as error:
            problem = f"it {error}" if setting.secret else error
            sources.problems.append(f"{setting.name}: {problem} ({given.origin})")
    return None if default is None else setting.kind.read(default)
