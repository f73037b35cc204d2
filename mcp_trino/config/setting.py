"""What there is to say of a setting."""

from typing import Any

from attrs import field, frozen

from mcp_trino.config.kinds import TEXT, Kind


@frozen
class Setting:
    """
    One decision of the operator.

    :ivar name: its environment name; in lower case its key in the ini file
        and, of a secret, the name of its systemd credential.
    :ivar kind: how its text is read.
    :ivar default: the text that holds when none is given, ``None`` for unset.
    :ivar meaning: what it decides.
    :ivar to: where its value goes in ``mcp_trino.settings`` just as it is, for
        example ``trino.host``; empty when a rule makes something of it.
    :ivar option: its long option of the command line, empty for none.
    :ivar secret: also read from a file and from systemd's credentials, never
        from the command line, never shown.
    """

    name: str
    kind: Kind
    default: str | None
    meaning: str
    to: str = ""
    option: str = field()
    secret: bool = False

    @option.default
    def _option(self) -> str:
        return self.name.removeprefix("MCP_").lower().replace("_", "-")


@frozen
class Absent:
    """
    A setting of servers that this one can replace, for what it does not do.

    To pass over it could mean less protection than the operator believes to
    have: a value that asks for the missing thing stops the start.

    :ivar what: the missing thing, as the end of "this version does not do".
    :ivar harmless: the values that do not ask for it.
    """

    name: str
    what: str
    kind: Kind = TEXT
    harmless: tuple[Any, ...] = ()
    secret: bool = False
