"""Tests of PKCE."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.oauth.pkce import answers, challenge_of, valid_challenge

# RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

UNRESERVED = "ABCXYZabcxyz0189-._~"


class PKCETests(SynchronousTestCase):
    """Challenges and their verifiers."""

    def test_example(self):
        """The example of the RFC holds."""
        self.assertEqual(challenge_of(VERIFIER), CHALLENGE)
        self.assertTrue(answers(CHALLENGE, VERIFIER))

    def test_challenge_form(self):
        """A challenge is 43 characters of base64url, and nothing else."""
        self.assertTrue(valid_challenge(CHALLENGE))
        for text in ("", CHALLENGE[1:], CHALLENGE + "a", CHALLENGE[1:] + "="):
            self.assertFalse(valid_challenge(text), text)
        self.assertFalse(valid_challenge(CHALLENGE[1:] + "\n"))
        self.assertFalse(valid_challenge(CHALLENGE[1:] + "é"))

    @given(st.text(UNRESERVED, min_size=43, max_size=128))
    def test_any_verifier(self, verifier):
        """Every well-formed verifier answers its own challenge and no other."""
        self.assertTrue(answers(challenge_of(verifier), verifier))
        self.assertFalse(answers(CHALLENGE, verifier))

    def test_g107_verifier_form(self):
        """A verifier that is too short, too long or of other characters is none."""
        for verifier in ("a" * 42, "a" * 129, "a" * 42 + " ", "a" * 42 + "é", ""):
            self.assertFalse(answers(CHALLENGE, verifier), verifier)
            if verifier.isascii():
                self.assertFalse(answers(challenge_of(verifier), verifier), verifier)
