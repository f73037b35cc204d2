"""Tests of sealed values."""

import json

from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.common import base64url_decode, base64url_encode
from jwcrypto.jwe import JWE
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.oauth.keys import PUBLISH_AHEAD_SECONDS, Keys
from mcp_trino.oauth.sealing import MAX_CHARS, Sealer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


class SealerTests(SynchronousTestCase):
    """What is sealed opens for its purpose, in its time, unchanged."""

    def setUp(self):
        """Make a sealer with one master key."""
        self.clock = Clock()
        self.keys = Keys.make(0.0)
        self.sealer = Sealer(self.clock, self.keys.masters)

    @given(payload=st.dictionaries(st.text(), JSON))
    def test_round_trip(self, payload):
        """Every payload comes back as it was."""
        sealed = self.sealer.seal("cid", payload, None)
        self.assertEqual(self.sealer.open("cid", sealed), payload)

    def test_form(self):
        """A sealed value is a compact JWE that says what it is for, and no more."""
        sealed = self.sealer.seal("cid", {"name": "canary"}, None)
        header, key, *_ = sealed.split(".")
        said = json.loads(base64url_decode(header))
        self.assertEqual(key, "")
        self.assertRegex(said.pop("kid"), "^[A-Za-z0-9_-]{8}$")
        self.assertEqual(said, {"alg": "dir", "enc": "A256GCM", "typ": "cid+jwe"})
        self.assertNotIn("canary", sealed)

    def test_time(self):
        """A sealed value opens until its time has passed, or for ever."""
        sealed = self.sealer.seal("txn", {"a": 1}, 10)
        for_ever = self.sealer.seal("cid", {"a": 1}, None)
        self.clock.advance(9.9)
        self.assertEqual(self.sealer.open("txn", sealed), {"a": 1})
        self.clock.advance(0.1)
        self.assertIsNone(self.sealer.open("txn", sealed))
        self.clock.advance(1e9)
        self.assertEqual(self.sealer.open("cid", for_ever), {"a": 1})

    def test_g088_other_purpose(self):
        """What was sealed for one purpose opens for no other, whatever it says."""
        sealed = self.sealer.seal("rt", {"a": 1}, None)
        self.assertIsNone(self.sealer.open("cid", sealed))
        relabelled = self.sealer.seal("cid", {}, None).split(".")[0]
        swapped = ".".join([relabelled, *sealed.split(".")[1:]])
        self.assertIsNone(self.sealer.open("cid", swapped))

    def test_g088_tampered(self):
        """A sealed value with any character changed, added or left out opens not."""
        sealed = self.sealer.seal("cid", {"a": 1}, None)
        for place in range(len(sealed)):
            for other in ("A", "B", "_", "=", "", "."):
                changed = sealed[:place] + other + sealed[place + 1 :]
                if changed != sealed:
                    self.assertIsNone(self.sealer.open("cid", changed), changed)
        for changed in (sealed + "=", sealed + "\n", " " + sealed, sealed + "!!!!"):
            self.assertIsNone(self.sealer.open("cid", changed))

    @given(st.text() | st.text("Aa0-_.", min_size=20))
    def test_garbage(self, text):
        """Anything else opens not, and breaks nothing."""
        self.assertIsNone(self.sealer.open("cid", text))

    def test_g120_other_algorithms(self):
        """What asks for another algorithm or for inflation is never decrypted."""
        header, key = self.sealer._key("cid", self.keys.masters[0])
        for change in (
            {"zip": "DEF"},
            {"alg": "PBES2-HS256+A128KW", "p2c": 10**9, "p2s": "YWJj"},
            {"alg": "RSA1_5"},
            {"kid": 7},
        ):
            said = json.loads(header) | change
            if said["alg"] == "dir":
                forged = JWE(b'[null,{"a":1}]', protected=json.dumps(said))
                forged.add_recipient(key)
                text = forged.serialize(compact=True)
            else:
                protected = base64url_encode(json.dumps(said))
                text = f"{protected}.{'A' * 40}.{'A' * 16}.AAAA.{'A' * 22}"
            self.patch(Sealer, "_opened", lambda *_: self.fail("decrypted"))
            self.assertIsNone(self.sealer.open("cid", text), change)

    def test_g120_too_long(self):
        """A megabyte is refused by its length."""
        sealed = self.sealer.seal("cid", {"a": "x" * 1024 * 1024}, None)
        self.assertGreater(len(sealed), MAX_CHARS)
        self.patch(Sealer, "_opened", lambda *_: self.fail("decrypted"))
        self.assertIsNone(self.sealer.open("cid", sealed))

    def test_other_server(self):
        """The sealed values of another server open not."""
        other = Sealer(self.clock, Keys.make(0.0).masters)
        self.assertIsNone(self.sealer.open("cid", other.seal("cid", {}, None)))

    def test_new_master(self):
        """A new master key seals once it is known everywhere; old values open."""
        before = self.sealer.seal("cid", {"a": 1}, None)
        keys = self.keys.with_new(0.0)
        old_replica, self.sealer = self.sealer, Sealer(self.clock, keys.masters)
        at_once = self.sealer.seal("cid", {"a": 2}, None)
        self.assertEqual(old_replica.open("cid", at_once), {"a": 2})
        self.clock.advance(PUBLISH_AHEAD_SECONDS)
        later = self.sealer.seal("cid", {"a": 3}, None)
        self.assertIsNone(old_replica.open("cid", later))
        old_replica.use(keys.masters)
        for sealer in (old_replica, self.sealer):
            opened = [sealer.open("cid", text) for text in (before, at_once, later)]
            self.assertEqual(opened, [{"a": 1}, {"a": 2}, {"a": 3}])

    def test_tells_no_key(self):
        """Neither the sealer nor the keys show a secret when they are printed."""
        secret = self.keys.masters[0].secret
        for shown in (repr(self.sealer), repr(self.keys), str(self.keys)):
            self.assertNotIn(repr(secret), shown)
            self.assertNotIn("secret", shown)
