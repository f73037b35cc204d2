"""Where a request comes from, as far as that can be known."""

from ipaddress import ip_address

from mcp_trino.web.request import BoundedRequest

_FORWARDED = b"X-Forwarded-For"


def source_of(request: BoundedRequest, *, behind_proxy: bool) -> str:
    """
    Give the address of whoever sent a request.

    :param behind_proxy: only a proxy can connect. Then it is the last member
        of ``X-Forwarded-For``, which the proxy has added; what stands before
        it anybody can have written. Without a proxy the whole header is.
    """
    if behind_proxy:
        lines = request.requestHeaders.getRawHeaders(_FORWARDED, [])
        last = b",".join(lines).rpartition(b",")[2].strip().decode("latin-1")
        for text in (last, _without_port(last)):
            try:
                return str(ip_address(text))
            except ValueError:
                continue
    return str(getattr(request.getClientAddress(), "host", ""))


def _without_port(text: str) -> str:
    """Some proxies write the port, too: ``192.0.2.1:80`` and ``[2001:db8::1]:80``."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]
