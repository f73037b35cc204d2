"""An OAuth client, however it came to its id."""

import unicodedata

from attrs import frozen

NAME_CHARS = 64
NAMELESS = "Unnamed application"


@frozen
class Client:
    """
    A public client (RFC 6749 section 2.1) that may ask people for access.

    :ivar client_id: exactly as the client sends it.
    :ivar name: how it calls itself, which nobody verified; printable, at most
        64 characters. To be escaped before it is shown.
    :ivar redirect_uris: what it registered; ``redirects.matches`` compares.
    :ivar host: of its Client ID Metadata Document, which only the owner of that
        host can have written; empty for clients that registered themselves.
    """

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    host: str = ""

    @property
    def proves_itself(self) -> bool:
        """
        Whether what is sent to its redirects reaches nobody else.

        Any program of a person's machine can listen on loopback or claim an
        application's scheme. An approval of such a client is not remembered.
        """
        return all(uri.startswith("https://") for uri in self.redirect_uris)


def readable_name(text: object) -> str:
    """
    Give what a client calls itself as one line that hides nothing.

    Control characters, among them those that turn the direction of writing,
    and characters without a picture are left out.
    """
    if not isinstance(text, str):
        return NAMELESS
    seen = "".join(
        " " if char.isspace() else char
        for char in text[: NAME_CHARS * 16]
        if char.isspace() or not unicodedata.category(char).startswith("C")
    )
    return " ".join(seen.split())[:NAME_CHARS].rstrip() or NAMELESS
