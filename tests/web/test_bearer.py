"""Tests of ``mcp_trino.web.bearer`` and its cache."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcp_trino.active import Active
from mcp_trino.errors import AccessDenied, AuditUnwritable, Undecidable
from mcp_trino.interfaces import IAuthenticator
from mcp_trino.oauth.admission import make_admission
from mcp_trino.oauth.challenges import Challenges
from mcp_trino.oauth.resource_metadata import make_resources
from mcp_trino.principal import Principal
from mcp_trino.settings import AdmissionSettings
from mcp_trino.sparing import Sparing
from mcp_trino.web.bearer import BearerCheck
from mcp_trino.web.token_cache import TokenCache
from tests.recording import RecordingAudit
from tests.web.tokens import NOW, ORIGIN, ScriptedIntrospector, active

METADATA = f"{ORIGIN}/.well-known/oauth-protected-resource"
GOOD = b"Bearer good"


class BearerTestCase(SynchronousTestCase):
    """Checks the credentials of requests to ``/mcp``."""

    def setUp(self) -> None:
        """Know one good token."""
        self.clock = Clock()
        self.introspector = ScriptedIntrospector({"good": active()})
        self.audit, self.sums = RecordingAudit(), []
        self.check = self.make()

    def now(self) -> float:
        """Give the time of the clock."""
        return NOW + self.clock.seconds()

    def make(self, *rules: Any, announced: bool = True, **more: Any) -> BearerCheck:
        """Make a check by admission rules."""
        settings = rules[0] if rules else AdmissionSettings()
        admission = make_admission(settings, self.clock)
        self.cache = TokenCache(300.0, self.now)
        check = BearerCheck(
            self.introspector,
            self.cache,
            admission,
            self.audit,
            Sparing(self.clock, self.sums.append),
            make_resources(ORIGIN, ("trino:read",)),
            Challenges(announced),
            audiences=frozenset({"api://trino"}),
            recognize=admission.admit,
            leeway_seconds=60.0,
            **more,
        )
        verifyObject(IAuthenticator, check)
        return check

    def asking(self, *credentials: bytes, uri: bytes = b"/mcp") -> Deferred[Principal]:
        """Ask who sends these credentials."""
        return self.check.authenticate(credentials, uri)

    def who(self, *credentials: bytes, uri: bytes = b"/mcp") -> Principal:
        """Give who sends these credentials."""
        return self.successResultOf(self.asking(*credentials, uri=uri))

    def refused(self, *credentials: bytes, uri: bytes = b"/mcp") -> AccessDenied:
        """Give the refusal of these credentials."""
        asking = self.asking(*credentials, uri=uri)
        denied = self.failureResultOf(asking, AccessDenied).value
        assert isinstance(denied, AccessDenied)
        return denied

    def challenge(self, denied: AccessDenied) -> dict[str, str]:
        """Give the parameters of the one challenge, as clients read them."""
        (name, value), *others = denied.headers
        self.assertLessEqual({other for other, _ in others}, {"X-Correlation-Id"})
        self.assertEqual(name, "WWW-Authenticate")
        scheme, _, rest = value.partition(" ")
        self.assertEqual(scheme, "Bearer")
        parameters = dict(re.findall(r'(\w+)="([^"\\]*)"', rest))
        said = ", ".join(f'{key}="{text}"' for key, text in parameters.items())
        self.assertEqual(rest, said)
        return parameters


class CredentialTests(BearerTestCase):
    """Where a token may be, and how it is written."""

    def test_g001_missing(self) -> None:
        """Nothing was wrong when nothing was sent; the challenge says where to go."""
        denied = self.refused()
        self.assertEqual(denied.status, 401)
        self.assertEqual(
            self.challenge(denied),
            {"resource_metadata": f"{METADATA}/mcp", "scope": "trino:read"},
        )
        self.assertEqual(set(json.loads(denied.body)), {"error", "error_description"})
        self.assertEqual(self.audit.records, [])

    def test_g002_scheme(self) -> None:
        """The scheme is written in any case, with one blank or more."""
        for credential in (b"bearer good", b"BEARER good", b"Bearer   good"):
            self.assertEqual(self.who(credential).subject, "ada")

    def test_g003_two_headers(self) -> None:
        """Two credentials are one too many, in two headers or in one."""
        for credentials in (
            (GOOD, GOOD),
            (GOOD, b"Basic dXNlcjpw"),
            (b"Bearer good, Bearer good",),
            (b"Basic dXNlcjpw, Bearer good",),
            (b"Bearer good,Basic dXNlcjpw",),
        ):
            denied = self.refused(*credentials)
            self.assertEqual(denied.status, 400)
            self.assertEqual(self.challenge(denied)["error"], "invalid_request")

    def test_g004_query_only(self) -> None:
        """A token in the query is none."""
        denied = self.refused(uri=b"/mcp?access_token=good")
        self.assertEqual(denied.status, 401)
        self.assertNotIn("error", self.challenge(denied))
        self.assertEqual(self.introspector.asked, [])

    def test_g005_header_and_query(self) -> None:
        """A token in both places is refused, however its name is written."""
        for query in (b"access_token=good", b"a=1&access%5Ftoken="):
            denied = self.refused(GOOD, uri=b"/mcp?" + query)
            self.assertEqual(denied.status, 400)
        self.assertEqual(self.who(GOOD, uri=b"/mcp?token=1").subject, "ada")

    def test_g006_no_token(self) -> None:
        """The scheme alone, or with what is no token, is malformed."""
        for credential in (
            b"Bearer",
            b"Bearer  ",
            b"Bearer a b",
            b'Bearer "x"',
            b"Bearer a\x00",
            b"Bearer \x80",
            b"Bearer =",
            b"Bearer a=b",
            b"Bearer good\n",
        ):
            denied = self.refused(credential)
            self.assertEqual(denied.status, 400, credential)
            self.assertEqual(self.challenge(denied)["error"], "invalid_request")
        self.assertEqual(self.introspector.asked, [])

    def test_g007_other_schemes(self) -> None:
        """Another scheme is as good as nothing."""
        for credential in (b"Basic dXNlcjpw", b"DPoP good", b"Negotiate x", b"Bearerx"):
            denied = self.refused(credential)
            self.assertEqual(denied.status, 401)
            self.assertNotIn("error", self.challenge(denied))

    def test_g008_long(self) -> None:
        """A token of more than 8192 bytes is not looked at."""
        long = "a" * 8193
        self.introspector.tokens[long] = self.introspector.tokens[long[1:]] = active()
        denied = self.refused(b"Bearer " + long.encode())
        self.assertEqual(denied.status, 401)
        self.assertEqual(self.challenge(denied)["error"], "invalid_token")
        self.assertEqual(self.who(b"Bearer " + long[1:].encode()).subject, "ada")

    @given(st.binary(max_size=60))
    def test_any_credential(self, credential: bytes) -> None:
        """Nothing that is not the good token lets anybody in."""
        asking = self.check.authenticate([credential], b"/mcp")
        self.failureResultOf(asking, AccessDenied)

    def test_without_documents(self) -> None:
        """Where there is no document the challenge names none."""
        self.check = self.make(announced=False)
        self.assertEqual(self.challenge(self.refused()), {"scope": "trino:read"})


class DecisionTests(BearerTestCase):
    """What becomes of a token."""

    def test_principal(self) -> None:
        """A good token gives who came, with what is known of her."""
        principal = self.who(GOOD)
        self.assertEqual(principal.issuer, "https://id.example")
        self.assertEqual(principal.name, "ada")
        self.assertEqual(principal.scopes, {"trino:read"})
        self.assertEqual(principal.token_mark, sha256(b"good").hexdigest()[:8])
        self.assertEqual(principal.expires_at, NOW + 3660)
        self.assertEqual(principal.token, "")
        self.assertEqual(self.audit.records[0]["outcome"], "accepted")

    def test_token_for_exchange(self) -> None:
        """The token goes along only where it is to be exchanged, and is not shown."""
        self.check = self.make(keeps_token=True)
        for _ in range(2):
            principal = self.who(GOOD)
            self.assertEqual(principal.token, "good")
            self.assertNotIn("good", repr(principal))

    def test_invalid(self) -> None:
        """A token that does not hold is refused, unsaid why."""
        denied = self.refused(b"Bearer bad")
        self.assertEqual(denied.status, 401)
        challenge = self.challenge(denied)
        self.assertEqual(challenge["error"], "invalid_token")
        self.assertEqual(list(challenge)[-1], "error_description")
        self.assertEqual(challenge["resource_metadata"], f"{METADATA}/mcp")
        mark = sha256(b"bad").hexdigest()[:8]
        self.assertEqual(self.audit.records[0]["token"], mark)
        self.assertIn(("X-Correlation-Id", mark), denied.headers)
        self.assertNotIn("bad", denied.body)

    def test_told_sparingly(self) -> None:
        """Whoever tries many tokens fills no disk; how many is on record."""
        for number in range(1000):
            self.refused(b"Bearer bad%d" % number)
        self.assertEqual(len(self.audit.records), 60)
        self.clock.advance(60)
        self.refused(b"Bearer bad")
        self.assertEqual((len(self.audit.records), self.sums), (61, [940]))

    def test_g039_resource(self) -> None:
        """A token for one endpoint is none for the other, but one for both is."""
        self.introspector.tokens |= {
            "events": active(audiences=(f"{ORIGIN}/sse",)),
            "api": active(audiences=("api://trino", "x")),
            "evil": active(audiences=(f"{ORIGIN}/mcp-evil", f"{ORIGIN}/mcp/")),
        }
        for uri in (b"/sse", b"/messages?session_id=1", b"/messages/"):
            self.assertEqual(self.who(b"Bearer events", uri=uri).subject, "ada")
            denied = self.refused(GOOD, uri=uri)
            self.assertEqual(denied.status, 401)
            self.assertEqual(
                self.challenge(denied)["resource_metadata"], f"{METADATA}/sse"
            )
            self.who(b"Bearer api", uri=uri)
        self.who(b"Bearer api")
        for token in (b"events", b"evil"):
            self.assertEqual(self.refused(b"Bearer " + token).status, 401)
        # What was remembered for one endpoint says nothing about the other.
        self.who(GOOD)
        self.assertEqual(self.refused(GOOD, uri=b"/sse").status, 401)

    def test_g058_undecidable(self) -> None:
        """Where nobody can say, it is neither yes nor no."""
        self.introspector.broken = True
        self.failureResultOf(self.asking(GOOD), Undecidable)

    def test_not_recorded(self) -> None:
        """Nobody comes in unrecorded."""
        self.audit.broken = True
        self.failureResultOf(self.asking(GOOD), AuditUnwritable)


class CacheTests(BearerTestCase):
    """How long an answer is believed."""

    def asked(self) -> int:
        """Give how often the worker was asked, having asked who it is once more."""
        self.who(GOOD)
        return len(self.introspector.asked)

    def test_remembered(self) -> None:
        """It is asked again after five minutes."""
        self.assertEqual(self.asked(), 1)
        self.clock.advance(299)
        self.assertEqual(self.asked(), 1)
        self.clock.advance(1)
        self.assertEqual(self.asked(), 2)

    def test_outage(self) -> None:
        """H-9: a worker that is away is not missed by those who came lately."""
        self.who(GOOD)
        self.introspector.broken = True
        self.clock.advance(299)
        self.who(GOOD)
        self.clock.advance(1)
        self.failureResultOf(self.asking(GOOD), Undecidable)

    def test_g051_expired(self) -> None:
        """Nothing is remembered past the end of the token."""
        self.introspector.tokens["good"] = active(expires_at=NOW + 2)
        self.who(GOOD)
        self.introspector.tokens.clear()
        self.clock.advance(1)
        self.who(GOOD)
        self.clock.advance(1)
        self.assertEqual(self.refused(GOOD).status, 401)

    def test_within_leeway(self) -> None:
        """A token that has just ended is asked about each time."""
        self.introspector.tokens["good"] = active(expires_at=NOW - 30)
        self.assertEqual(self.asked(), 1)
        self.assertEqual(self.asked(), 2)

    def test_g052_key_withdrawn(self) -> None:
        """When the keys change nothing that they vouched for is believed."""
        self.introspector.tokens["other"] = active(subject="grace", generation="2")
        self.who(GOOD)
        self.who(b"Bearer other")
        del self.introspector.tokens["good"]
        self.assertEqual(self.refused(GOOD).status, 401)

    def test_g052_key_watched(self) -> None:
        """The same when the new state of the keys is told."""
        self.who(GOOD)
        self.cache.renew("1")
        self.assertEqual(self.asked(), 1)
        self.cache.renew("2")
        self.assertEqual(self.asked(), 2)

    def test_evicted(self) -> None:
        """Whoever ends a grant has its tokens forgotten, and no others."""
        self.introspector.tokens["other"] = active(subject="grace", grant="g-2")
        self.who(GOOD)
        self.who(b"Bearer other")
        self.cache.evict(lambda said: said.grant == "g-2")
        self.who(GOOD)
        self.who(b"Bearer other")
        self.assertEqual(self.introspector.asked, ["good", "other", "other"])

    def test_bounded(self) -> None:
        """Ten thousand are remembered; the one not used for longest goes first."""
        digests = [number.to_bytes(4, "big") for number in range(10_001)]
        principal = Principal("i", "s", "n")
        for digest in digests:
            self.cache.keep(digest, "/mcp", active(), principal)
            self.cache.find(digests[0], "/mcp")
        self.assertIsNotNone(self.cache.find(digests[0], "/mcp"))
        self.assertIsNone(self.cache.find(digests[1], "/mcp"))
        self.assertIsNotNone(self.cache.find(digests[-1], "/mcp"))

    def test_none(self) -> None:
        """It can be told to remember nothing."""
        self.cache.ttl_seconds = 0.0
        self.assertEqual(self.asked(), 1)
        self.assertEqual(self.asked(), 2)

    def test_no_token_is_kept(self) -> None:
        """What is remembered has no token in it."""
        self.check = self.make(keeps_token=True)
        self.who(GOOD)
        known = self.cache.find(sha256(b"good").digest(), f"{ORIGIN}/mcp")
        self.assertEqual(known and known.principal.token, "")


class RevocationTests(BearerTestCase):
    """Who was let in may be sent away."""

    def test_g050_revoked_grant(self) -> None:
        """A token of this server's own ends with its grant, at once."""
        revoked: set[str] = set()
        self.introspector.tokens["good"] = active(grant="g-1")
        self.check = self.make(revoked=lambda grant: succeed(grant in revoked))
        self.who(GOOD)
        revoked.add("g-1")
        self.assertEqual(self.refused(GOOD).status, 401)
        revoked.clear()
        self.who(GOOD)
        self.assertEqual(len(self.introspector.asked), 2)

    def test_revoked_before(self) -> None:
        """A token that was revoked before it came is never recorded as accepted."""
        self.introspector.tokens["good"] = active(grant="g-1")
        self.check = self.make(revoked=lambda _: succeed(True))
        self.assertEqual(self.refused(GOOD).status, 401)
        self.assertEqual([r["outcome"] for r in self.audit.records], ["refused"])

    def test_blocked_token(self) -> None:
        """A token that is blocked by its id or hash is one that was revoked."""
        for name in ("jti-ada", sha256(b"good").hexdigest()):
            self.check = self.make(AdmissionSettings(blocked=(name,)))
            denied = self.refused(GOOD)
            self.assertEqual(denied.status, 401)
            self.assertEqual(self.challenge(denied)["error"], "invalid_token")

    def test_blocked_person(self) -> None:
        """A person or client that is blocked is told so by the tools, not sent off."""
        for name in ("ada", "claude"):
            self.check = self.make(AdmissionSettings(blocked=(name,)))
            self.assertIn("blocked", self.who(GOOD).refusal)

    def test_blocked_at_once(self) -> None:
        """A line in the file holds within a second, also for who is remembered."""
        path = Path(self.mktemp())
        path.write_text("")
        self.check = self.make(AdmissionSettings(blocked_file=path))
        self.assertEqual(self.who(GOOD).refusal, "")
        path.write_text("# who left\nada\n")
        self.clock.advance(1)
        self.assertIn("blocked", self.who(GOOD).refusal)
        path.unlink()
        self.clock.advance(1)
        self.assertIn("blocked", self.who(GOOD).refusal)
        path.write_text("grace\n")
        self.clock.advance(1)
        self.assertEqual(self.who(GOOD).refusal, "")

    def test_not_admitted(self) -> None:
        """Whoever is not admitted has a principal with the reason, and a record."""
        self.check = self.make(AdmissionSettings(subjects=("grace",)))
        self.assertIn("not one of those", self.who(GOOD).refusal)
        self.assertEqual(self.audit.records[0]["outcome"], "not admitted")

    def test_own_rules(self) -> None:
        """Another way to recognize people can be given."""

        def recognize(said: Active) -> Principal:
            return evolve(Principal(said.issuer, said.subject, "x"), refusal="no")

        self.check.recognize = recognize
        self.assertEqual(self.who(GOOD).refusal, "no")
