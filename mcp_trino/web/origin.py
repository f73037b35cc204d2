"""
Which ``Host`` and ``Origin`` a request may carry.

This is the protection against DNS rebinding that the Model Context Protocol
asks of Streamable HTTP servers; ``Origin`` is that of RFC 6454.
"""

import re

from attrs import frozen

from mcp_trino.settings import LOOPBACK_NAMES, WebSettings

_HOST = re.compile(
    r"(?P<name>\[[0-9a-f:.]+\]|[^\s:/?#@\[\]\\]+)(:(?P<port>[0-9]{1,5}))?", re.ASCII
)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[^/?#@]+)", re.ASCII)


@frozen
class NameRules:
    """
    The names that this server answers to, and the web pages that may call it.

    :ivar hosts: names, in lower case; with a port only that port is meant.
    :ivar origins: origins besides those of ``hosts``.
    :ivar plain: pages loaded by plain ``http`` from ``hosts`` are trusted too,
        because the server itself is reached that way.
    """

    hosts: frozenset[str]
    origins: frozenset[str]
    plain: bool

    def host_allowed(self, host: str, *, local: bool) -> bool:
        """
        Say whether a request may be meant for this server.

        :param host: the value of the ``Host`` header.
        :param local: the connection was made to a loopback address; only such
            a one may name it.
        """
        match = _HOST.fullmatch(host.lower())
        if match is None:
            return False
        name = match["name"]
        if local and name in LOOPBACK_NAMES:
            return True
        return name in self.hosts or match[0] in self.hosts

    def origin_allowed(self, origin: str, host: str, *, local: bool) -> bool:
        """
        Say whether a page of that origin may call.

        A page from this machine may call a server that is itself called by a
        loopback name, not one that a proxy of this machine shows to the world.

        :param origin: the value of the ``Origin`` header.
        :param host: an allowed value of the ``Host`` header.
        :param local: as for ``host_allowed``.
        """
        origin = origin.lower()
        if origin in self.origins:
            return True
        match = _ORIGIN.fullmatch(origin)
        if match is None:
            return False
        if _is_loopback_name(match["host"]):
            return self.host_allowed(
                match["host"], local=local and _is_loopback_name(host)
            )
        secure = match["scheme"] == "https" or self.plain
        return secure and self.host_allowed(match["host"], local=False)


def _is_loopback_name(host: str) -> bool:
    match = _HOST.fullmatch(host.lower())
    return match is not None and match["name"] in LOOPBACK_NAMES


def name_rules(settings: WebSettings) -> NameRules:
    """Take the rules from the settings."""
    return NameRules(
        hosts=frozenset(name.lower() for name in settings.allowed_hosts),
        origins=frozenset(origin.lower() for origin in settings.allowed_origins),
        plain=settings.public_url.startswith("http://"),
    )
