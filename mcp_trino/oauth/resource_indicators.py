"""Resource indicators: which endpoint a token is to be made for (RFC 8707)."""

from urllib.parse import urlsplit

from attrs import frozen

from mcp_trino.oauth.parameters import Parameters

_DEFAULT_PORTS = {"https": 443, "http": 80}


@frozen
class InvalidTarget(Exception):
    """A request is for a resource of somebody else: answer ``invalid_target``."""

    message: str

    def __str__(self) -> str:
        return self.message


@frozen
class ResourceIndicators:
    """
    The URLs of this server's endpoints.

    :ivar urls: as they stand in the metadata; the first is the default.
    """

    urls: tuple[str, ...]

    @property
    def default(self) -> str:
        """What a client means that names no resource, as older ones do."""
        return self.urls[0]

    def named(self, parameters: Parameters) -> str | None:
        """
        Give the one that a request names.

        :return: ``None`` when it names none.
        :raise InvalidTarget: it names something else, or two.
        """
        named = {canonical(value) for value in parameters.all("resource")}
        if not named:
            return None
        ours = {canonical(url): url for url in self.urls}
        if len(named) > 1 or not named <= ours.keys():
            raise InvalidTarget(f"the resource of this server is {self.default}")
        return ours[named.pop()]


def canonical(resource: str) -> str:
    """
    Give the form in which resources are compared.

    Clients write the same URL in several ways: one appends ``/``, another
    writes the default port, a third one adds a query.
    """
    try:
        parts = urlsplit(resource)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return resource
    if "@" in parts.netloc or "#" in resource:
        return resource
    name = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS.get(parts.scheme):
        name = f"{name}:{port}"
    return f"{parts.scheme}://{name}{parts.path.removesuffix('/')}"
