"""Tests of codes, refresh tokens and their end (G104 to G119)."""

import json
from typing import Any
from urllib.parse import urlencode

from attrs import evolve
from twisted.internet.defer import Deferred

from mcp_trino.active import Active
from mcp_trino.errors import NoTrinoUser
from mcp_trino.oauth.sealing import Sealer
from mcp_trino.principal import Principal
from tests.oauth.world import (
    HOSTED,
    ISSUER,
    LOCAL,
    PROVIDER,
    RESOURCE,
    VERIFIER,
    WorldTestCase,
    body,
    told,
)

_FORM = b"application/x-www-form-urlencoded"


def claims_of(tokens: dict[str, Any]) -> dict[str, Any]:
    """Read the claims of an access token."""
    from jwcrypto.common import base64url_decode

    return json.loads(base64url_decode(tokens["access_token"].split(".")[1]))


class CodeTests(WorldTestCase):
    """A code becomes tokens, once."""

    def test_tokens(self) -> None:
        """The answer is RFC 6749's, and the token says who, for whom and for what."""
        reply = self.redeem(self.log_in())
        self.assertEqual(reply.status, 200)
        tokens = body(reply)
        self.assertEqual(
            set(tokens),
            {"access_token", "token_type", "expires_in", "scope", "refresh_token"},
        )
        self.assertEqual(tokens["token_type"], "Bearer")
        self.assertEqual(tokens["expires_in"], 1800)
        self.assertEqual(tokens["scope"], "trino:read")
        claims = claims_of(tokens)
        now = int(self.clock.seconds())
        expected = {
            "iss": ISSUER,
            "sub": "alice",
            "aud": RESOURCE,
            "client_id": "hosted",
            "scope": "trino:read",
            "iat": now,
            "exp": now + 1800,
            "auth_time": now,
            "idp": PROVIDER,
            "username": "alice",
        }
        self.assertEqual(claims, {**claims, **expected})
        self.assertEqual(set(claims) - set(expected), {"jti", "grant"})
        self.assertTrue(self.holds(tokens))

    def test_person(self) -> None:
        """Tokens carry what rules and Trino need of a person, in bounds."""
        many = tuple(f"group-{n:04}" for n in range(400))
        person = Active(PROVIDER, "t.o", ("us",), 1.0, email="a@b.example", tenant="t")
        for groups, complete, shown, left_out in (
            ((), True, None, None),
            (("analysts", "x"), True, ["analysts", "x"], None),
            (("x",), False, ["x"], True),
            ((*many, "analysts"), True, None, True),
        ):
            self.provider.people["alice"] = evolve(
                person, groups=groups, groups_complete=complete
            )
            tokens = self.tokens()
            claims = claims_of(tokens)
            self.assertEqual(claims["email"], "a@b.example")
            self.assertIs(claims["email_verified"], True)
            self.assertEqual(claims["tenant"], "t")
            self.assertEqual(claims.get("groups"), shown)
            self.assertEqual(claims.get("hasgroups"), left_out)
            self.assertLess(len(tokens["access_token"]), 8000)

    def test_g118_answers(self) -> None:
        """No answer is stored, and none has anything of the provider's."""
        tokens = self.redeem(self.log_in())
        refresh = body(tokens)["refresh_token"]
        for reply in (
            tokens,
            self.refresh(refresh),
            self.refresh("forged"),
            self.token(),
            self.token(
                client_id="nobody", grant_type="refresh_token", refresh_token="x"
            ),
        ):
            headers = dict(reply.headers)
            self.assertEqual(headers[b"Cache-Control"], b"no-store")
            self.assertEqual(headers[b"Pragma"], b"no-cache")
            self.assertEqual(headers[b"Content-Type"], b"application/json")
            self.assertNotIn(b"upstream", reply.body)
            self.assertNotIn(b"id_token", reply.body)

    def test_g104_replay(self) -> None:
        """A code that comes twice is refused and ends what it gave."""
        code = self.log_in()
        tokens = body(self.redeem(code))
        self.is_refused(self.redeem(code), "invalid_grant")
        self.assertFalse(self.holds(tokens))
        self.is_refused(self.refresh(tokens["refresh_token"]), "invalid_grant")
        self.assertEqual(self.audit.records[-1]["event"], "reuse")

    def test_g105_race(self) -> None:
        """Of two redemptions at once one succeeds at most, wherever they meet."""
        code = self.log_in()
        held: list[Deferred[None]] = []
        swap = self.store.swap

        def slow(*arguments: Any) -> Deferred[bool]:
            held.append(Deferred())
            return held[-1].addCallback(lambda _: swap(*arguments))

        self.store = _Slow(self.store, slow)
        self.server = self.make_server()
        answers = [self.token_later(**self.redemption(code)) for _ in range(2)]
        while held:
            held.pop(0).callback(None)
        statuses = sorted(self.successResultOf(answer).status for answer in answers)
        self.assertEqual(statuses, [200, 400])

    def test_g106_late(self) -> None:
        """A code is good for a minute."""
        for seconds, status in ((59, 200), (61, 400)):
            code = self.log_in()
            self.clock.advance(seconds)
            self.assertEqual(self.redeem(code).status, status)

    def test_g107_not_the_one_who_asked(self) -> None:
        """A code is for its client, redirect and verifier; a failure uses it up."""
        for changes in (
            {"client_id": "local"},
            {"redirect_uri": HOSTED.redirect_uris[1]},
            {"redirect_uri": HOSTED.redirect_uris[0] + "&x"},
            {"redirect_uri": None},
            {"code_verifier": "w" * 43},
            {"code_verifier": VERIFIER[:-1]},
            {"code_verifier": "v" * 129},
            {"code_verifier": None},
        ):
            with self.subTest(changes=changes):
                code = self.log_in()
                self.is_refused(self.redeem(code, **changes), "invalid_grant")
                self.assertNotIn("grant/", repr(self.store._values))
                self.is_refused(self.redeem(code), "invalid_grant")

    def test_loopback_port(self) -> None:
        """The redirect has to be the very one of the request, port and all."""
        uri = "http://localhost:4711/callback"
        code = self.log_in(LOCAL, redirect_uri=uri)
        self.is_refused(self.redeem(code, LOCAL), "invalid_grant")
        code = self.log_in(LOCAL, redirect_uri=uri)
        self.assertEqual(self.redeem(code, LOCAL, redirect_uri=uri).status, 200)

    def test_redirect_left_out(self) -> None:
        """Where the request named no redirect, the redemption need not."""
        self.clients["hosted"] = evolve(HOSTED, redirect_uris=HOSTED.redirect_uris[:1])
        for named in (None, HOSTED.redirect_uris[0]):
            code = self.log_in(redirect_uri=None)
            self.assertEqual(self.redeem(code, redirect_uri=named).status, 200)

    def test_resource(self) -> None:
        """A code is for one resource, which need not be named again."""
        for resource, status in (
            (None, 200),
            (f"{RESOURCE}/", 200),
            (f"{ISSUER}/sse", 400),
            ("https://other.example", 400),
        ):
            reply = self.redeem(self.log_in(), resource=resource)
            self.assertEqual(reply.status, status)
        self.is_refused(reply, "invalid_target")
        reply = self.redeem(self.log_in(resource=f"{ISSUER}/sse"), resource=None)
        self.assertEqual(claims_of(body(reply))["aud"], f"{ISSUER}/sse")

    def test_refresh_token_is_no_code(self) -> None:
        """A refresh token is no code, and a code no refresh token."""
        code = self.log_in()
        self.is_refused(self.refresh(code), "invalid_grant")
        tokens = body(self.redeem(code))
        self.is_refused(self.redeem(tokens["refresh_token"]), "invalid_grant")
        self.assertTrue(self.holds(tokens))

    def test_made_up(self) -> None:
        """Made-up tokens of a real grant harm nobody."""
        tokens = self.tokens()
        grant, generation, mac = tokens["refresh_token"].split(".")
        for forged in (
            f"{grant}.{generation}.{'A' * 43}",
            f"{grant}.0.{'A' * 43}",
            f"{grant}.2.{mac}",
            f"{grant}.{generation}.{mac}x",
            f"{grant}.01.{mac}",
            f"{'A' * 22}.{generation}.{mac}",
            "é",
            "x" * 10000,
        ):
            self.is_refused(self.refresh(forged), "invalid_grant")
            self.is_refused(self.redeem(forged), "invalid_grant")
        self.assertTrue(self.holds(tokens))
        self.assertEqual(self.refresh(tokens["refresh_token"]).status, 200)


