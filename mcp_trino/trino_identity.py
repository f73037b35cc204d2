"""How this server, and people by it, are known to Trino: the operator's decisions."""

import re
from enum import Enum
from pathlib import Path

from attrs import field, frozen


class TrinoLogin(Enum):
    """How this server shows Trino who it is (``TRINO_AUTH_MODE``)."""

    NONE = "none"
    BASIC = "basic"
    """User and password (RFC 7617)."""
    JWT = "jwt"
    """A token in a file, read again whenever it changes."""
    CERTIFICATE = "certificate"
    """The certificate of TLS and nothing else."""
    OAUTH2 = "oauth2"
    """A token by client credentials (RFC 6749 section 4.4)."""
    KERBEROS = "kerberos"
    """A ticket for each request (RFC 4559)."""


@frozen
class TokenClient:
    """
    This server as the client of a token endpoint (RFC 6749 section 3.2).

    :ivar scopes: parted by blanks, empty for the endpoint's default.
    :ivar audience: whom tokens are to be for (RFC 8693), empty to leave it out.
    :ivar ca_file: certificates to trust for it instead of the system's.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str = ""
    audience: str = ""
    ca_file: Path | None = None


@frozen
class KerberosSettings:
    """
    This server as a client of Kerberos.

    :ivar service: the first part of Trino's service principal.
    :ivar host: its second part.
    :ivar principal: who this server is, ``None`` for the first in the keytab.
    :ivar keytab: the file with its keys.
    """

    service: str
    host: str
    principal: str | None
    keytab: Path


@frozen
class UserRule:
    """
    One rule of Trino's user mapping, for the whole of a claim.

    :ivar user: the user, in which ``$1`` is the first group of the pattern.
    :ivar allow: ``False`` refuses whom the pattern fits.
    :ivar case: ``keep``, ``lower`` or ``upper``.
    """

    pattern: re.Pattern[str]
    user: str = "$1"
    allow: bool = True
    case: str = "keep"


@frozen
class ImpersonationSettings:
    """
    Which Trino user a principal is.

    :ivar claim: the attribute of ``Principal`` to begin with: ``username``,
        ``email`` or ``subject``.
    :ivar rules: the first that fits gives the user; without any it is the
        claim itself.
    :ivar forbidden: users that nobody may become, besides the server's own.
    :ivar services: the users of services without a person, by client id.
    """

    claim: str
    rules: tuple[UserRule, ...] = ()
    forbidden: tuple[str, ...] = ()
    services: tuple[tuple[str, str], ...] = ()
