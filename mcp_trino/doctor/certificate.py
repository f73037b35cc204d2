"""Whether this server's own certificate is what its clients will accept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from cryptography.x509 import Certificate, load_pem_x509_certificate
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)

from mcp_trino.doctor.finding import Finding, bad, doubtful, fine
from mcp_trino.settings import WebSettings

_SOON = timedelta(days=14)
_SUBJECT = "tls"


def examine_certificate(settings: WebSettings, now: float) -> Iterator[Finding]:
    """
    Look at its names and its dates.

    :param settings: of a server that could be made: the files are readable and
        fit together.
    :param now: seconds since the epoch.
    """
    url = urlsplit(settings.public_url)
    if settings.tls is None:
        if url.scheme == "https":
            yield fine(_SUBJECT, "a proxy in front speaks https; not looked at")
        else:
            yield fine(_SUBJECT, f"none: {settings.public_url} is plain http")
        return
    certificate = load_pem_x509_certificate(settings.tls.certificate_file.read_bytes())
    host = str(url.hostname)
    try:
        _verify(certificate, host)
    except (CertificateError, VerificationError):
        yield bad(_SUBJECT, f"the certificate is not for {host}, the public host")
    today = datetime.fromtimestamp(now, UTC)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if today >= ends:
        yield bad(_SUBJECT, f"the certificate has ended on {ends:%Y-%m-%d %H:%M} UTC")
    elif today < begins:
        yield bad(_SUBJECT, f"the certificate begins on {begins:%Y-%m-%d %H:%M} UTC")
    elif ends - today < _SOON:
        yield doubtful(_SUBJECT, f"the certificate ends on {ends:%Y-%m-%d %H:%M} UTC")
    else:
        yield fine(_SUBJECT, f"the certificate holds until {ends:%Y-%m-%d}")


def _verify(certificate: Certificate, host: str) -> None:
    try:
        ip_address(host)
    except ValueError:
        verify_certificate_hostname(certificate, host)
    else:
        verify_certificate_ip_address(certificate, host)
