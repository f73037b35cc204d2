"""The server's own certificate chain and key, which may be renewed while it runs."""

from attrs import define, field
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from mcp_trino.errors import ConfigurationError
from mcp_trino.settings import TLSSettings

_NAMES = "HTTPS_CERT_FILE and HTTPS_KEY_FILE"


@implementer(IOpenSSLServerConnectionCreator)
@define(eq=False)
class ServerCertificate:
    """
    Makes the server's side of TLS connections, version 1.2 or later.

    Each connection keeps the certificate that it began with.
    """

    _settings: TLSSettings
    _context: SSL.Context = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Read the files for the first time."""
        self.reload()

    def reload(self) -> None:
        """
        Read the files again, for the connections to come.

        :raise ConfigurationError: they cannot be used; what was read before
            stays in use.
        """
        settings = self._settings
        context = CertificateOptions().getContext()
        # An encrypted key would have OpenSSL ask on the terminal.
        context.set_passwd_cb(lambda *_: b"")
        try:
            settings.certificate_file.read_bytes()
            context.use_certificate_chain_file(str(settings.certificate_file))
            settings.key_file.read_bytes()
            context.use_privatekey_file(str(settings.key_file))
            context.check_privatekey()
        except OSError as error:
            problem = f"cannot read {error.filename}: {error.strerror}"
            raise ConfigurationError((f"{_NAMES}: {problem}",)) from error
        except SSL.Error as error:
            files = f"{settings.certificate_file} and {settings.key_file}"
            problem = f"{files} are not a PEM certificate chain and its open key"
            raise ConfigurationError((f"{_NAMES}: {problem}",)) from error
        self._context = context

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Make a connection with the certificate of now."""
        del protocol
        return SSL.Connection(self._context, None)
