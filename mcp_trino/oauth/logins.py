"""Sending a person to the identity provider, and knowing her when she returns."""

from secrets import token_urlsafe
from typing import Any

from attrs import define, field, frozen

from mcp_trino.active import Active
from mcp_trino.interfaces import IIntrospector
from mcp_trino.oauth.consent import Browser
from mcp_trino.oauth.cookies import Binding, Cookies, bind, digest
from mcp_trino.oauth.parameters import Parameters, Unreadable
from mcp_trino.oauth.people import People
from mcp_trino.oauth.rates import Allowance, network_of
from mcp_trino.oauth.records import Record, Records
from mcp_trino.oauth.refusals import Problem
from mcp_trino.oauth.responses import Redirect
from mcp_trino.oauth.upstream import Tokens, Upstream

LOGIN_SECONDS = 600.0
"""How long a person may take at the provider."""

_KIND = "login"
_SECRET_BYTES = 32
_MAX_STATE_CHARS = 100

_AGAIN = "Start the login again in your application."
_UNKNOWN = Problem(
    400,
    "This login is over",
    f"It was used already, took longer than ten minutes, or never began here. {_AGAIN}",
)
_OTHER_BROWSER = Problem(
    403,
    "This login began in another browser",
    "Somebody may have sent you a link to a login of their own. Close this page; "
    "if it was you, start the login again in your application.",
)
_UNREADABLE = Problem(
    400,
    "The identity provider's answer cannot be read",
    _AGAIN,
)
_TOO_MANY = Problem(
    429,
    "Too many logins",
    "Very many logins began in your network within a minute. Wait a moment and try "
    "again.",
)
_OTHER_PROVIDER = Problem(
    400,
    "The answer came from another identity provider",
    f"Nothing was done with it. {_AGAIN}",
)


@frozen
class Return:
    """
    A person's browser is back from the provider.

    :ivar task: what she was sent for.
    :ivar error: what the provider says is wrong, empty for a login.
    :ivar code: of the login.
    :ivar set_cookies: values of ``Set-Cookie`` headers.
    """

    task: dict[str, Any]
    error: str
    code: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    set_cookies: tuple[bytes, ...] = field(repr=False)


@define(eq=False)
class Logins:
    """
    The logins under way.

    What is kept of one is in the store, under the digest of its ``state``; half
    of its proof is a cookie of the browser that left. So another's link leads
    nowhere (RFC 9700 section 4.7).

    :ivar allowance: how many may begin in one network.
    """

    _records: Records = field(repr=False)
    _cookies: Cookies
    _upstream: Upstream = field(repr=False)
    _introspector: IIntrospector = field(repr=False)
    _people: People = field(repr=False)
    _allowance: Allowance = field(repr=False)

    async def depart(self, task: dict[str, Any], browser: Browser) -> Redirect:
        """
        Begin a login: give where the provider is and what knows the browser.

        :param task: what for, JSON-ready.
        :raise Problem: too many begin in that network.
        :raise Undecidable: where the provider is, nobody can say now.
        """
        if self._allowance.take(network_of(browser.address)):
            raise _TOO_MANY
        endpoints = await self._introspector.endpoints()
        state, verifier, nonce = (token_urlsafe(_SECRET_BYTES) for _ in range(3))
        binding, cookies = bind("login", browser.cookies, self._cookies, LOGIN_SECONDS)
        kept = {
            "task": task,
            "name": binding.name,
            "digest": binding.digest,
            "verifier": verifier,
            "nonce": nonce,
        }
        await self._records.put(_KIND, digest(state), kept, LOGIN_SECONDS)
        url = self._upstream.login_url(endpoints, state, verifier, nonce)
        return Redirect(url, cookies)

    async def arrive(self, query: bytes, browser: Browser) -> Return:
        """
        Take the provider's answer; each only once.

        :raise Problem: it is none to a login that began in this browser.
        :raise Undecidable: how the provider names itself, nobody can say now.
        """
        try:
            answer = Parameters.read(query)
            answer.require_single()
            state, issuer = answer.get("state"), answer.get("iss")
        except Unreadable:
            raise _UNREADABLE from None
        if state is None or len(state) > _MAX_STATE_CHARS:
            raise _UNKNOWN
        key = digest(state)
        record = await self._records.get(_KIND, key)
        binding = _bound(record, browser)
        await self._require_issuer(issuer)
        record = await self._records.take(_KIND, key)
        if record is None:
            raise _UNKNOWN
        code = answer.get("code") or ""
        error = answer.get("error") or ("" if code else "server_error")
        return Return(
            task=record.payload["task"],
            error=error,
            code=code,
            verifier=record.payload["verifier"],
            nonce=record.payload["nonce"],
            set_cookies=(self._cookies.forget(binding.name),),
        )

    async def identify(self, back: Return) -> tuple[Active, Tokens]:
        """
        Find out who it is.

        :raise UpstreamRefused: nobody whom the provider vouches for.
        :raise Undecidable: nobody can say now.
        """
        return await self._people.log_in(back.code, back.verifier, back.nonce)

    async def _require_issuer(self, issuer: str | None) -> None:
        """Make sure that our provider answers (RFC 9207 section 2.4)."""
        endpoints = await self._introspector.endpoints()
        if issuer is None and not endpoints.sends_issuer:
            return
        if issuer != endpoints.issuer:
            raise _OTHER_PROVIDER


def _bound(record: Record | None, browser: Browser) -> Binding:
    if record is None:
        raise _UNKNOWN
    binding = Binding(record.payload["name"], record.payload["digest"])
    if not binding.holds(browser.cookies):
        raise _OTHER_BROWSER
    return binding
