"""
Where answers to clients may go: redirect URIs and how they are compared.

OAuth 2.1 and RFC 9700 section 4.1 ask for exact comparison, RFC 8252 section
7.3 for any port on loopback. Claude Code publishes the name ``localhost``, so
the name counts as loopback beside the two addresses.
"""

import re
from urllib.parse import unquote

from attrs import frozen

MAX_CHARS = 1024
_NEVER = tuple(
    f"{scheme}:"
    for scheme in (
        "about", "blob", "data", "file", "ftp", "http", "intent", "javascript",
        "mailto", "vbscript", "view-source", "ws", "wss",
    )
)  # fmt: skip
_URI = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[A-Za-z0-9._:\[\]-]*)"
    r"(?P<path>(?:/(?:[A-Za-z0-9._~!$&'()+,;=:@-]|%[0-9A-Fa-f]{2})*)*)"
    r"(?P<query>\?(?:[A-Za-z0-9._~!$&'()+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
# 1 to 65535
_PORT = (
    r":(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}"
    r"|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
_LOOPBACK = re.compile(
    rf"http://(?P<host>localhost|127\.0\.0\.1|\[::1\])(?:{_PORT})?(?P<rest>[/?].*)?"
)
_HTTPS_AUTHORITY = re.compile(
    r"(?=.{1,253}(?::|$))(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    rf"[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?(?:{_PORT})?"
)


@frozen
class InvalidRedirect(Exception):
    """
    No client may have that redirect URI: answer ``invalid_redirect_uri``.

    :ivar message: why, without the URI.
    :ivar unlisted: it is well-formed, only not one of those that this server
        knows; a client may do with its others.
    """

    message: str
    unlisted: bool = False

    def __str__(self) -> str:
        return self.message


@frozen
class RedirectPolicy:
    """
    Which redirect URIs a client may have, besides those of loopback.

    :ivar exact: whole URIs, of ``https`` or an application's own scheme, in
        which ``{id}`` may stand for one segment.
    :ivar any_https: any ``https`` URI may be had as well.
    """

    exact: tuple[str, ...]
    any_https: bool = False

    def check(self, uri: str, application_type: str = "native") -> None:
        """
        Take a redirect URI or say why not.

        :param application_type: ``web`` may have ``https`` only (OpenID Connect
            Dynamic Client Registration section 2).
        :raise InvalidRedirect: it may not be had.
        """
        _check_form(uri)
        if application_type == "web" and not uri.startswith("https://"):
            raise InvalidRedirect("a web application's redirect URI must be https")
        if is_loopback(uri) or any(_is_entry(entry, uri) for entry in self.exact):
            return
        if uri.startswith(_NEVER):
            raise InvalidRedirect(
                "a redirect URI must be https, or http on localhost, 127.0.0.1 or [::1]"
            )
        if not (self.any_https and uri.startswith("https://")):
            raise InvalidRedirect(
                "a redirect URI is not one of those that this server knows",
                unlisted=True,
            )
        _check_https(uri)


def is_loopback(uri: str) -> bool:
    """Whether a well-formed URI leads to a program on the person's own machine."""
    return _LOOPBACK.fullmatch(uri) is not None


def matches(registered: str, asked: str) -> bool:
    """
    Whether an authorization request may name a redirect URI.

    :param registered: one that was checked when the client registered.
    :return: whether they are the same, but for the port of loopback.
    """
    if registered == asked:
        return True
    ours, theirs = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(asked)
    return bool(ours and theirs and ours.groups() == theirs.groups())


def _check_form(uri: str) -> None:
    parts = _URI.fullmatch(uri) if len(uri) <= MAX_CHARS else None
    if parts is None:
        raise InvalidRedirect(
            "a redirect URI must be a plain absolute URI: ASCII, its scheme in "
            "lower case, with a host, without user, fragment and wildcard"
        )
    decoded = unquote(parts["path"], errors="replace")
    if {".", ".."} & set(decoded.split("/")) or "\\" in decoded:
        raise InvalidRedirect("a redirect URI must not have dot segments")
    if not unquote(uri, errors="replace").isprintable():
        raise InvalidRedirect("a redirect URI must not have control characters")


def _check_https(uri: str) -> None:
    parts = _URI.fullmatch(uri)
    if parts is None or not _HTTPS_AUTHORITY.fullmatch(parts["authority"]):
        raise InvalidRedirect(
            "the host of a redirect URI must be a domain name in lower case"
        )


def _is_entry(entry: str, uri: str) -> bool:
    pattern = re.escape(entry).replace(re.escape("{id}"), "[A-Za-z0-9_-]+")
    return re.fullmatch(pattern, uri) is not None