class _Slow:
    def __init__(self, store: Any, swap: Any) -> None:
        self.swap = swap
        self.put, self.get, self.take = store.put, store.get, store.take


class RequestTests(WorldTestCase):
    """How the token endpoint is spoken to."""

    def answer(
        self, content: bytes, kind: bytes | None = _FORM, auth: Any = None
    ) -> Any:
        """Post anything."""
        return self.successResultOf(self.server.token.answer(kind, auth, content))

    def test_g108_not_a_form(self) -> None:
        """Only a form is taken."""
        good = urlencode(self.redemption("x")).encode()
        for content, kind in (
            (b"{}", b"application/json"),
            (good, b"text/plain"),
            (good, None),
            (b"\xff", _FORM),
        ):
            self.is_refused(self.answer(content, kind), "invalid_request")
        kind = b"Application/X-WWW-Form-URLencoded; charset=utf-8"
        self.is_refused(self.answer(good, kind), "invalid_grant")

    def test_g109_twice(self) -> None:
        """A parameter twice is refused, and a semicolon parts nothing."""
        good = urlencode(self.redemption("x")).encode()
        for content in (
            good + b"&grant_type=authorization_code",
            good + b"&code=x",
            b"a=1;client_id=hosted&grant_type=refresh_token&refresh_token=x",
        ):
            self.is_refused(self.answer(content), "invalid_request")

    def test_g116_grant_type(self) -> None:
        """There are two grant types."""
        for name in ("password", "client_credentials", "urn:x", "refresh_token2"):
            reply = self.token(client_id="hosted", grant_type=name)
            self.is_refused(reply, "unsupported_grant_type")
        for form in (
            {},
            {"grant_type": ""},
            {"grant_type": "authorization_code"},
            {"grant_type": "refresh_token"},
        ):
            self.is_refused(self.token(client_id="hosted", **form), "invalid_request")
        reply = self.token(grant_type="refresh_token", refresh_token="x")
        self.is_refused(reply, "invalid_request")

    def test_unknown_client(self) -> None:
        """A client that is not known learns that it has to register again."""
        for form in (
            self.redemption("x", client_id="nobody"),
            {
                "grant_type": "refresh_token",
                "refresh_token": "x",
                "client_id": "nobody",
            },
        ):
            self.is_refused(self.token(**form), "invalid_client", 401)

    def test_secret(self) -> None:
        """A client that shows a secret is told that it has none."""
        good = urlencode(self.redemption("x")).encode()
        reply = self.answer(good, auth=b"Basic aG9zdGVkOng=")
        self.is_refused(reply, "invalid_client", 401)
        self.assertIn(b"WWW-Authenticate", dict(reply.headers))
        reply = self.answer(good, auth=b"Bearer x")
        self.is_refused(reply, "invalid_client", 401)
        self.assertNotIn(b"WWW-Authenticate", dict(reply.headers))

    def test_unrecorded(self) -> None:
        """What cannot be recorded is not given, and a refresh token stays good."""
        tokens = self.tokens()
        self.audit.broken = True
        asked = len(self.provider.requests)
        reply = self.refresh(tokens["refresh_token"])
        self.assertEqual(len(self.provider.requests), asked)
        self.is_refused(reply, "temporarily_unavailable", 503)
        self.assertIn(b"Retry-After", dict(reply.headers))
        self.audit.broken = False
        self.assertEqual(self.refresh(tokens["refresh_token"]).status, 200)
        self.flushLoggedErrors()


