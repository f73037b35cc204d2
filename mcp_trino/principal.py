"""Who is asking."""

from attrs import field, frozen


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
    :ivar client_id: the OAuth client that carried the call, empty without OAuth.
    :ivar scopes: what the token allows.
    """

    issuer: str
    subject: str
    name: str
    client_id: str = ""
    scopes: frozenset[str] = field(default=frozenset(), converter=frozenset)

    @property
    def key(self) -> str:
        """A text that is the same for two principals only if they are the same."""
        return f"{len(self.issuer)}:{self.issuer}{self.subject}"


def local_principal(user: str) -> Principal:
    """
    Give the principal of a server that asks nobody who they are.

    :param user: the Trino user that all calls run as.
    """
    return Principal(issuer="", subject=user, name=user)
