"""Whether the identity provider is what the settings say."""

from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

from twisted.internet.interfaces import IReactorTime

from mcp_trino.doctor.finding import Finding, bad, doubtful, fine
from mcp_trino.errors import Undecidable
from mcp_trino.introspection.discovery import Documents
from mcp_trino.introspection.fetching import Ask, Fetch
from mcp_trino.providers import TokenKind
from mcp_trino.settings import OAuthSettings

_SUBJECT = "provider"
_CLOCK = "clock"
_KEYS = "keys"
_MAX_BYTES = 262144


async def examine_provider(
    settings: OAuthSettings, fetch: Fetch, clock: IReactorTime
) -> AsyncIterator[Finding]:
    """
    Look at its discovery document, its keys and its clock.

    :param clock: gives the seconds since the epoch.
    """
    worker = settings.worker
    if worker.provider is None:
        yield fine(_SUBJECT, "none: tokens are signed with JWT_SECRET")
        return
    documents = Documents(worker.issuer, worker.provider, fetch)
    keys_url = worker.jwks_uri
    try:
        metadata = await documents.metadata()
        keys_url = keys_url or metadata.jwks_uri
        yield fine(_SUBJECT, f"{worker.issuer} describes itself")
    except Undecidable as error:
        yield bad(_SUBJECT, str(error))
    if keys_url is None:
        if worker.token_kind is TokenKind.JWT:
            yield bad(_KEYS, "nothing says where they are; set OIDC_JWKS_URI")
        return
    try:
        published = await documents.keys(keys_url)
    except Undecidable as error:
        yield bad(_KEYS, str(error))
        return
    for problem in published.problems:
        yield doubtful(_KEYS, f"one is left out: {problem}")
    yield fine(_KEYS, f"{len(published.keys.keys)} at {keys_url}")
    yield await _examine_clock(keys_url, fetch, clock, worker.leeway_seconds)


async def _examine_clock(
    url: str, fetch: Fetch, clock: IReactorTime, leeway_seconds: float
) -> Finding:
    answer = await fetch(Ask(url, _MAX_BYTES))
    try:
        theirs = parsedate_to_datetime(answer.date).timestamp()
    except (TypeError, ValueError):
        return doubtful(_CLOCK, "the provider does not say what time it has")
    ahead = clock.seconds() - theirs
    sentence = (
        f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the provider"
    )
    return (fine if abs(ahead) <= leeway_seconds else bad)(_CLOCK, sentence)
