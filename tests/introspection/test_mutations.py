"""No change of a token that holds makes another one that does."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto.jwk import JWK

from tests.introspection.judging import JudgingTestCase
from tests.introspection.minting import (
    SECRET,
    FakeProvider,
    claims_of,
    hmac_settings,
    key_of,
    minted,
    public,
)
from tests.introspection.mutations import mutated

_KEYS = (("one", "RS256"), ("ec", "ES256"), ("ed", "EdDSA"))


class MutationTests(JudgingTestCase):
    """Changes at random; ``tests/slow`` makes more of them."""

    def setUp(self) -> None:
        """Have a worker and a token for each kind of key."""
        keys = [key_of(*name) for name in _KEYS]
        native = self.bench(provider=FakeProvider().publish(*map(public, keys)))
        self.pairs = [(native, minted(claims_of(), key)) for key in keys]
        secret = JWK.from_password(SECRET)
        self.pairs.append((self.bench(hmac_settings()), minted(claims_of(), secret)))

    def test_many(self) -> None:
        """None of many changes is accepted, and each has a reason."""
        random = Random(20261125)
        for bench, token in self.pairs:
            self.active(bench, token)
            for _ in range(500):
                self.assertTrue(self.reason(bench, mutated(token, random)))
            self.active(bench, token)

    @settings(max_examples=300)
    @given(st.data())
    def test_any(self, data: st.DataObject) -> None:
        """No text put in place of any part of a token is accepted."""
        bench, token = data.draw(st.sampled_from(self.pairs))
        first = data.draw(st.integers(0, len(token)))
        last = data.draw(st.integers(first, len(token)))
        other = token[:first] + data.draw(st.text(max_size=8)) + token[last:]
        if other != token:
            self.assertTrue(self.reason(bench, other))
