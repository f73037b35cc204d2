"""The cookies of the pages of the authorization server (RFC 6265bis)."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe

from attrs import frozen

_MAX_OF_A_KIND = 10
_SECRET_BYTES = 32
_PAIR = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([!#-+\--:<-\[\]-~]*)")


@frozen
class Cookies:
    """
    How cookies are named and set.

    With ``https`` they have the prefix ``__Host-``, so that neither a
    sub-domain nor plain ``http`` can set them. ``SameSite=Lax`` lets them come
    along when the provider sends the browser back, and with no foreign form.

    :ivar secure: the public URL is ``https``.
    """

    secure: bool

    def read(self, headers: Sequence[bytes]) -> dict[str, str]:
        """
        Give our cookies of a request by their short names, the oldest first.

        One that comes twice was set by somebody else and is left out.
        """
        found: dict[str, str] = {}
        repeated = set()
        for part in b"; ".join(headers).decode("latin-1").split(";"):
            match = _PAIR.fullmatch(part.strip())
            if match and match[1].startswith(self._prefix):
                name = match[1].removeprefix(self._prefix)
                repeated |= {name} & found.keys()
                found[name] = match[2]
        return {name: value for name, value in found.items() if name not in repeated}

    def set(self, name: str, value: str, ttl_seconds: float) -> bytes:
        """Give the value of a ``Set-Cookie`` header; 0 seconds delete it."""
        attributes = f"Path=/; Max-Age={ttl_seconds:.0f}; HttpOnly; SameSite=Lax"
        secure = "; Secure" if self.secure else ""
        return f"{self._prefix}{name}={value}; {attributes}{secure}".encode("ascii")

    def forget(self, name: str) -> bytes:
        """Give the value of a ``Set-Cookie`` header that deletes a cookie."""
        return self.set(name, "", 0)

    @property
    def _prefix(self) -> str:
        return "__Host-mcp-trino-" if self.secure else "mcp-trino-"


@frozen
class Binding:
    """
    Ties what a browser was sent to that browser: half is in a cookie.

    :ivar name: of the cookie, short; several tabs have several.
    :ivar digest: of its value, to be kept with what is bound.
    """

    name: str
    digest: str

    def holds(self, cookies: Mapping[str, str]) -> bool:
        """Whether the browser with these cookies is the one."""
        value = cookies.get(self.name)
        return value is not None and compare_digest(digest(value), self.digest)


def bind(
    kind: str, cookies: Mapping[str, str], setting: Cookies, ttl_seconds: float
) -> tuple[Binding, tuple[bytes, ...]]:
    """
    Bind something to a browser.

    :param kind: what it is, a word.
    :param cookies: those of the request: too many of the kind are deleted.
    :return: the binding, and values of ``Set-Cookie`` headers.
    """
    value = token_urlsafe(_SECRET_BYTES)
    name = f"{kind}-{digest(value)[:8]}"
    old = [other for other in cookies if other.startswith(f"{kind}-")]
    surplus = old[: max(0, len(old) - _MAX_OF_A_KIND + 1)]
    return (
        Binding(name, digest(value)),
        (
            setting.set(name, value, ttl_seconds),
            *(setting.forget(other) for other in surplus),
        ),
    )


def digest(secret: str) -> str:
    """Give what may be kept of a secret that comes back."""
    return sha256(secret.encode()).hexdigest()
