"""What a token says that holds: the answer of RFC 7662 section 2.2 as a value."""

from collections.abc import Iterable

from attrs import field, frozen


def _scopes(scopes: Iterable[str]) -> frozenset[str]:
    return frozenset(scopes)


@frozen
class Active:
    """
    The claims of a token that holds, checked and in one form for all issuers.

    :ivar issuer: ``iss``, exactly as configured.
    :ivar subject: the identifier of the person or service at that issuer that
        never changes hands (of Entra ``tid`` and ``oid``).
    :ivar audiences: all that the token was made for, as it says.
    :ivar expires_at: ``exp``, seconds since the epoch.
    :ivar client_id: the OAuth client that it was given to, empty if unknown.
    :ivar username: the claim that the operator took for user names, or empty.
    :ivar email: empty unless the issuer says that it verified it.
    :ivar tenant: of Entra ``tid``, of Google ``hd``, else empty.
    :ivar groups_complete: ``False`` when the issuer left groups out because
        there are too many: no group rule can be decided then.
    :ivar is_person: ``False`` for a token that a service got for itself.
    :ivar token_id: ``jti``, or empty.
    :ivar key_id: the key that vouches for it, empty for opaque tokens.
    :ivar grant: of tokens of this server's own authorization server the grant.
    :ivar generation: the state of the keys that it was judged by; a later
        answer with another one makes remembered ones void.
    """

    issuer: str
    subject: str
    audiences: tuple[str, ...]
    expires_at: float
    client_id: str = ""
    scopes: frozenset[str] = field(default=frozenset(), converter=_scopes)
    username: str = ""
    email: str = ""
    tenant: str = ""
    groups: tuple[str, ...] = ()
    groups_complete: bool = True
    is_person: bool = True
    token_id: str = ""
    key_id: str = ""
    grant: str = ""
    generation: str = ""
