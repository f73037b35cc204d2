"""What the endpoints have in common that clients post forms to (RFC 6749, RFC 7009)."""

from collections.abc import Callable, Coroutine
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mcp_trino.errors import AuditUnwritable, Undecidable
from mcp_trino.oauth.parameters import Parameters, Unreadable
from mcp_trino.oauth.refusals import OAuthRefused
from mcp_trino.reply import Reply

_FORM = b"application/x-www-form-urlencoded"
_AWAY_SECONDS = 5

_log = Logger()

Work = Callable[[Parameters, str], Coroutine[Deferred[Any], Any, Reply]]
"""Answers a form of a client, or raises ``OAuthRefused``."""


@frozen
class Away:
    """
    What is said when nobody can decide.

    :ivar event: to the operator, before the reason.
    :ivar advice: to the client.
    """

    event: str
    advice: str


def answer_client(
    work: Work,
    away: Away,
    content_type: bytes | None,
    authorization: bytes | None,
    body: bytes,
) -> Deferred[Reply]:
    """
    Answer a POST.

    :param authorization: the value of that header.
    """
    return Deferred.fromCoroutine(
        _answered(work, away, content_type, authorization, body)
    )


async def _answered(
    work: Work,
    away: Away,
    content_type: bytes | None,
    authorization: bytes | None,
    body: bytes,
) -> Reply:
    try:
        form = read_form(content_type, body)
        return await work(form, client_id_of(form, authorization))
    except OAuthRefused as refused:
        return refused.reply()
    except (Undecidable, AuditUnwritable) as error:
        _log.error("{event}: {error}", event=away.event, error=error)
        return OAuthRefused(
            "temporarily_unavailable",
            away.advice,
            status=503,
            retry_after_seconds=_AWAY_SECONDS,
        ).reply()


def read_form(content_type: bytes | None, body: bytes) -> Parameters:
    """
    Read the form of a request for a client; its query is not looked at.

    :raise OAuthRefused: it is none, or has a parameter twice.
    """
    if (content_type or b"").partition(b";")[0].strip().lower() != _FORM:
        raise OAuthRefused("invalid_request", f"send {_FORM.decode()}")
    try:
        form = Parameters.read(body)
        form.require_single(but={"resource"})
    except Unreadable as error:
        raise OAuthRefused("invalid_request", str(error)) from None
    return form


def client_id_of(form: Parameters, authorization: bytes | None) -> str:
    """
    Give the client that asks; it has no secret, so it only names itself.

    :param authorization: the header; clients that were never given a secret
        have nothing to show in it.
    :raise OAuthRefused: it names none, or shows a secret.
    """
    if authorization is not None:
        raise OAuthRefused(
            "invalid_client",
            "clients of this server have no secret: send client_id in the form",
            status=401,
            basic=authorization[:6].lower() == b"basic ",
        )
    client_id = form.get("client_id")
    if client_id is None:
        raise OAuthRefused("invalid_request", "client_id is missing")
    return client_id
