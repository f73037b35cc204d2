"""Where an authorization response goes: a redirect URI with its answer."""

from urllib.parse import quote, unquote_plus, urlencode

from attrs import field, frozen

_OURS = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})


@frozen
class Redirect:
    """
    Where a browser is sent.

    :ivar set_cookies: values of ``Set-Cookie`` headers.
    """

    uri: str = field(repr=False)
    set_cookies: tuple[bytes, ...] = field(default=(), repr=False)


def response_uri(
    redirect_uri: str, issuer: str, state: str | None, **answer: str
) -> str:
    """
    Give the URI of an authorization response (RFC 6749 section 4.1.2, RFC 9207).

    :param redirect_uri: checked. What its query has is kept byte for byte, but
        for parameters that only an answer may have.
    :param state: what the client sent, given back as it was.
    :param answer: ``code``, or ``error`` and ``error_description``.
    """
    base, mark, query = redirect_uri.partition("?")
    kept = [
        pair
        for pair in query.split("&")
        if mark and unquote_plus(pair.partition("=")[0]) not in _OURS
    ]
    if state is not None:
        answer["state"] = state
    answer["iss"] = issuer
    return f"{base}?{'&'.join([*kept, urlencode(answer, quote_via=quote)])}"
