"""Whether Trino lets this server in, and whom it lets it be."""

from collections.abc import AsyncIterator

from mcp_trino.doctor.finding import Finding, bad, doubtful, fine
from mcp_trino.errors import (
    CoordinatorRefused,
    CoordinatorUnreachable,
    NoTrinoUser,
    StatementFailed,
    TimedOut,
)
from mcp_trino.interfaces import ICoordinator
from mcp_trino.principal import Principal
from mcp_trino.queries import Statement, Window
from mcp_trino.settings import TrinoSettings

_SUBJECT = "trino"
_IMPERSONATION = "impersonation"
_SECONDS = 20.0
_WHO = Statement("SELECT current_user", None, None, _SECONDS)
_WINDOW = Window(
    max_rows=1, max_bytes=1000, max_cell_chars=200, wait_seconds=_SECONDS, further=False
)


async def examine_trino(
    coordinator: ICoordinator, settings: TrinoSettings, person: str | None
) -> AsyncIterator[Finding]:
    """
    Run a statement as this server and, where it may be others, as one of them.

    :param person: the user name, e-mail address or subject of somebody, as the
        provider knows her; ``None`` to try nobody.
    """
    where = f"{settings.scheme}://{settings.host}:{settings.port}"
    state = await coordinator.probe()
    if not state.reachable:
        yield bad(_SUBJECT, f"{where}: {state.problem}")
        return
    how = settings.login.value
    yield fine(
        _SUBJECT,
        f"{where}, version {state.version}, takes {settings.user} by {how}",
    )
    if settings.exchange is not None:
        yield doubtful(
            _IMPERSONATION, "tokens of people are exchanged: only a login can show it"
        )
    elif settings.impersonation is None:
        yield fine(_IMPERSONATION, f"off: all queries run as {settings.user}")
    elif person is None:
        yield doubtful(_IMPERSONATION, "not tried; name somebody by --as")
    else:
        yield await _become(coordinator, person)


async def _become(coordinator: ICoordinator, person: str) -> Finding:
    principal = Principal(
        issuer="mcp-trino doctor",
        subject=person,
        name=person,
        username=person,
        email=person,
    )
    try:
        page = await coordinator.execute(_WHO, principal, _WINDOW, None)
    except StatementFailed as error:
        return bad(_IMPERSONATION, f"{person}: {error.message}")
    except (
        CoordinatorRefused,
        CoordinatorUnreachable,
        NoTrinoUser,
        TimedOut,
    ) as error:
        return bad(_IMPERSONATION, f"{person}: {error}")
    ((user,),) = page.rows
    return fine(_IMPERSONATION, f"{person} is {user} at Trino")
