"""What somebody whose token holds may ask of the protocol."""

from collections.abc import Mapping
from typing import Any

import orjson
from attrs import frozen

from mcp_trino.oauth.challenges import Challenges
from mcp_trino.oauth.resource_metadata import Resources
from mcp_trino.oauth.scopes import CALL, WRITING_TOOL, Scopes, is_open
from mcp_trino.principal import Principal
from mcp_trino.reply import Reply
from mcp_trino.web.gate import denial


@frozen
class Authority:
    """
    Decides on each message by what its token allows.

    A client is asked for more by HTTP, before anything of the message is done.
    The same decision is then made on the message as the SDK reads it, so that
    a body that can be read in two ways gains nothing.
    """

    _scopes: Scopes
    _challenges: Challenges
    _resources: Resources

    def may_write(self, principal: Principal) -> bool:
        """Say whether somebody's token allows to change something."""
        needed = self._scopes.needed(CALL, {"name": WRITING_TOOL})
        return self._scopes.allow(principal.scopes, needed)

    def refuse(self, principal: Principal, path: str, body: bytes) -> Reply | None:
        """Ask for a token that allows more, where that would help."""
        if principal.refusal:
            return None
        try:
            message = orjson.loads(body)
            method, params = str(message.get("method")), message.get("params")
        except (ValueError, AttributeError):
            return None
        needed = self._scopes.needed(method, params)
        if "method" not in message or self._scopes.allow(principal.scopes, needed):
            return None
        resource = self._resources.of(path)
        mark = principal.token_mark
        return denial(self._challenges.insufficient(resource, needed, mark))

    def objection(
        self, principal: Principal, method: str, params: Mapping[str, Any] | None
    ) -> str | None:
        """
        Say why a message is not answered, ``None`` if it is.

        A call of a tool by somebody who was not admitted is answered by the
        tools, which tell it to the model.
        """
        if is_open(method):
            return None
        if principal.refusal:
            return None if method == CALL else principal.refusal
        needed = self._scopes.needed(method, params)
        if self._scopes.allow(principal.scopes, needed):
            return None
        return f"the token does not allow that: it needs {' and '.join(needed)}"
