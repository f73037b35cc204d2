"""
How the text of a setting is read, and the words that tell its range.

A reader gives the value of a text or raises ``ValueError`` with the end of a
sentence that begins with the name of the setting.
"""

import os
import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from attrs import frozen

_TRUE = frozenset(("1", "t", "true", "y", "yes", "on"))
_FALSE = frozenset(("0", "f", "false", "n", "no", "off"))
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\\?#@\s*]+")
_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_STREAMS = ("log", "stderr", "syslog")
_SHOWN_CHARS = 60


@frozen
class Kind:
    """
    What the values of a setting are.

    :ivar read: gives the value of a text without blanks around it.
    :ivar range: which values there are, for people.
    """

    read: Callable[[str], Any]
    range: str


def shown(text: str) -> str:
    """Quote a value for a sentence, cut when it is long."""
    return repr(text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…")


def whole(lowest: int, highest: int) -> Kind:
    """Give the kind of whole numbers from ``lowest`` to ``highest``."""
    said = f"{lowest} to {highest}"

    def read(text: str) -> int:
        if re.fullmatch("[0-9]{1,18}", text) and lowest <= int(text) <= highest:
            return int(text)
        raise ValueError(f"{shown(text)} is not a whole number from {said}")

    return Kind(read, said)


def seconds(lowest: float, highest: float) -> Kind:
    """Give the kind of durations from ``lowest`` to ``highest`` seconds."""
    said = f"{lowest:g} to {highest:g}"

    def read(text: str) -> float:
        number = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text)
        if number and lowest <= float(text) <= highest:
            return float(text)
        raise ValueError(f"{shown(text)} is not a number of seconds from {said}")

    return Kind(read, f"seconds, {said}")


def one_of(*words: str) -> Kind:
    """Give the kind of a choice between words, written in any case."""
    said = " or ".join((", ".join(words[:-1]), words[-1])) if words[1:] else words[0]

    def read(text: str) -> str:
        if text.lower() in words:
            return text.lower()
        raise ValueError(f"{shown(text)} is not {said}")

    return Kind(read, said)


def list_of(kind: Kind, parted_by: str = r",\s") -> Kind:
    """
    Give the kind of lists, their members parted by commas or blanks.

    :param parted_by: the characters that do it, as in a regular expression.
    """

    def read(text: str) -> tuple[Any, ...]:
        members = (member.strip() for member in re.split(f"[{parted_by}]+", text))
        return tuple(kind.read(member) for member in members if member)

    return Kind(read, f"list of {kind.range}")


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"{shown(text)} is neither true nor false")


def _port(text: str) -> Any:
    if _SERVICE_LINK.match(text):
        raise ValueError(
            f"{shown(text)} is a service link that Kubernetes made: put "
            "enableServiceLinks: false into the pod's spec, or set the port there"
        )
    return whole(1, 65535).read(text)


def _words(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a control character is in it")
    return text


def _host(text: str) -> str:
    try:
        return str(ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        if _HOST_NAME.fullmatch(text):
            return text.lower()
    raise ValueError(
        f"{shown(text)} is not the name or the address of a host "
        "(without scheme, port and path)"
    )


def in_url(host: str) -> str:
    """Give a host as it stands in a URL and in a ``Host`` header."""
    return f"[{host}]" if ":" in host else host


def _host_and_port(text: str) -> str:
    try:
        return in_url(_host(text))
    except ValueError:
        host, colon, port = text.rpartition(":")
        if not colon:
            raise
    return f"{in_url(_host(host))}:{_port(port)}"


def origin_of(scheme: str, host: str, port: int) -> str:
    """Give the origin (RFC 6454) of a server, without the scheme's own port."""
    own = _DEFAULT_PORTS.get(scheme) == port
    return f"{scheme}://{in_url(host)}" + ("" if own else f":{port}")


def _public_url(text: str) -> str:
    try:
        parts: SplitResult = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"{shown(text)} is not a URL") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{shown(text)} is not an http or https URL")
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in text:
        raise ValueError(
            f"{shown(text)} has more than scheme, host and port: "
            "this server lives at the root of its host"
        )
    host = _host(parts.hostname)
    return origin_of(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme])


def _origin(text: str) -> str:
    if _ORIGIN.fullmatch(text.lower()):
        return text.lower()
    raise ValueError(
        f"{shown(text)} is not an origin, such as https://inspector.example.com"
    )


def _file(text: str) -> Path:
    path = Path(text).absolute()
    try:
        with path.open("rb") as opened:
            opened.read(1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{shown(text)} cannot be read: {reason}") from None
    return path


def _binding(text: str) -> str:
    kind, colon, rest = text.partition(":")
    if kind in ("ssl", "tls"):
        raise ValueError(
            f"{shown(text)}: write tcp, and give HTTPS_CERT_FILE and HTTPS_KEY_FILE"
        )
    try:
        return str(ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        if text == "localhost" or (colon and kind.isidentifier() and rest):
            return text
    raise ValueError(
        f"{shown(text)} is neither an IP address nor an endpoint such as tcp:8080 "
        "or unix:/run/mcp-trino.sock"
    )


def _destination(text: str) -> str:
    if text.lower() in _STREAMS:
        return text.lower()
    path = Path(text).absolute()
    if os.sep not in text:
        raise ValueError(
            f"{shown(text)} is not log, stderr or syslog, nor the path of a file"
        )
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"{shown(text)} cannot be written")
    return str(path)


BOOLEAN = Kind(_boolean, "true or false")
PORT = Kind(_port, "1 to 65535")
TEXT = Kind(_words, "text")
WORD = Kind(str.lower, "word")
HOST = Kind(_host, "host name or address")
HOST_AND_PORT = Kind(_host_and_port, "host name or address, with or without a port")
PUBLIC_URL = Kind(_public_url, "http or https URL without a path")
ORIGIN = Kind(_origin, "origin")
FILE = Kind(_file, "readable file")
DESTINATION = Kind(_destination, "log, stderr, syslog or a path")
BINDING = Kind(_binding, "IP address or Twisted endpoint")
