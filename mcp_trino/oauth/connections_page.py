"""The page on which a person sees the clients that she let in, and puts them out."""

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mcp_trino.errors import AuditUnwritable, Undecidable
from mcp_trino.oauth.connections import Connections
from mcp_trino.oauth.consent import Browser
from mcp_trino.oauth.cookies import Cookies, digest
from mcp_trino.oauth.grants import Grant
from mcp_trino.oauth.logins import Logins, Return
from mcp_trino.oauth.parameters import Parameters, Unreadable
from mcp_trino.oauth.refusals import UNDECIDED, Problem
from mcp_trino.oauth.responses import Redirect
from mcp_trino.oauth.sealing import Sealer
from mcp_trino.oauth.upstream import UpstreamRefused

CONNECTIONS_PATH = "/oauth/connections"

_SESSION_SECONDS = 900.0
_SESSION = "session"
_CHOICE = "connection"


@frozen
class Connection:
    """
    One client that a person let in.

    :ivar choice: goes back when she puts it out.
    """

    grant: Grant = field(repr=False)
    choice: str = field(repr=False)


@frozen
class Connected:
    """
    What the page shows.

    :ivar name: of the person, by the provider's word.
    """

    name: str
    connections: tuple[Connection, ...]


@define(eq=False)
class ConnectionsPage:
    """
    Shows a person her own connections for as long as she is known.

    She is known by a sealed cookie for a quarter of an hour after a login. That
    she may no longer enter does not keep her from putting clients out.
    """

    _sealer: Sealer = field(repr=False)
    _cookies: Cookies
    _origin: str
    _connections: Connections = field(repr=False)
    _logins: Logins = field(repr=False)
    _log = Logger()

    def show(self, browser: Browser) -> Deferred[Connected | Redirect]:
        """
        Give her connections, or where she logs in first.

        :raise Problem: for her to read.
        """
        return Deferred.fromCoroutine(self._show(browser))

    def change(self, form: bytes, browser: Browser) -> Deferred[Redirect]:
        """
        Put a client out, or end her visit.

        :raise Problem: for her to read; nothing was changed.
        """
        return Deferred.fromCoroutine(self._change(form, browser))

    async def log_in(self, back: Return) -> Redirect:
        """
        Know a person who came back from the provider.

        :raise Problem: she did not log in.
        :raise Undecidable: nobody can say now.
        """
        refused = Problem(
            403,
            "You are not logged in",
            "The identity provider did not say who you are. Open the page again.",
        )
        if back.error:
            raise refused
        try:
            person, _ = await self._logins.identify(back)
        except UpstreamRefused:
            raise refused from None
        session = {
            "issuer": person.issuer,
            "subject": person.subject,
            "name": person.username or person.email or person.subject,
        }
        sealed = self._sealer.seal(_SESSION, session, _SESSION_SECONDS)
        cookie = self._cookies.set(_SESSION, sealed, _SESSION_SECONDS)
        return Redirect(CONNECTIONS_PATH, (*back.set_cookies, cookie))

    async def _show(self, browser: Browser) -> Connected | Redirect:
        try:
            cookie = browser.cookies.get(_SESSION, "")
            session = self._sealer.open(_SESSION, cookie)
            if session is None:
                return await self._logins.depart({"page": "connections"}, browser)
            grants = await self._connections.of(session["issuer"], session["subject"])
        except Undecidable as error:
            self._log.error("connections cannot be shown: {error}", error=error)
            raise UNDECIDED from None
        return Connected(
            session["name"],
            tuple(Connection(grant, self._choice(grant, cookie)) for grant in grants),
        )

    async def _change(self, form: bytes, browser: Browser) -> Redirect:
        browser.require_sent_by(self._origin)
        try:
            parameters = Parameters.read(form)
            leaving, chosen = parameters.get("leave"), parameters.get("connection")
        except Unreadable as error:
            raise Problem(400, "This form cannot be read", f"{error}.") from None
        if leaving is not None:
            return Redirect("/", (self._cookies.forget(_SESSION),))
        choice = self._sealer.open(_CHOICE, chosen or "")
        mark = digest(browser.cookies.get(_SESSION, ""))
        if choice is None or choice["session"] != mark:
            raise Problem(
                403,
                "This page is too old",
                "Nothing was changed. Open the page of your connections again.",
            )
        try:
            await self._connections.end(choice["grant"], "by the person")
        except (Undecidable, AuditUnwritable) as error:
            self._log.error("a connection cannot be ended: {error}", error=error)
            raise UNDECIDED from None
        return Redirect(CONNECTIONS_PATH)

    def _choice(self, grant: Grant, cookie: str) -> str:
        choice = {"grant": grant.id, "session": digest(cookie)}
        return self._sealer.seal(_CHOICE, choice, _SESSION_SECONDS)