class RefreshTests(WorldTestCase):
    """A refresh token becomes the next one, while the provider agrees."""

    def setUp(self) -> None:
        super().setUp()
        self.first = self.tokens()
        self.provider.requests.clear()

    def test_rotates(self) -> None:
        """Each refresh gives new tokens, and the provider is asked each time."""
        token = self.first["refresh_token"]
        for count in range(1, 4):
            answer = body(self.refresh(token))
            self.assertNotEqual(answer["refresh_token"], token)
            self.assertTrue(self.holds(answer))
            token = answer["refresh_token"]
            self.assertEqual(len(self.provider.requests), count)
        url, form = self.provider.requests[-1]
        self.assertEqual(url, f"{PROVIDER}/token")
        self.assertEqual(set(form), {"grant_type", "refresh_token"})

    def test_person_is_looked_at_again(self) -> None:
        """What the provider says of a person now goes into the next token."""
        person = Active(PROVIDER, "alice", ("us",), 1.0, username="alicia")
        self.provider.people["alice"] = person
        answer = body(self.refresh(self.first["refresh_token"]))
        self.assertEqual(claims_of(answer)["username"], "alicia")
        self.provider.names_again = False
        self.provider.people.clear()
        answer = body(self.refresh(answer["refresh_token"]))
        self.assertEqual(claims_of(answer)["username"], "alicia")

    def test_somebody_else(self) -> None:
        """A provider that names somebody else ends the grant."""
        self.provider.people["alice"] = Active(PROVIDER, "mallory", ("us",), 1.0)
        self.is_refused(self.refresh(self.first["refresh_token"]), "invalid_grant")
        self.assertFalse(self.holds(self.first))

    def test_admission_again(self) -> None:
        """Who may no longer enter is put out at the next refresh."""
        self.refusal = "not any more"
        self.is_refused(self.refresh(self.first["refresh_token"]), "invalid_grant")
        self.assertFalse(self.holds(self.first))

    def test_g110_other_client(self) -> None:
        """Another client's refresh token is refused and harms nobody."""
        token = self.first["refresh_token"]
        self.is_refused(self.refresh(token, client_id="local"), "invalid_grant")
        self.assertEqual(self.provider.requests, [])
        self.assertEqual(self.refresh(token).status, 200)

    def test_g111_grace(self) -> None:
        """Several refreshes at once, or soon after, get the same successor."""
        token = self.first["refresh_token"]
        self.provider.waiting = []
        answers = [self.refresh_later(token) for _ in range(5)]
        self.clock.advance(0.3)
        self.assertEqual(len(self.provider.waiting), 1)
        self.provider.waiting[0].callback(None)
        self.clock.pump([0.2] * 3)
        replies = [self.successResultOf(answer) for answer in answers]
        self.clock.advance(118)
        replies.append(self.refresh(token))
        self.assertEqual({reply.status for reply in replies}, {200})
        self.assertEqual(len({body(reply)["refresh_token"] for reply in replies}), 1)
        self.assertTrue(all(self.holds(body(reply)) for reply in replies))
        self.assertEqual(len(self.provider.requests), 1)

    def test_two_replicas(self) -> None:
        """Two replicas ask the provider once and agree on the successor."""
        token = self.first["refresh_token"]
        self.provider.waiting = []
        first = self.refresh_later(token)
        self.server = self.make_server()
        second = self.refresh_later(token)
        self.clock.advance(0.3)
        self.provider.waiting[0].callback(None)
        self.clock.pump([0.2] * 2)
        tokens = [body(self.successResultOf(one)) for one in (first, second)]
        self.assertEqual(tokens[0]["refresh_token"], tokens[1]["refresh_token"])
        self.assertEqual(len(self.provider.requests), 1)

    def test_dead_replica(self) -> None:
        """A replica that died while it asked holds the others up for a while only."""
        self.provider.waiting = []
        self.refresh_later(self.first["refresh_token"])
        self.provider.waiting = None
        answer = self.refresh_later(self.first["refresh_token"])
        self.clock.pump([1.0] * 29)
        self.assertNoResult(answer)
        self.clock.pump([1.0] * 2)
        self.assertIn(self.successResultOf(answer).status, (200, 503))
        self.assertEqual(self.refresh(self.first["refresh_token"]).status, 200)
        self.flushLoggedErrors()

    def test_g112_reuse(self) -> None:
        """An old refresh token after the grace ends the whole grant."""
        token = self.first["refresh_token"]
        second = body(self.refresh(token))
        self.clock.advance(121)
        self.is_refused(self.refresh(token), "invalid_grant")
        self.is_refused(self.refresh(second["refresh_token"]), "invalid_grant")
        self.assertFalse(self.holds(second))
        self.assertEqual(self.audit.records[-1]["event"], "reuse")

    def test_second_last(self) -> None:
        """A refresh token before the last one ends the grant at once."""
        token = self.first["refresh_token"]
        third = body(self.refresh(body(self.refresh(token))["refresh_token"]))
        self.is_refused(self.refresh(token), "invalid_grant")
        self.assertFalse(self.holds(third))

    def test_g113_more(self) -> None:
        """A refresh gives no more than was granted, and for nothing else."""
        token = self.first["refresh_token"]
        for changes, error in (
            ({"scope": "trino:read trino:write"}, "invalid_scope"),
            ({"resource": "https://other.example"}, "invalid_target"),
            ({"resource": f"{ISSUER}/sse"}, "invalid_target"),
        ):
            self.is_refused(self.refresh(token, **changes), error)
        self.assertEqual(self.provider.requests, [])
        answer = body(self.refresh(token, scope="trino:read openid", resource=RESOURCE))
        self.assertEqual(answer["scope"], "trino:read")

    def test_less(self) -> None:
        """A refresh may ask for less this time."""
        wide = self.tokens(scope="trino:read trino:write")
        answer = body(self.refresh(wide["refresh_token"], scope="trino:read"))
        self.assertEqual(claims_of(answer)["scope"], "trino:read")
        answer = body(self.refresh(answer["refresh_token"]))
        self.assertEqual(answer["scope"], "trino:read trino:write")

    def test_g114_provider_fails(self) -> None:
        """While the provider fails nothing is lost; later the same token is good."""
        token = self.first["refresh_token"]
        for name, value in (("status", 500), ("away", True), ("undecidable", True)):
            setattr(self.provider, name, value)
            reply = self.refresh(token)
            self.is_refused(reply, "temporarily_unavailable", 503)
            self.assertEqual(dict(reply.headers)[b"Retry-After"], b"5")
            self.provider.status = 200
            self.provider.away = self.provider.undecidable = False
            self.clock.advance(61)
        self.assertEqual(self.refresh(token).status, 200)
        self.flushLoggedErrors()

    def test_rotated_upstream(self) -> None:
        """A provider's new refresh token is kept, whatever happens after it came."""
        token = self.first["refresh_token"]
        self.provider.unidentifying = 3
        answer = self.refresh_later(token)
        self.clock.pump([1.0] * 3)
        reply = self.successResultOf(answer)
        self.is_refused(reply, "temporarily_unavailable", 503)
        self.assertEqual(self.refresh(token).status, 200)
        self.flushLoggedErrors()

    def test_worker_busy(self) -> None:
        """A worker that is busy for a moment does not end a refresh."""
        self.provider.unidentifying = 2
        answer = self.refresh_later(self.first["refresh_token"])
        self.clock.pump([1.0] * 3)
        self.assertEqual(self.successResultOf(answer).status, 200)

    def test_g115_let_out(self) -> None:
        """A person whom the provider let out is out at the next refresh."""
        self.provider.out.add("alice")
        token = self.first["refresh_token"]
        self.is_refused(self.refresh(token), "invalid_grant")
        self.assertFalse(self.holds(self.first))
        self.provider.out.clear()
        self.is_refused(self.refresh(token), "invalid_grant")

    def test_idle(self) -> None:
        """A grant that is not used for a fortnight ends; use keeps it."""
        token = self.first["refresh_token"]
        for _ in range(2):
            self.clock.advance(13 * 86400)
            token = body(self.refresh(token))["refresh_token"]
        self.clock.advance(4 * 86400 - 600)
        answer = body(self.refresh(token))
        self.assertEqual(answer["expires_in"], 600)
        self.clock.advance(601)
        self.is_refused(self.refresh(answer["refresh_token"]), "invalid_grant")

    def test_no_refresh_token_upstream(self) -> None:
        """Without one of the provider's there is none of ours."""
        self.provider.refreshes = False
        tokens = self.tokens()
        self.assertNotIn("refresh_token", tokens)
        self.assertTrue(self.holds(tokens))
        self.clock.advance(1801)
        self.assertFalse(self.holds(tokens))

    def test_provider_keeps_its_token(self) -> None:
        """A provider that does not rotate its refresh tokens is fine."""
        self.provider.rotates = False
        second = body(self.refresh(self.first["refresh_token"]))
        self.assertEqual(self.refresh(second["refresh_token"]).status, 200)

    def test_g117_provider_token(self) -> None:
        """A provider's refresh token is nothing here."""
        token = "upstream-refresh-3"
        self.is_refused(self.refresh(token), "invalid_grant")
        self.assertEqual(self.provider.requests, [])

    def test_g119_restart(self) -> None:
        """Between any two steps the server may be another one."""
        question = self.ask(self.request())
        self.server = self.make_server()
        sent = self.reply(question)
        self.server = self.make_server()
        query = self.provider.log_in(sent.uri)
        self.server = self.make_server()
        code = told(self.come_back(query))["code"]
        self.server = self.make_server()
        tokens = body(self.redeem(code))
        for _ in range(2):
            self.server = self.make_server()
            tokens = body(self.refresh(tokens["refresh_token"]))
            self.assertTrue(self.holds(tokens))
        self.keys = self.keys.with_new(self.clock.seconds())
        self.clock.advance(700)
        self.server = self.make_server()
        self.assertEqual(self.refresh(tokens["refresh_token"]).status, 200)


