"""Who is asking."""

from hashlib import sha256

from attrs import field, frozen

_READABLE_CHARS = 100
_MARK_DIGITS = 16


@frozen
class Principal:
    """
    The person or service on whose behalf a call is made.

    Sessions, page handles and query ids belong to the pair of issuer and
    subject (RFC 7519 sections 4.1.1 and 4.1.2): nothing else identifies.

    :ivar issuer: who vouches for the subject; empty when nobody was asked
        (``OAUTH_ENABLED=false`` and stdio).
    :ivar subject: the identifier of the person or service at that issuer.
    :ivar name: the name people know her by, for Trino's logs and for audit.
    :ivar client_id: the OAuth client that carried the call, empty without OAuth;
        ``client_mark`` tells it to people.
    :ivar scopes: what the token allows.
    :ivar username: the claim that the operator took for user names, empty when
        the token has none.
    :ivar email: her e-mail address, empty unless the issuer verified it.
    :ivar groups: the groups that the issuer says she is in.
    :ivar is_person: ``False`` for a service that acts for nobody.
    :ivar token_id: the ``jti`` of the token, for audit.
    :ivar token_mark: the first 8 hexadecimal digits of the token's SHA-256.
    :ivar grant: the grant of this server's own authorization server that the
        token came from, empty for tokens of other issuers.
    :ivar expires_at: when the token is no longer taken, in seconds since the
        epoch; ``None`` without a token. Streams end then.
    :ivar refusal: why she may call no tool, in a sentence for her; empty when
        she was admitted.
    :ivar token: the token itself, only ever for an exchange by RFC 8693.
    """

    issuer: str
    subject: str
    name: str
    client_id: str = ""
    scopes: frozenset[str] = frozenset()
    username: str = field(default="", kw_only=True, eq=False)
    email: str = field(default="", kw_only=True, eq=False)
    groups: tuple[str, ...] = field(default=(), kw_only=True, eq=False)
    is_person: bool = field(default=True, kw_only=True, eq=False)
    token_id: str = field(default="", kw_only=True, eq=False)
    token_mark: str = field(default="", kw_only=True, eq=False)
    grant: str = field(default="", kw_only=True, eq=False)
    expires_at: float | None = field(default=None, kw_only=True, eq=False)
    refusal: str = field(default="", kw_only=True, eq=False)
    token: str = field(default="", kw_only=True, eq=False, repr=False)

    @property
    def key(self) -> str:
        """A text that is the same for two principals only if they are the same."""
        return f"{len(self.issuer)}:{self.issuer}{self.subject}"


def client_mark(client_id: str) -> str:
    """
    Give a client's id as it is recorded and shown, and may be blocked.

    The ids of clients that registered themselves hold all that they said, and
    are hundreds of characters long: of those it is the beginning of a digest.
    """
    if len(client_id) <= _READABLE_CHARS:
        return client_id
    return f"sha256:{sha256(client_id.encode()).hexdigest()[:_MARK_DIGITS]}"


def local_principal(user: str) -> Principal:
    """
    Give the principal of a server that asks nobody who they are.

    :param user: the Trino user that all calls run as.
    """
    return Principal(issuer="", subject=user, name=user)
