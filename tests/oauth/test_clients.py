"""Tests of finding clients by their id."""

from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import UnknownClient
from mcp_trino.oauth.client import Client
from mcp_trino.oauth.clients import Clients


class Known:
    """Clients by id, and who was asked."""

    def __init__(self, *clients):
        self.clients = {client.client_id: client for client in clients}

    def find(self, client_id):
        """Give one."""
        return self.clients.get(client_id)


class Published(Known):
    """Clients by the URL of their document."""

    def find(self, client_id):
        """Give one."""
        return succeed(self.clients[client_id])


class ClientsTests(SynchronousTestCase):
    """One place for all of them."""

    def test_find(self):
        """The form of an id says where to look for it."""
        registered = Client("sealed", "A", ("http://localhost/cb",))
        published = Client("https://a.example/c", "B", (), "a.example")
        clients = Clients(Known(registered), Published(published))
        for client in (registered, published):
            found = self.successResultOf(clients.find(client.client_id))
            self.assertIs(found, client)

    def test_g088_unknown(self):
        """An id that nobody was given is no client, and the person hears what to do."""
        clients = Clients(Known(), Published())
        for client_id in ("", "unknown", "httpx://a"):
            failure = self.failureResultOf(clients.find(client_id), UnknownClient)
            self.assertIn("add it again", str(failure.value))
