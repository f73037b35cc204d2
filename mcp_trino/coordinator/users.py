"""Which Trino user a principal is: the mapping of impersonation."""

import re

from attrs import frozen

from mcp_trino.errors import NoTrinoUser
from mcp_trino.principal import Principal
from mcp_trino.trino_identity import ImpersonationSettings, UserRule

_MAX_CHARS = 200
_GROUP = re.compile(r"\$([1-9])")
_CLAIMS = {
    "username": "your token has no user name",
    "email": "your token has no e-mail address that its issuer has verified",
    "subject": "your token has no subject",
}
_ASK = "; the operator of this server can change that"


@frozen
class Users:
    """
    The Trino user of each principal.

    Who has none is refused and never runs as the user of the server.

    :ivar service_user: the server's own user, which nobody may become.
    """

    _settings: ImpersonationSettings
    _service_user: str

    def of(self, principal: Principal) -> str:
        """
        Give the user of a principal.

        :raise NoTrinoUser: she has none.
        """
        user = self._mapped(principal) if principal.is_person else self._of(principal)
        # Blanks around a header's value are not a part of it.
        if not user.isprintable() or user != user.strip() or len(user) > _MAX_CHARS:
            raise NoTrinoUser("your name cannot be the name of a Trino user" + _ASK)
        forbidden = {self._service_user, *self._settings.forbidden}
        if user.casefold() in {name.casefold() for name in forbidden}:
            raise NoTrinoUser(f"nobody may be the Trino user {user!r} here" + _ASK)
        return user

    def _of(self, service: Principal) -> str:
        user = dict(self._settings.services).get(service.client_id, "")
        if not user:
            raise NoTrinoUser(
                f"the client {service.client_id!r} acts for no person and has no "
                "Trino user" + _ASK
            )
        return user

    def _mapped(self, person: Principal) -> str:
        claim: str = getattr(person, self._settings.claim)
        if not claim:
            raise NoTrinoUser(
                f"{_CLAIMS[self._settings.claim]}, by which your Trino user would be "
                "known" + _ASK
            )
        if not self._settings.rules:
            return claim
        if len(claim) <= _MAX_CHARS:
            for rule in self._settings.rules:
                user = _applied(rule, claim)
                if user is not None:
                    return user
        raise NoTrinoUser("no rule of this server gives you a Trino user" + _ASK)


def _applied(rule: UserRule, claim: str) -> str | None:
    """Give the user by a rule, ``None`` when it does not fit."""
    found = rule.pattern.fullmatch(claim)
    if found is None:
        return None
    user = ""
    if rule.allow:
        user = _GROUP.sub(lambda group: found[int(group[1])] or "", rule.user)
    if not user:
        raise NoTrinoUser("a rule of this server gives you no Trino user" + _ASK)
    return user if rule.case == "keep" else getattr(user, rule.case)()