class SubjectTokenTests(WorldTestCase):
    """The provider's token of a person, for the Trino side only."""

    def setUp(self) -> None:
        super().setUp()
        self.server = self.make_server(keeps_access_tokens=True)
        grant = claims_of(self.tokens())["grant"]
        self.alice = Principal(ISSUER, "alice", "alice", grant=grant)

    def subject_token(self) -> Deferred[str]:
        """Ask for it."""
        return self.server.renewal.subject_token(self.alice)

    def test_kept(self) -> None:
        """While it holds it is given as it is, then a new one is fetched, once."""
        first = self.successResultOf(self.subject_token())
        self.assertTrue(first.startswith("upstream-access"))
        self.assertEqual(self.successResultOf(self.subject_token()), first)
        self.assertEqual(len(self.provider.requests), 1)
        self.clock.advance(280)
        self.provider.waiting = []
        pair = [self.subject_token() for _ in range(2)]
        self.provider.waiting[0].callback(None)
        self.clock.advance(0.2)
        second, third = (self.successResultOf(one) for one in pair)
        self.assertEqual(second, third)
        self.assertNotEqual(first, second)
        self.assertEqual(len(self.provider.requests), 2)

    def test_not_kept(self) -> None:
        """Where nothing is exchanged the provider's access token is not kept."""
        self.server = self.make_server()
        tokens = self.tokens()
        sealer = Sealer(self.clock, self.keys.masters)
        _, sealed = self.store._values[f"grant/{claims_of(tokens)['grant']}"]
        kept = sealer.open("grant", sealed.decode())["tokens"]
        self.assertEqual((kept["access"], kept["id_token"]), ("", None))
        self.assertTrue(kept["refresh"].startswith("upstream-refresh"))

    def test_ended(self) -> None:
        """Without a grant, or when the provider let her out, she logs in again."""
        self.clock.advance(280)
        self.provider.out.add("alice")
        self.failureResultOf(self.subject_token(), NoTrinoUser)
        self.alice = evolve(self.alice, grant="x")
        self.failureResultOf(self.subject_token(), NoTrinoUser)


