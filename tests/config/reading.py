"""How these tests read settings."""

from mcp_trino.config.parse import read_settings
from mcp_trino.errors import ConfigurationError
from mcp_trino.settings import Settings, Transport


def served(**environ: str) -> Settings:
    """Give the settings of a server by HTTP that has that environment."""
    settings, _ = read_settings({}, environ, None, Transport.HTTP)
    return settings


def warnings(**environ: str) -> tuple[str, ...]:
    """Give the warnings about that environment."""
    _, sentences = read_settings({}, environ, None, Transport.HTTP)
    return sentences


def problems(
    options: dict[str, str] | None = None,
    environ: dict[str, str] | None = None,
    config: str | None = None,
    transport: Transport = Transport.HTTP,
) -> tuple[str, ...]:
    """Give what is wrong with these settings, nothing if they can be read."""
    try:
        read_settings(options or {}, environ or {}, config, transport)
    except ConfigurationError as error:
        return error.problems
    return ()
