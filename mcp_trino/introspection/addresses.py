"""Which addresses of a provider may be asked."""

from urllib.parse import urlsplit

from mcp_trino.settings import LOOPBACK_NAMES

_MAX_CHARS = 2048
_URL_CHARS = frozenset(map(chr, range(0x21, 0x7F))) - frozenset('"<>\\^`{|}')


def is_provider_url(url: object) -> bool:
    """
    Whether it is ``https``, or ``http`` on loopback, without user or fragment.

    RFC 8414 section 2 and OpenID Connect Discovery section 3 ask for ``https``;
    a provider on this machine is for tests and for the sandbox.
    """
    if not isinstance(url, str) or len(url) > _MAX_CHARS or set(url) - _URL_CHARS:
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or "#" in url:
        return False
    name = f"[{host}]" if ":" in host else host
    return parts.scheme == "https" or (
        parts.scheme == "http" and name in LOOPBACK_NAMES
    )
