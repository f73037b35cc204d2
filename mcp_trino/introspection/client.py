"""
The web process's side of the wire: questions to the introspection worker.

HTTP/1.1 over a UNIX socket, by RFC 7662 in what it asks. Whatever goes wrong
makes the question undecidable; there is no way from a fault to an answer.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, fail
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.http import OK, SERVICE_UNAVAILABLE
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from mcp_trino.active import Active
from mcp_trino.errors import ConfigurationError, Undecidable
from mcp_trino.interfaces import IIntrospector
from mcp_trino.introspection.bodies import Bytes, read_body
from mcp_trino.introspection.peer import TrustedEndpoint, uid_of
from mcp_trino.introspection.wire import (
    ENDPOINTS,
    IDENTIFY,
    INTROSPECT,
    READY,
    active_from_json,
    endpoints_from_json,
    ready_from_json,
)
from mcp_trino.providers import Endpoints
from mcp_trino.settings import OAuthSettings

_CONNECT_SECONDS = 0.5
_ANSWER_SECONDS = 2.0
_TOTAL_SECONDS = 10.0
_AGAIN_SECONDS = 0.1
_CONNECTIONS = 8
_WAITING = 256
_MAX_ANSWER_BYTES = 256 * 1024
# After that many faults in a row nobody waits for the next one for a moment.
_FAULTS = 5
_REST_SECONDS = 1.0

_FORM = Headers({"Content-Type": ["application/x-www-form-urlencoded"]})

T = TypeVar("T")


@implementer(IIntrospector)
@define(eq=False)
class Introspector:
    """
    Asks the worker.

    At most 8 questions are on their way and 256 wait. The worker has 2 s for each;
    in a crowd that wants to come in at once, one waits for its turn for longer, 10 s
    in all, unless the worker has failed meanwhile.

    :ivar heard_at: when the worker last answered anything, whatever it was, in
        seconds of the clock.
    """

    _agent: IAgent = field(repr=False)
    _pool: HTTPConnectionPool = field(repr=False)
    _settings: OAuthSettings = field(repr=False)
    _clock: IReactorTime = field(repr=False)
    _now: Callable[[], float] = field(repr=False)
    _places: DeferredSemaphore = field(
        factory=lambda: DeferredSemaphore(_CONNECTIONS), init=False, repr=False
    )
    heard_at: float = field(default=0.0, init=False)
    _faults: int = field(default=0, init=False)
    _resting_until: float = field(default=0.0, init=False)
    _log = Logger()

    def introspect(self, token: str) -> Deferred[Active | None]:
        """See ``IIntrospector``."""
        return self._ask(INTROSPECT, self._read_active, {"token": token})

    def identify(self, id_token: str, nonce: str) -> Deferred[Active | None]:
        """See ``IIntrospector``."""
        form = {"token": id_token, "nonce": nonce}
        return self._ask(IDENTIFY, self._read_identity, form)

    def endpoints(self) -> Deferred[Endpoints]:
        """See ``IIntrospector``."""
        return self._ask(ENDPOINTS, endpoints_from_json)

    def ready(self) -> Deferred[str | None]:
        """
        Ask whether tokens can be judged; it does not fail.

        :return: the state of the keys they are judged by, ``None`` when nobody
            can say.
        """
        asking = self._ask(READY, ready_from_json)
        return asking.addErrback(lambda _: None)

    def close(self) -> Deferred[Any]:
        """Close the connections that wait for a next question."""
        closed: Deferred[Any] = self._pool.closeCachedConnections()
        return closed

    def _ask(
        self,
        path: bytes,
        read: Callable[[bytes], T],
        form: Mapping[str, str] | None = None,
    ) -> Deferred[T]:
        if len(self._places.waiting) >= _WAITING:
            return fail(_crowded())
        asking = Deferred.fromCoroutine(self._in_turn(path, read, form))
        return asking.addTimeout(_TOTAL_SECONDS, self._clock, _too_late)

    async def _in_turn(
        self, path: bytes, read: Callable[[bytes], T], form: Mapping[str, str] | None
    ) -> T:
        if self._clock.seconds() < self._resting_until:
            raise _failing()
        try:
            await self._places.acquire()
        except CancelledError:
            raise _failing() from None
        try:
            answer = Deferred.fromCoroutine(self._answer(path, read, form))
            answer.addTimeout(_ANSWER_SECONDS, self._clock)
            # A fault has to count before the next question has its turn.
            return await answer.addCallbacks(self._succeeded, self._failed)
        finally:
            self._places.release()

    async def _answer(
        self, path: bytes, read: Callable[[bytes], T], form: Mapping[str, str] | None
    ) -> T:
        try:
            status, body = await self._exchange(path, form)
        except ConnectError:
            await deferLater(self._clock, _AGAIN_SECONDS)
            status, body = await self._exchange(path, form)
        if status == SERVICE_UNAVAILABLE:
            raise Undecidable("the introspection worker cannot say it now")
        if status != OK:
            raise ValueError(f"the introspection worker answered {status}")
        return read(body)

    async def _exchange(
        self, path: bytes, form: Mapping[str, str] | None
    ) -> tuple[int, bytes]:
        uri = b"http://introspection" + path
        if form is None:
            response = await self._agent.request(b"GET", uri)
        else:
            body = Bytes(urlencode(form).encode())
            response = await self._agent.request(b"POST", uri, _FORM, body)
        self.heard_at = self._clock.seconds()
        return response.code, await read_body(response, _MAX_ANSWER_BYTES)

    def _read_active(self, body: bytes) -> Active | None:
        settings = self._settings
        allowed = {*settings.audiences, *settings.worker.resources}
        return self._believed(active_from_json(body), settings.issuer, allowed)

    def _read_identity(self, body: bytes) -> Active | None:
        worker = self._settings.worker
        allowed = set(worker.audiences)
        return self._believed(active_from_json(body), worker.issuer, allowed)

    def _believed(
        self, active: Active | None, issuer: str, audiences: set[str]
    ) -> Active | None:
        """Check again what a worker in its right mind has checked."""
        if active is None:
            return None
        provider = self._settings.provider
        forms = provider.tenant_issuers if provider else ()
        issuers = {issuer, *(f.replace("{tenantid}", active.tenant) for f in forms)}
        if active.issuer not in issuers:
            raise ValueError("the introspection worker took a token of another issuer")
        if not audiences.intersection(active.audiences):
            raise ValueError("the introspection worker took a token for somebody else")
        if active.expires_at + self._settings.worker.leeway_seconds <= self._now():
            raise ValueError("the introspection worker took a token that has ended")
        return active

    def _succeeded(self, answer: T) -> T:
        if self._faults:
            self._log.info("the introspection worker answers again")
        self._faults = 0
        return answer

    def _failed(self, failure: Failure) -> Failure:
        if failure.check(Undecidable):
            return failure
        self._faults += 1
        reason = f"{type(failure.value).__name__}: {failure.value}"
        if self._faults == 1:
            self._log.error(
                "the introspection worker does not answer: {reason}", reason=reason
            )
        if self._faults >= _FAULTS:
            self._resting_until = self._clock.seconds() + _REST_SECONDS
            for waiting in tuple(self._places.waiting):
                waiting.cancel()
        return Failure(Undecidable(reason))


def _failing() -> Undecidable:
    return Undecidable("the introspection worker has failed repeatedly")


def _crowded() -> Undecidable:
    return Undecidable("too many tokens wait for the introspection worker")


def _too_late(result: Any, _: float) -> Any:
    return Failure(_crowded()) if isinstance(result, Failure) else result


@implementer(IAgentEndpointFactory)
@frozen
class _OneEndpoint:
    _endpoint: IStreamClientEndpoint

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Give the one there is, whatever is asked for."""
        del uri
        return self._endpoint


def make_introspector(
    reactor: Any, settings: OAuthSettings, path: Path, now: Callable[[], float]
) -> Introspector:
    """
    Give who asks the worker that listens at a socket.

    :param path: the socket.
    :param now: seconds since the epoch.
    :raise ConfigurationError: the user who has to listen there is unknown.
    """
    try:
        user = settings.introspection_user
        named = uid_of(user) if user else None
    except ValueError as error:
        raise ConfigurationError((f"OAUTH_INTROSPECTION_USER: {error}",)) from None

    def trusted(uid: int | None) -> bool:
        # Not sooner: twistd becomes another user after all has been made.
        return uid in ({0, os.geteuid(), None} if named is None else {named})

    socket = UNIXClientEndpoint(reactor, str(path), timeout=_CONNECT_SECONDS)
    endpoint = TrustedEndpoint(socket, trusted)
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = _CONNECTIONS
    pool.retryAutomatically = False
    agent = Agent.usingEndpointFactory(reactor, _OneEndpoint(endpoint), pool)
    return Introspector(agent, pool, settings, reactor, now)
