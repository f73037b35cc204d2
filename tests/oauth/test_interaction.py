"""Tests of authorization requests, consent and callback (G88 to G103)."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from mcp_trino.active import Active
from mcp_trino.errors import Undecidable
from mcp_trino.oauth.client import Client
from mcp_trino.oauth.consent import Question
from mcp_trino.oauth.pkce import challenge_of
from mcp_trino.oauth.refusals import Problem
from mcp_trino.oauth.remembered_endpoints import START_SECONDS
from mcp_trino.oauth.responses import Redirect
from mcp_trino.oauth.sealing import Sealer
from tests.oauth.world import (
    HOSTED,
    ISSUER,
    LOCAL,
    PROVIDER,
    RESOURCE,
    SECRET,
    VERIFIER,
    Jar,
    WorldTestCase,
    told,
)


class InteractionTestCase(WorldTestCase):
    """Adds what a person or a client may be told."""

    def is_page(self, outcome: object, status: int = 400) -> None:
        """Assert that a person sees an error page and is sent nowhere."""
        assert isinstance(outcome, Problem), outcome
        self.assertEqual(outcome.status, status)

    def is_error(self, outcome: object, error: str) -> None:
        """Assert that a client is told an error, by whom and with its state."""
        assert isinstance(outcome, Redirect), outcome
        answer = told(outcome)
        self.assertEqual(answer["error"], error)
        self.assertEqual(answer["iss"], ISSUER)
        self.assertEqual(answer.get("state"), "x y/é&")
        self.assertNotIn("code", answer)

    def untouched(self) -> None:
        """Assert that the provider was asked nothing."""
        self.assertEqual(self.provider.requests, [])


class AuthorizationRequestTests(InteractionTestCase):
    """What is refused before a person is asked."""

    def test_question(self) -> None:
        """A good request becomes a question that says who asks for what."""
        question = self.ask(self.request())
        assert isinstance(question, Question)
        request = question.request
        self.assertEqual(request.client_name, "Hosted")
        self.assertEqual(request.redirect_uri, HOSTED.redirect_uris[0])
        self.assertEqual(request.scopes, ("trino:read",))
        self.assertEqual(request.resource, RESOURCE)
        self.untouched()

    def test_client_undecidable(self) -> None:
        """A client whose document cannot be had now is a page that says so."""
        self.unknown = Undecidable("its host is down")
        problem = self.ask(self.request(client_id="https://app.example/client.json"))
        self.is_page(problem, 503)
        self.assertIn("The host that describes it", problem.text)
        self.untouched()

    def test_g088_unknown_client(self) -> None:
        """An unknown or changed client_id is a page, and so is another's blob."""
        question = self.ask(self.request())
        for client_id in ("nobody", "hosted2", question.sealed, None, ""):
            self.is_page(self.ask(self.request(client_id=client_id)))

    def test_g089_redirect(self) -> None:
        """A redirect that is not registered is a page, however little it differs."""
        for uri in (
            "https://app.example/cb",
            "https://app.example/cb?keep=/me",
            "https://app.example/cb/?keep=%2Fme",
            "https://APP.example/cb?keep=%2Fme",
            "https://app.example/CB?keep=%2Fme",
            "https://app.example/2/",
            "https://app.example/2?x",
            "https://evil.example/2",
            "",
        ):
            with self.subTest(uri=uri):
                self.is_page(self.ask(self.request(redirect_uri=uri)))

    def test_loopback_port(self) -> None:
        """On loopback any port will do, and the answer goes to that one."""
        uri = "http://localhost:51234/callback"
        question = self.ask(self.request(LOCAL, redirect_uri=uri))
        self.assertEqual(question.request.redirect_uri, uri)
        for other in (
            "http://localhost:51234/callback2",
            "https://localhost:51234/callback",
            "http://127.0.0.1:51234/callback",
        ):
            self.is_page(self.ask(self.request(LOCAL, redirect_uri=other)))

    def test_redirect_left_out(self) -> None:
        """With one registered redirect it need not be named."""
        self.is_page(self.ask(self.request(redirect_uri=None)))
        self.clients["hosted"] = evolve(HOSTED, redirect_uris=("https://one.example/",))
        question = self.ask(self.request(redirect_uri=None))
        self.assertEqual(question.request.redirect_uri, "https://one.example/")

    def test_g090_pkce(self) -> None:
        """PKCE with S256 is needed; its absence and other methods are refused."""
        for changes in (
            {"code_challenge": None},
            {"code_challenge_method": "plain"},
            {"code_challenge_method": None},
            {"code_challenge_method": "s256"},
            {"code_challenge": "x" * 42},
            {"code_challenge": "x" * 44},
            {"code_challenge": "x" * 42 + "="},
        ):
            with self.subTest(changes=changes):
                self.is_error(self.ask(self.request(**changes)), "invalid_request")

    def test_g091_response_type(self) -> None:
        """Only codes are given, and only after asking a person."""
        for changes, error in (
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"response_type": "code token"}, "unsupported_response_type"),
            ({"response_type": None}, "invalid_request"),
            ({"prompt": "none"}, "interaction_required"),
            ({"response_mode": "form_post"}, "invalid_request"),
        ):
            self.is_error(self.ask(self.request(**changes)), error)

    def test_g092_resource(self) -> None:
        """A resource of somebody else, or two different ones, are refused."""
        for resource in (
            "https://other.example/mcp",
            f"{RESOURCE}-evil",
            f"{RESOURCE}#x",
            "https://u@mcp.example/mcp",
            "mcp",
            "http://mcp.example/mcp",
            [RESOURCE, f"{ISSUER}/sse"],
            [RESOURCE, "https://other.example/mcp"],
            "https://[",
        ):
            with self.subTest(resource=resource):
                outcome = self.ask(self.request(resource=resource))
                self.is_error(outcome, "invalid_target")

    def test_resource_spellings(self) -> None:
        """The same resource may be written as clients do, or left out."""
        for resource in (
            None,
            f"{RESOURCE}/",
            "HTTPS://MCP.example:443/mcp",
            f"{RESOURCE}?kb_name=x",
            [RESOURCE, f"{RESOURCE}/"],
        ):
            question = self.ask(self.request(resource=resource))
            self.assertEqual(question.request.resource, RESOURCE)
        question = self.ask(self.request(resource=f"{ISSUER}/sse"))
        self.assertEqual(question.request.resource, f"{ISSUER}/sse")

    def test_g093_repeated(self) -> None:
        """A parameter that is there twice is refused, on a page if it must be."""
        for name in ("client_id", "redirect_uri"):
            query = self.request() + f"&{name}=x".encode()
            self.is_page(self.ask(query))
        for name in ("scope", "code_challenge", "prompt"):
            query = self.request(prompt="login") + f"&{name}=x".encode()
            self.is_error(self.ask(query), "invalid_request")
        self.is_error(self.ask(self.request() + b"&foo=1&foo=2"), "invalid_request")
        outcome = self.ask(self.request() + b"&state=other")
        self.assertEqual(told(outcome)["error"], "invalid_request")
        self.assertNotIn("state", told(outcome))

    def test_g094_request_uri(self) -> None:
        """Requests by value or reference are refused, and nothing is fetched."""
        for name in ("request", "request_uri"):
            query = self.request(**{name: "http://169.254.169.254/x"})
            self.is_error(self.ask(query), f"{name}_not_supported")
        self.untouched()

    def test_scopes(self) -> None:
        """What is known of the asked scopes is granted, the default for none."""
        for scope, granted in (
            (None, ("trino:read",)),
            ("openid email profile", ("trino:read",)),
            ("trino:write trino:read offline_access x", ("trino:read", "trino:write")),
            ("trino:write", ("trino:write",)),
        ):
            question = self.ask(self.request(scope=scope))
            self.assertEqual(question.request.scopes, granted)
        self.is_error(self.ask(self.request(scope="admin")), "invalid_scope")

    def test_semicolon(self) -> None:
        """A semicolon parts nothing."""
        query = b"a=1;client_id=hosted&" + self.request(client_id=None)
        self.is_page(self.ask(query))

    def test_unreadable(self) -> None:
        """What is no form, no UTF-8 or endless is a page."""
        for query in (b"\xff", b"client_id=%ff", b"&".join([b"a=1"] * 65), b"a=%00"):
            self.is_page(self.ask(query))

    def test_long_state(self) -> None:
        """A state that is too long is refused."""
        outcome = self.ask(self.request(state="x" * 1025))
        self.assertEqual(told(outcome)["error"], "invalid_request")

    @given(state=st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
    def test_state_comes_back(self, state: str) -> None:
        """Whatever the state is, it comes back as it was."""
        if "\0" in state:
            return
        self.jar = Jar()
        outcome = self.ask(self.request(state=state, prompt="none"))
        self.assertEqual(told(outcome).get("state", ""), state)

    @given(st.dictionaries(st.text(min_size=1), st.text()), st.binary())
    def test_any_parameters(self, parameters: dict[str, str], raw: bytes) -> None:
        """Whatever is sent, the answer is a question, a page or our own redirect."""
        self.jar = Jar()
        try:
            more = urlencode(parameters).encode()
        except UnicodeEncodeError:
            more = b"x"
        for query in (raw, self.request() + b"&" + more):
            outcome = self.ask(query)
            if isinstance(outcome, Redirect):
                self.assertTrue(outcome.uri.startswith(HOSTED.redirect_uris[0]))
        self.untouched()


class ConsentTests(InteractionTestCase):
    """What a person answers, and who answers for her."""

    def test_allowed(self) -> None:
        """After a yes she is sent to the provider, with nothing of the client's."""
        sent = self.reply(self.ask(self.request()))
        url = urlsplit(sent.uri)
        self.assertEqual(f"{url.scheme}://{url.netloc}{url.path}", f"{PROVIDER}/auth")
        asked = dict(parse_qsl(url.query))
        self.assertEqual(
            {name: asked[name] for name in ("client_id", "scope", "response_type")},
            {
                "client_id": "us",
                "scope": "openid profile offline_access",
                "response_type": "code",
            },
        )
        self.assertEqual(asked["code_challenge_method"], "S256")
        self.assertNotEqual(asked["code_challenge"], challenge_of(VERIFIER))
        for secret in ("x y", "hosted", "app.example", "resource", SECRET):
            self.assertNotIn(secret, sent.uri)
        self.untouched()

    def test_denied(self) -> None:
        """After a no the client is told, and the provider is asked nothing."""
        outcome = self.reply(self.ask(self.request()), "deny")
        self.is_error(outcome, "access_denied")
        self.assertTrue(outcome.uri.startswith(HOSTED.redirect_uris[0] + "&"))
        self.assertEqual(self.jar.cookies, {})
        self.assertEqual(self.audit.records[0]["allowed"], False)

    def test_g096_forged(self) -> None:
        """A form without the browser's own cookie, or from another page, is refused."""
        question = self.ask(self.request())
        form = urlencode({"question": question.sealed, "answer": "allow"}).encode()
        victim = Jar()
        other = self.reply(self.ask(self.request()))
        self.assertIsInstance(other, Redirect)
        for body, browser in (
            (form, victim.browser(ISSUER)),
            (form, evolve(self.jar.browser(ISSUER), cookies={"ask-00000000": "x"})),
            (form, self.jar.browser("https://evil.example")),
            (form, self.jar.browser("null")),
            (form, self.jar.browser(None, "cross-site")),
            (form, self.jar.browser(ISSUER, "same-site")),
            (b"question=forged&answer=allow", self.jar.browser(ISSUER)),
            (b"answer=allow", self.jar.browser(ISSUER)),
        ):
            outcome = self.outcome(self.server.interaction.answer(body, browser))
            self.is_page(outcome, 403)
        twice = form + b"&answer=deny"
        self.is_page(
            self.outcome(
                self.server.interaction.answer(twice, self.jar.browser(ISSUER))
            )
        )

    def test_stale(self) -> None:
        """A page that is older than ten minutes is refused."""
        question = self.ask(self.request())
        self.clock.advance(601)
        self.is_page(self.reply(question), 403)

    def test_tabs(self) -> None:
        """Several tabs work side by side; of too many the oldest is given up."""
        questions = [self.ask(self.request(state=str(n))) for n in range(11)]
        self.assertEqual(
            len([name for name in self.jar.cookies if name.startswith("ask-")]), 10
        )
        self.is_page(self.reply(questions[0]), 403)
        for question in questions[1:]:
            self.assertIsInstance(self.reply(question), Redirect)

    def test_cookies(self) -> None:
        """Cookies are of this host and https only, and no script reads them."""
        self.log_in()
        for header in self.jar.made:
            self.assertTrue(header.startswith("__Host-mcp-trino-"))
            self.assertIn("; Path=/; Max-Age=", header)
            self.assertTrue(header.endswith("; HttpOnly; SameSite=Lax; Secure"))

    def remembered(self) -> None:
        """Let the hosted client in and have it remembered."""
        self.reply(self.ask(self.request()), remember="yes")

    def test_remembered(self) -> None:
        """A remembered yes is not asked again, in a browser that nobody sent."""
        self.remembered()
        for fetch_site in ("none", "same-origin"):
            outcome = self.ask(self.request(), fetch_site)
            self.assertTrue(outcome.uri.startswith(PROVIDER))

    def test_g102_remembered_for_one(self) -> None:
        """A remembered yes is for one client, one redirect and those scopes."""
        self.remembered()
        self.clients["other"] = Client("other", "Hosted", HOSTED.redirect_uris)
        for changes in (
            {"client_id": "other"},
            {"redirect_uri": HOSTED.redirect_uris[1]},
            {"scope": "trino:write trino:read"},
            {"resource": f"{ISSUER}/sse"},
        ):
            outcome = self.ask(self.request(**changes), "none")
            self.assertIsInstance(outcome, Question)

    def test_g103_sent_by_another_page(self) -> None:
        """A remembered yes does not count when another page sent the browser."""
        self.remembered()
        for fetch_site in ("cross-site", "same-site", None):
            self.assertIsInstance(self.ask(self.request(), fetch_site), Question)

    def test_never_remembered(self) -> None:
        """A yes for what only loopback or an application's scheme proves is not kept."""
        self.clients["app"] = Client("app", "App", ("cursor://app/cb",))
        for client in (LOCAL, self.clients["app"]):
            question = self.ask(self.request(client), "none")
            self.reply(question, remember="yes")
            self.assertNotIn("remembered", self.jar.cookies)
            self.assertIsInstance(self.ask(self.request(client), "none"), Question)

    def test_no_longer_provable(self) -> None:
        """A client that may now send answers to loopback is asked about again."""
        self.remembered()
        more = (*HOSTED.redirect_uris, *LOCAL.redirect_uris)
        self.clients["hosted"] = evolve(HOSTED, redirect_uris=more)
        self.assertIsInstance(self.ask(self.request(), "none"), Question)

    def test_memory_is_bounded(self) -> None:
        """A browser remembers the latest 25, each for 90 days, sealed."""
        for number in range(27):
            name = str(number)
            self.clients[name] = Client(name, name, HOSTED.redirect_uris)
            self.reply(self.ask(self.request(self.clients[name])), remember="yes")
        sealed = self.jar.cookies["remembered"]
        payload = Sealer(self.clock, self.keys.masters).open("remembered", sealed)
        self.assertEqual(len(payload["marks"]), 25)
        self.assertLess(len(sealed), 3000)
        self.assertIsInstance(
            self.ask(self.request(self.clients["0"]), "none"), Question
        )
        self.assertIsInstance(
            self.ask(self.request(self.clients["26"]), "none"), Redirect
        )
        self.jar.cookies["remembered"] = sealed[:-2] + "AA"
        self.assertIsInstance(
            self.ask(self.request(self.clients["26"]), "none"), Question
        )

    def test_provider_unknown(self) -> None:
        """When the provider's endpoints are unknown the client may try again."""
        self.clock.advance(START_SECONDS)
        question = self.ask(self.request())
        self.provider.undecidable = True
        self.is_error(self.reply(question), "temporarily_unavailable")

    def test_unrecorded(self) -> None:
        """What cannot be recorded does not happen."""
        question = self.ask(self.request())
        self.audit.broken = True
        self.is_page(self.reply(question), 503)
        self.untouched()


class CallbackTests(InteractionTestCase):
    """What comes back from the provider."""

    def leave(self, **changes: str) -> bytes:
        """Go to the provider, log in there, and give the query of the way back."""
        sent = self.reply(self.ask(self.request(**changes)))
        return self.provider.log_in(sent.uri)

    def test_code(self) -> None:
        """A login ends at the client with a code, its state and who answers."""
        outcome = self.come_back(self.leave())
        base, _, query = outcome.uri.partition("?")
        self.assertEqual(base, "https://app.example/cb")
        self.assertTrue(query.startswith("keep=%2Fme&code="))
        answer = told(outcome)
        self.assertEqual(answer["state"], "x y/é&")
        self.assertEqual(answer["iss"], ISSUER)
        self.assertNotIn("upstream", outcome.uri)
        self.assertEqual(self.jar.cookies, {})
        events = [record["event"] for record in self.audit.records]
        self.assertEqual(events, ["consent", "login"])

    def test_own_iss(self) -> None:
        """An iss or code that a redirect brings along is replaced."""
        uri = "https://app.example/2?iss=https%3A%2F%2Fevil&i%73s=x&code=1&a"
        self.clients["hosted"] = evolve(HOSTED, redirect_uris=(uri,))
        outcome = self.come_back(self.leave(redirect_uri=uri))
        self.assertTrue(outcome.uri.startswith("https://app.example/2?a&code="))
        self.assertEqual(outcome.uri.count("iss="), 1)

    def test_g097_confused_deputy(self) -> None:
        """A login that another browser began ends on a page, unasked upstream."""
        query = self.leave()
        self.is_page(self.come_back(query, Jar()), 403)
        self.untouched()
        self.assertIn("code", told(self.come_back(query)))

    def test_g098_state(self) -> None:
        """A state that is missing, made up, too old or used is a page, unasked."""
        query = self.leave()
        good = dict(parse_qsl(query.decode()))
        for state in (None, "", "forged", "x" * 5000):
            changed = {"code": good["code"]} | ({"state": state} if state else {})
            self.is_page(self.come_back(urlencode(changed).encode()))
        self.clock.advance(601)
        self.is_page(self.come_back(query))
        self.untouched()
        self.provider.requests.clear()
        jar, query = Jar(), self.leave()
        jar.cookies = dict(self.jar.cookies)
        self.come_back(query)
        asked = len(self.provider.requests)
        self.is_page(self.come_back(query, jar))
        self.assertEqual(len(self.provider.requests), asked)

    def test_g099_issuer(self) -> None:
        """An answer of another provider, or with parameters twice, is a page."""
        query = self.leave()
        for more in (b"&iss=https://other.example", b"&code=x", b"&state=x", b"&x=&x="):
            self.is_page(self.come_back(query + more))
        self.untouched()
        issuer = urlencode({"iss": PROVIDER}).encode()
        self.assertIn("code", told(self.come_back(query + b"&" + issuer)))

    def test_issuer_promised(self) -> None:
        """A provider that says that it names itself has to."""
        self.provider.endpoints_ = evolve(self.provider.endpoints_, sends_issuer=True)
        self.is_page(self.come_back(self.leave()))
        self.untouched()

    def test_g100_error(self) -> None:
        """An error of the provider's is told without a word of its own."""
        for error, shown in (
            ("access_denied", "access_denied"),
            ("temporarily_unavailable", "temporarily_unavailable"),
            ("invalid_scope", "server_error"),
            ('x"><script>', "server_error"),
        ):
            state = dict(parse_qsl(self.leave().decode()))["state"]
            answer = {
                "error": error,
                "error_description": '"><script>alert(1)</script>\r\nX: y',
                "state": state,
            }
            outcome = self.come_back(urlencode(answer).encode())
            self.is_error(outcome, shown)
            self.assertNotRegex(outcome.uri, "alert|<|%3C")
        self.untouched()

    def test_neither_code_nor_error(self) -> None:
        """An answer with neither is an error of the server's."""
        state = dict(parse_qsl(self.leave().decode()))["state"]
        outcome = self.come_back(urlencode({"state": state}).encode())
        self.is_error(outcome, "server_error")

    def test_g101_id_token(self) -> None:
        """An ID token that does not hold gives no code."""
        query = self.leave()
        self.provider.wrong_nonce = True
        self.is_error(self.come_back(query), "access_denied")
        self.assertEqual(self.audit.records[-1]["event"], "refused")

    def test_refused_code(self) -> None:
        """A code that the provider does not take gives none."""
        query = self.leave().replace(b"upstream-code", b"forged-code")
        self.is_error(self.come_back(query), "access_denied")

    def test_provider_fails(self) -> None:
        """A provider that fails or is away gives the client hope."""
        for changes in ({"status": 500}, {"away": True}, {"status": 302}):
            query = self.leave()
            for name, value in changes.items():
                setattr(self.provider, name, value)
            self.is_error(self.come_back(query), "temporarily_unavailable")
            self.provider.status, self.provider.away = 200, False

    def test_admission(self) -> None:
        """Who may not enter gets no code, and the client reads why."""
        query = self.leave()
        self.refusal = 'you are not in "analysts"\\ ä'
        outcome = self.come_back(query)
        self.is_error(outcome, "access_denied")
        description = told(outcome)["error_description"]
        self.assertEqual(description, "you are not in ?analysts?? ?")
        self.assertEqual(self.audit.records[-1]["event"], "refused")

    def test_admission_by_client(self) -> None:
        """Rules see the client that asks, not this server's own id."""
        self.provider.people["alice"] = Active(PROVIDER, "alice", ("us",), 1.0, "us")
        self.come_back(self.leave())
        self.assertEqual(self.audit.records[-1]["principal"].client_id, "hosted")

    def test_nothing_readable_is_kept(self) -> None:
        """The store holds no token, no name and no address in clear."""
        self.come_back(self.leave())
        kept = repr(vars(self.store)) if hasattr(self.store, "__dict__") else ""
        kept += repr(self.store._values)
        self.assertIn("grant/", kept)
        for word in ("upstream", "alice", "app.example", "hosted"):
            self.assertNotIn(word, kept)