class RevocationTests(WorldTestCase):
    """A client gives its tokens back (RFC 7009)."""

    def revoke(self, **form: str) -> Any:
        """Ask the revocation endpoint."""
        content = urlencode({"client_id": "hosted", **form}).encode()
        return self.successResultOf(self.server.revocation.answer(_FORM, None, content))

    def test_either_token(self) -> None:
        """Either token ends the grant, here and upstream."""
        for name in ("access_token", "refresh_token"):
            tokens = self.tokens()
            self.provider.requests.clear()
            self.assertEqual(self.revoke(token=tokens[name]).status, 200)
            self.assertFalse(self.holds(tokens))
            self.is_refused(self.refresh(tokens["refresh_token"]), "invalid_grant")
            url, form = self.provider.requests[0]
            self.assertEqual(url, f"{PROVIDER}/revoke")
            self.assertTrue(form["token"].startswith("upstream-refresh"))
            self.assertEqual(self.audit.records[-1]["event"], "revoke")

    def test_old_token(self) -> None:
        """A token that was exchanged long ago ends the grant as any other does."""
        tokens = self.tokens()
        self.refresh(tokens["refresh_token"])
        self.clock.advance(121)
        self.provider.requests.clear()
        self.assertEqual(self.revoke(token=tokens["refresh_token"]).status, 200)
        self.assertFalse(self.holds(tokens))
        self.assertEqual(self.provider.requests[0][0], f"{PROVIDER}/revoke")
        self.assertEqual(self.audit.records[-1]["event"], "revoke")

    def test_not_its_own(self) -> None:
        """Another's token and nonsense are answered alike, and nothing ends."""
        tokens = self.tokens()
        for name in ("access_token", "refresh_token"):
            reply = self.revoke(token=tokens[name], client_id="local")
            self.assertEqual((reply.status, reply.body), (200, b""))
        self.assertEqual(self.revoke(token="nonsense").status, 200)
        self.assertTrue(self.holds(tokens))

    def test_refused(self) -> None:
        """Without a token or a client it is no request."""
        self.is_refused(self.revoke(), "invalid_request")
        self.is_refused(self.revoke(token="x", client_id=""), "invalid_request")

    def test_undecidable(self) -> None:
        """When nobody can say whose token it is, it is to be sent again."""
        tokens = self.tokens()
        self.provider.undecidable = True
        reply = self.revoke(token=tokens["access_token"])
        self.is_refused(reply, "temporarily_unavailable", 503)
        self.flushLoggedErrors()

    def test_provider_away(self) -> None:
        """The provider need not be there."""
        tokens = self.tokens()
        self.provider.away = True
        self.assertEqual(self.revoke(token=tokens["refresh_token"]).status, 200)
        self.assertFalse(self.holds(tokens))
