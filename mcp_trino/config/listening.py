"""Where the server listens: what the members of ``MCP_BIND`` come to."""

import re
from ipaddress import ip_address

from attrs import frozen
from twisted.internet.endpoints import quoteStringArgument

# Of Twisted's own 50 the 51st of many clients that come at once waits a second
# for its second attempt.
_BACKLOG = 1024


@frozen
class Listening:
    """
    One place to listen at.

    :ivar endpoint: the Twisted server endpoint string.
    :ivar host: the address that is bound, ``None`` when that is not known here.
    :ivar port: the port that is bound, ``None`` when that is not known here.
    """

    endpoint: str
    host: str | None = None
    port: int | None = None

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can reach it."""
        if self.host is not None:
            return ip_address(self.host).is_loopback
        return re.match("unix:|systemd:domain=UNIX:", self.endpoint) is not None


def listening(binding: str, port: int) -> Listening:
    """
    Read a member of ``MCP_BIND``.

    :param binding: an IP address, ``localhost`` or an endpoint string.
    :param port: the port to bind when the member names none.
    """
    host = "127.0.0.1" if binding == "localhost" else binding
    try:
        ip_address(host)
    except ValueError:
        return _endpoint(binding)
    quoted = quoteStringArgument(host)
    endpoint = f"tcp:{port}:interface={quoted}:backlog={_BACKLOG}"
    return Listening(endpoint, host, port)


def _endpoint(text: str) -> Listening:
    kind, *arguments = (
        re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\):", text)
    )
    named = dict(part.split("=", 1) for part in arguments if "=" in part)
    positional = [part for part in arguments if "=" not in part]
    port = named.get("port", positional[0] if positional else "")
    anywhere = {"tcp": "0.0.0.0", "tcp6": "::"}.get(kind)  # noqa: S104  # compared, not bound
    if anywhere is None or not port.isdecimal():
        return Listening(text)
    host = named.get("interface", "".join(positional[1:2])) or anywhere
    try:
        return Listening(text, str(ip_address(host)), int(port))
    except ValueError:
        return Listening(text, None, int(port))
