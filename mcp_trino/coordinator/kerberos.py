"""
Logging in at Trino by Kerberos (RFC 4559), with the extra ``[kerberos]``.

The package ``gssapi`` speaks to the Kerberos of the system, whose
``krb5.conf`` says where the realm is.
"""

from base64 import b64encode
from http import HTTPStatus
from typing import Any

from attrs import define, field

from mcp_trino.coordinator.credentials import Authorization
from mcp_trino.errors import ConfigurationError, CoordinatorRefused
from mcp_trino.principal import Principal
from mcp_trino.trino_identity import KerberosSettings

_SPNEGO = "1.3.6.1.5.5.2"


@define(eq=False)
class Kerberos:
    """
    A ticket of this server's, shown anew with each request.

    Tickets are got from the keytab when they are needed and kept in this
    process only.
    """

    _settings: KerberosSettings
    _gssapi: Any = field(init=False, repr=False)

    @_gssapi.default
    def _found(self) -> Any:
        try:
            import gssapi  # noqa: PLC0415 - it is of an extra
        except ImportError as error:
            problem = (
                "TRINO_AUTH_MODE is kerberos: install the extra, "
                f"pip install 'mcp-trino[kerberos]' ({error})"
            )
            raise ConfigurationError((problem,)) from error
        return gssapi

    async def current(self, principal: Principal | None) -> Authorization:
        """Give what makes a proof for each request."""
        del principal
        return self._prove

    def forget(self, principal: Principal | None, refused: Authorization) -> bool:
        """Have nothing that was kept."""
        del principal, refused
        return False

    def _prove(self) -> str:
        settings, gssapi = self._settings, self._gssapi
        try:
            context = gssapi.SecurityContext(
                name=gssapi.Name(
                    f"{settings.service}@{settings.host}",
                    gssapi.NameType.hostbased_service,
                ),
                creds=self._credentials(),
                mech=gssapi.OID.from_int_seq(_SPNEGO),
                usage="initiate",
            )
            token = context.step()
        except gssapi.exceptions.GSSError as error:
            raise CoordinatorRefused(
                HTTPStatus.UNAUTHORIZED,
                f"Kerberos gives no ticket for {settings.service}/{settings.host}: "
                f"{error}",
            ) from error
        return f"Negotiate {b64encode(token).decode()}"

    def _credentials(self) -> Any:
        settings, gssapi = self._settings, self._gssapi
        name = None
        if settings.principal is not None:
            name = gssapi.Name(settings.principal, gssapi.NameType.kerberos_principal)
        return gssapi.Credentials(
            name=name,
            usage="initiate",
            store={
                "client_keytab": str(settings.keytab),
                "ccache": "MEMORY:mcp-trino",
            },
        )
