"""Who among those whose token holds may enter, and under which name."""

from collections.abc import Iterator
from pathlib import Path

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mcp_trino.active import Active
from mcp_trino.principal import Principal, client_mark
from mcp_trino.settings import AdmissionSettings

_ANY = "*"
_LOOK_SECONDS = 1.0
_COMMENT = "#"

_ASK = "; its operator can change that"
_APPLICATION = "the application that you use is not one that may ask this server" + _ASK
_NOT_ADMITTED = "your account is not one of those that may use this server" + _ASK

BLOCKED = "your account is blocked on this server" + _ASK
"""What somebody is told who is blocked."""


@define(eq=False)
class Blocked:
    """
    The subjects, clients and tokens that may not enter, whatever else holds.

    The file is looked at once a second at most. While it cannot be read what
    it said last holds.
    """

    _named: frozenset[str] = field(repr=False)
    _file: Path | None
    _clock: IReactorTime = field(repr=False)
    _listed: frozenset[str] = field(default=frozenset(), init=False, repr=False)
    _stamp: tuple[int, ...] | None = field(default=None, init=False, repr=False)
    _look_at: float = field(default=0.0, init=False, repr=False)
    _log = Logger()

    def __contains__(self, name: str) -> bool:
        self._look()
        return bool(name) and (name in self._named or name in self._listed)

    def _look(self) -> None:
        now = self._clock.seconds()
        if self._file is None or now < self._look_at:
            return
        self._look_at = now + _LOOK_SECONDS
        try:
            state = self._file.stat()
            stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
            if stamp == self._stamp:
                return
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            self._log.error(
                "OAUTH_BLOCKED_FILE cannot be read, what it said last holds: {reason}",
                reason=str(error),
            )
            return
        names = (line.strip() for line in lines if not line.startswith(_COMMENT))
        self._listed, self._stamp = frozenset(filter(None, names)), stamp


@frozen
class Admission:
    """
    The rules of the operator.

    :ivar blocked: what may not enter.
    """

    _settings: AdmissionSettings
    blocked: Blocked

    def admit(self, active: Active) -> Principal:
        """
        Say who somebody is here.

        :return: with a ``refusal`` when she may not enter.
        """
        refusal = next(self._refusals(active), "")
        return _principal(active, self._name(active), refusal)

    def recognize(self, active: Active) -> Principal:
        """Say who somebody is here whom this server itself has let in."""
        return _principal(active, self._name(active), "")

    def is_blocked(self, principal: Principal) -> bool:
        """Whether a person, a service or a client is blocked now."""
        client_id = principal.client_id
        names = (principal.subject, client_id, client_mark(client_id))
        return any(name in self.blocked for name in names)

    def _name(self, active: Active) -> str:
        service = "" if active.is_person else self._user_of(active)
        return service or active.username or active.email or active.subject

    def _user_of(self, service: Active) -> str:
        return dict(self._settings.services).get(service.client_id, "")

    def _refusals(self, active: Active) -> Iterator[str]:
        rules = self._settings
        client_ids = {active.client_id, client_mark(active.client_id)}
        if rules.clients and client_ids.isdisjoint(rules.clients):
            yield _APPLICATION
        if rules.subjects and active.subject not in rules.subjects:
            yield _NOT_ADMITTED
        if rules.tenants and not {active.tenant, _ANY}.intersection(rules.tenants):
            yield _NOT_ADMITTED
        if not active.is_person:
            if not self._user_of(active):
                yield (
                    f"the client {active.client_id!r} acts for no person and has no "
                    "Trino user (OAUTH_SERVICE_USERS)" + _ASK
                )
            return
        if rules.domains and _domain(active.email) not in rules.domains:
            yield (
                "your e-mail address is unknown, not verified, or not in a domain that "
                "may use this server" + _ASK
            )
        if rules.groups and not set(rules.groups).intersection(active.groups):
            if active.groups_complete:
                yield "you are in no group that may use this server" + _ASK
            else:
                yield (
                    "you are in so many groups that your token does not name them, so "
                    "nobody can say whether you may use this server; its operator can "
                    "have the provider send only those that matter"
                )


def make_admission(settings: AdmissionSettings, clock: IReactorTime) -> Admission:
    """Apply the operator's rules, and her blocks from now on."""
    blocked = Blocked(frozenset(settings.blocked), settings.blocked_file, clock)
    return Admission(settings, blocked)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower() if "@" in address else ""


def _principal(active: Active, name: str, refusal: str) -> Principal:
    return Principal(
        issuer=active.issuer,
        subject=active.subject,
        name=name,
        client_id=active.client_id,
        scopes=active.scopes,
        username=active.username,
        email=active.email,
        groups=active.groups,
        is_person=active.is_person,
        token_id=active.token_id,
        grant=active.grant,
        expires_at=active.expires_at,
        refusal=refusal,
    )
