"""All clients of the authorization server, by their id."""

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed

from mcp_trino.errors import UnknownClient
from mcp_trino.fetching import trust_of
from mcp_trino.oauth.client import Client
from mcp_trino.oauth.client_documents import ClientDocuments, is_document_url
from mcp_trino.oauth.public_addresses import PinnedEndpoints, resolve
from mcp_trino.oauth.redirects import RedirectPolicy
from mcp_trino.oauth.registration import Registration
from mcp_trino.settings import ProxySettings


@define(eq=False)
class Clients:
    """
    Clients that registered themselves and clients that published a document.

    An id that was given out goes on being one when registration is switched
    off.
    """

    _registration: Registration = field(repr=False)
    _documents: ClientDocuments = field(repr=False)

    def find(self, client_id: str) -> Deferred[Client]:
        """
        Give the client with an id.

        :raise UnknownClient: there is none.
        :raise Undecidable: its document cannot be had now.
        """
        if is_document_url(client_id):
            return self._documents.find(client_id)
        client = self._registration.find(client_id)
        if client is None:
            return fail(
                UnknownClient(
                    "This server does not know the application. Remove the server "
                    "from it and add it again, so that it registers anew."
                )
            )
        return succeed(client)


def policy_of(settings: ProxySettings) -> RedirectPolicy:
    """Give the redirects that the operator lets clients have."""
    return RedirectPolicy(settings.redirect_uris, settings.any_https_redirect)


def make_documents(reactor: Any, settings: ProxySettings) -> ClientDocuments:
    """Make the way to documents, over the system's names and certificates."""
    trust = trust_of(None)
    return ClientDocuments(
        reactor,
        lambda host: resolve(reactor, host),
        lambda addresses: PinnedEndpoints(reactor, trust, addresses),
        policy_of(settings),
        settings.document_hosts,
    )
