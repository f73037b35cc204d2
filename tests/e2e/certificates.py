"""A certification authority of the tests' own, and a server certificate by it."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@frozen
class Certificates:
    """
    PEM files.

    :ivar authority: the certificate that clients have to trust.
    :ivar chain: the server's certificate and the intermediate that signed it.
    :ivar key: the server's key.
    :ivar client: the certificate of a client named ``mcp``.
    :ivar client_key: its key.
    """

    authority: Path
    chain: Path
    key: Path
    client: Path
    client_key: Path

    @property
    def all(self) -> tuple[Path, ...]:
        """The files of the server."""
        return self.authority, self.chain, self.key

    @property
    def trust(self) -> dict[str, str]:
        """Environment variables by which clients in Python and Node.js trust them."""
        names = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
        return dict.fromkeys(names, str(self.authority))


@frozen
class _Issuer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def certificates_in(directory: Path) -> Certificates:
    """Give those that ``make_certificates`` has written."""
    return Certificates(
        *(directory / name for name in ("ca", "chain", "key", "client", "client-key"))
    )


def make_certificates(directory: Path, host: str = "localhost") -> Certificates:
    """Write those of a server at ``127.0.0.1`` and that host."""
    root = _issue("root", None)
    intermediate = _issue("intermediate", root)
    names = [x509.DNSName(host), x509.IPAddress(ip_address("127.0.0.1"))]
    server = _issue(host, intermediate, names)
    client = _issue("mcp", root, [x509.DNSName("client.test")])
    files = certificates_in(directory)
    files.authority.write_bytes(_pem(root))
    files.chain.write_bytes(_pem(server) + _pem(intermediate))
    files.key.write_bytes(_key_pem(server))
    files.client.write_bytes(_pem(client))
    files.client_key.write_bytes(_key_pem(client))
    return files


def _key_pem(issued: _Issuer) -> bytes:
    return issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _pem(issued: _Issuer) -> bytes:
    return issued.certificate.public_bytes(Encoding.PEM)


def _issue(
    common_name: str,
    issuer: _Issuer | None,
    alternative_names: list[x509.GeneralName] | None = None,
) -> _Issuer:
    """Issue a server's certificate, or an authority's when it has no names."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    by = issuer.certificate.subject if issuer else subject
    by_key = issuer.key if issuer else key
    now = datetime.now(UTC)
    authority = alternative_names is None
    builder = (
        x509.CertificateBuilder(by, subject, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()),
            critical=False,
        )
    )
    if alternative_names is None:
        builder = builder.add_extension(_SIGNS_CERTIFICATES, critical=True)
    else:
        names = x509.SubjectAlternativeName(alternative_names)
        builder = builder.add_extension(names, critical=False)
    return _Issuer(builder.sign(by_key, SHA256()), key)
