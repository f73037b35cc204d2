"""Tests of the page on which a person sees and ends her connections."""

from typing import Any
from urllib.parse import urlencode

from attrs import evolve

from mcp_trino.active import Active
from mcp_trino.oauth.connections import MAX_OF_A_PERSON
from mcp_trino.oauth.connections_page import CONNECTIONS_PATH, Connected
from mcp_trino.oauth.refusals import Problem
from mcp_trino.oauth.remembered_endpoints import START_SECONDS
from mcp_trino.oauth.responses import Redirect
from tests.oauth.world import ISSUER, LOCAL, PROVIDER, Jar, WorldTestCase, body


class ConnectionsTests(WorldTestCase):
    """She logs in at the provider, and sees what is hers."""

    def show(self) -> Any:
        """Open the page."""
        return self.outcome(self.server.connections_page.show(self.jar.browser()))

    def visit(self, subject: str = "alice") -> Connected:
        """Open the page and log in for it."""
        sent = self.show()
        back = self.come_back(self.provider.log_in(sent.uri, subject))
        self.assertEqual(back.uri, CONNECTIONS_PATH)
        return self.show()

    def change(self, origin: str | None = ISSUER, **form: str) -> Any:
        """Send a form of the page."""
        browser = self.jar.browser(origin)
        encoded = urlencode(form).encode()
        return self.outcome(self.server.connections_page.change(encoded, browser))

    def test_own_connections(self) -> None:
        """She sees the clients that she let in, the latest first, nobody else's."""
        self.tokens()
        self.clock.advance(60)
        code = self.log_in(LOCAL)
        self.redeem(code, LOCAL)
        self.log_in()  # its code is never redeemed
        connected = self.visit()
        self.assertEqual(connected.name, "alice")
        names = [one.grant.request.client_name for one in connected.connections]
        self.assertEqual(names, ["Local", "Hosted"])
        self.jar = Jar()
        self.assertEqual(self.visit("bob").connections, ())

    def test_disconnect(self) -> None:
        """One that she puts out is out at once, and the others stay."""
        tokens = self.tokens()
        others = self.tokens()
        connected = self.visit()
        back = self.change(connection=connected.connections[1].choice)
        self.assertEqual(back.uri, CONNECTIONS_PATH)
        self.assertEqual([self.holds(tokens), self.holds(others)].count(True), 1)
        self.assertEqual(len(self.show().connections), 1)
        self.assertEqual(self.audit.records[-1]["reason"], "by the person")

    def test_forged(self) -> None:
        """Another page, another person's form and a made-up one change nothing."""
        tokens = self.tokens()
        choice = self.visit().connections[0].choice
        self.assertIsInstance(
            self.change("https://evil.example", connection=choice), Problem
        )
        self.assertIsInstance(self.change(connection="forged"), Problem)
        self.assertIsInstance(self.change(), Problem)
        self.jar = Jar()
        self.assertIsInstance(self.change(connection=choice), Problem)
        self.visit("mallory")
        self.assertIsInstance(self.change(connection=choice), Problem)
        self.assertTrue(self.holds(tokens))

    def test_session(self) -> None:
        """She is known for a quarter of an hour, or until she leaves."""
        self.visit()
        self.clock.advance(899)
        self.assertIsInstance(self.show(), Connected)
        self.clock.advance(2)
        self.assertIsInstance(self.show(), Redirect)
        self.visit()
        self.assertEqual(self.change(leave="yes").uri, "/")
        self.assertNotIn("session", self.jar.cookies)

    def test_not_logged_in(self) -> None:
        """A login that fails is a page."""
        sent = self.show()
        self.provider.wrong_nonce = True
        outcome = self.come_back(self.provider.log_in(sent.uri))
        self.assertEqual(outcome.status, 403)
        state = self.provider.log_in(self.show().uri).split(b"state=")[1]
        outcome = self.come_back(b"error=access_denied&state=" + state)
        self.assertEqual(outcome.status, 403)

    def test_undecidable(self) -> None:
        """When nobody can say who she is she is told to come back."""
        self.clock.advance(START_SECONDS)
        self.provider.undecidable = True
        self.assertEqual(self.show().status, 503)

    def test_not_admitted(self) -> None:
        """Who may no longer enter can still put clients out."""
        tokens = self.tokens()
        self.refusal = "no longer"
        self.change(connection=self.visit().connections[0].choice)
        self.assertFalse(self.holds(tokens))

    def test_ended_elsewhere(self) -> None:
        """What ended in another way is not shown."""
        tokens = self.tokens()
        self.clock.advance(121)
        self.refresh(tokens["refresh_token"])
        self.clock.advance(121)
        self.refresh(tokens["refresh_token"])
        self.assertEqual(self.visit().connections, ())

    def test_bounded(self) -> None:
        """With too many clients the oldest ends."""
        tokens = [self.tokens() for _ in range(MAX_OF_A_PERSON + 1)]
        self.assertFalse(self.holds(tokens[0]))
        self.assertTrue(self.holds(tokens[1]))
        self.assertEqual(self.audit.records[-1]["reason"], "crowded out")

    def test_two_people(self) -> None:
        """Names that could be confused are not."""
        self.provider.people["alice"] = Active(PROVIDER, "x", ("us",), 1.0)
        self.provider.people["bob"] = evolve(
            self.provider.people["alice"],
            issuer=PROVIDER[:-1],
            subject=PROVIDER[-1] + "x",
        )
        body(self.redeem(self.log_in()))
        self.assertEqual(len(self.visit("alice").connections), 1)
        self.jar = Jar()
        self.assertEqual(self.visit("bob").connections, ())
