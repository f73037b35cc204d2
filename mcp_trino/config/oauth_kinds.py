"""How the texts of OAuth's settings are read; see ``mcp_trino.config.kinds``."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from mcp_trino.config.kinds import HOST, Kind, in_url, shown
from mcp_trino.settings import LOOPBACK_NAMES

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]*")
_DANGEROUS = frozenset(
    ("about", "blob", "data", "file", "ftp", "http", "javascript", "vbscript")
)


def is_loopback_url(url: str) -> bool:
    """Whether a URL names this machine itself."""
    return in_url(urlsplit(url).hostname or "") in LOOPBACK_NAMES


def _trusted_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        known = parts.hostname and parts.port != 0
    except ValueError:
        known = None
    if not known or not text.isascii() or re.search(r"[\s\\]", text):
        raise ValueError(f"{shown(text)} is not a URL")
    if "#" in text or "@" in parts.netloc:
        raise ValueError(f"{shown(text)} has a user or a fragment in it")
    if parts.scheme != "https" and not (
        parts.scheme == "http" and is_loopback_url(text)
    ):
        raise ValueError(f"{shown(text)} is not an https URL")
    return text


def _issuer(text: str) -> str:
    if "?" in text:
        raise ValueError(f"{shown(text)} has a query in it (RFC 8414 section 2)")
    return _trusted_url(text)


def _redirect_uri(text: str) -> str:
    scheme, colon, rest = text.partition(":")
    application = scheme.islower() and scheme not in (*_DANGEROUS, "https")
    if colon and rest and application and not re.search(r"[\s#*\\]", rest):
        return text
    return _trusted_url(text)


def _scope(text: str) -> str:
    if _SCOPE.fullmatch(text):
        return text
    raise ValueError(f"{shown(text)} is not a scope (RFC 6749 section 3.3)")


def _host_or_any(text: str) -> str:
    return text if text == "*" else str(HOST.read(text))


def _service(text: str) -> tuple[str, str]:
    client, equals, user = text.rpartition("=")
    if client and equals and user:
        return client, user
    raise ValueError(f"{shown(text)} is not a client id, =, and a Trino user")


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


PROVIDER_URL = Kind(_trusted_url, "https URL")
ISSUER = Kind(_issuer, "https URL, exactly as the issuer writes itself")
REDIRECT_URI = Kind(_redirect_uri, "https or application URI")
SCOPE = Kind(_scope, "scope")
HOST_OR_ANY = Kind(_host_or_any, "host name, or *")
SERVICE = Kind(_service, "client=user")
PATH = Kind(_path, "path")
