"""Tests of the whole edge with tokens: what is asked for, shown and refused."""

import json
import time
from hashlib import sha256
from typing import Any

from twisted.internet.task import Clock

from mcp_trino.active import Active
from mcp_trino.oauth.admission import make_admission
from mcp_trino.oauth.challenges import Challenges
from mcp_trino.oauth.resource_metadata import make_resources
from mcp_trino.oauth.scopes import Scopes
from mcp_trino.principal import Principal
from mcp_trino.settings import AdmissionSettings
from mcp_trino.sparing import Sparing
from mcp_trino.web.authority import Authority
from mcp_trino.web.bearer import BearerCheck
from mcp_trino.web.documents import document_resources
from mcp_trino.web.token_cache import TokenCache
from tests.recording import RecordingAudit
from tests.web.serving import INITIALIZE, JSON_HEADERS, ServiceTestCase, modern, rpc
from tests.web.tokens import ORIGIN, ScriptedIntrospector, active

WELL_KNOWN = "/.well-known/oauth-protected-resource"
METADATA = f"{ORIGIN}{WELL_KNOWN}"
BOTH = (f"{ORIGIN}/mcp", f"{ORIGIN}/sse")
READ, WRITE = frozenset({"trino:read"}), frozenset({"trino:write"})


def bearer(token: str) -> dict[str, str]:
    """Give the header with a token."""
    return {"Authorization": f"Bearer {token}"}


def alive(subject: str, scopes: frozenset[str] = WRITE, **said: Any) -> Active:
    """Give what a token says that holds for an hour from now."""
    return active(
        subject,
        **{"expires_at": time.time() + 3600, "audiences": BOTH, **said},
        scopes=scopes,
    )


class GuardedTestCase(ServiceTestCase):
    """Serves people with tokens."""

    announced = True
    rules = AdmissionSettings(subjects=("ada", "bob"))

    def guards(self) -> dict[str, Any]:
        """Ask for tokens; those of four people hold."""
        self.introspector = ScriptedIntrospector(
            {
                "ada": alive("ada"),
                "bob": alive("bob"),
                "ada-elsewhere": alive("ada", client_id="other"),
                "reader": alive("ada", READ),
                "nothing": alive("ada", frozenset()),
                "stranger": alive("eve"),
                "ending": alive("ada", expires_at=time.time() - 59.9),
            }
        )
        admission = make_admission(self.rules, Clock())
        challenges = Challenges(self.announced)
        scopes = Scopes("trino:read", "trino:write")
        resources = make_resources(ORIGIN, scopes.supported)
        self.authenticator = BearerCheck(
            self.introspector,
            TokenCache(300.0, time.time),
            admission,
            RecordingAudit(),
            Sparing(Clock(), lambda _: None),
            resources,
            challenges,
            audiences=frozenset(),
            recognize=admission.admit,
            leeway_seconds=60.0,
        )
        documents = resources.documents("https://id.example/")
        return {
            "authority": Authority(scopes, challenges, resources),
            "open_resources": document_resources(documents if self.announced else {}),
            "worker_ready": lambda: not self.introspector.broken,
        }

    async def call_as(self, token: str, name: str, **headers: str) -> Any:
        """Call a tool with a token."""
        lines, body = modern("tools/call", name=name, arguments={})
        lines = {**lines, **bearer(token), **headers}
        return await self.ask("POST", "/mcp", lines, body)


class ChallengeTests(GuardedTestCase):
    """Who comes without a good token."""

    async def test_g001_challenge(self) -> None:
        """A-10: one header, exactly; the body is JSON that nobody keeps."""
        self.serve()
        for path, name in (("/mcp", "mcp"), ("/mcp/", "mcp"), ("/sse", "sse")):
            answer = await self.ask("POST", path, {"Host": "mcp.example"}, b"{}")
            self.assertEqual(answer.status, 401)
            self.assertEqual(
                answer.headers.get_all("WWW-Authenticate"),
                [f'Bearer resource_metadata="{METADATA}/{name}", scope="trino:read"'],
            )
            self.assertEqual(answer.headers["Cache-Control"], "no-store")
            self.assertEqual(answer.headers["Content-Type"], "application/json")

    async def test_before_everything(self) -> None:
        """A-7: whatever is asked of the endpoints, the challenge comes first."""
        self.serve()
        for method in ("GET", "DELETE", "PUT"):
            self.assertEqual((await self.ask(method, "/mcp")).status, 401)
        for method, path in (("POST", "/sse"), ("GET", "/messages")):
            self.assertEqual((await self.ask(method, path)).status, 401)
        self.assertEqual((await self.ask("PUT", "/mcp", bearer("ada"))).status, 405)

    async def test_g003_two_headers(self) -> None:
        """Two headers are one too many, as they come over the wire."""
        self.serve()
        twice = {"Authorization": "Bearer ada\r\nAuthorization: Bearer ada"}
        answer = await self.ask("GET", "/mcp", twice)
        self.assertEqual(answer.status, 400)
        self.assertIn('error="invalid_request"', answer.headers["WWW-Authenticate"])

    async def test_browser(self) -> None:
        """A page may read the challenge."""
        self.serve()
        answer = await self.ask("POST", "/mcp", {"Origin": "https://inspector.example"})
        self.assertEqual(answer.status, 401)
        exposed = answer.headers["Access-Control-Expose-Headers"]
        self.assertIn("WWW-Authenticate", exposed)

    async def test_undecidable(self) -> None:
        """A-14: a worker that is down is neither yes nor no; it is no reason to log in."""
        self.serve()
        self.introspector.broken = True
        answer = await self.call_as("ada", "whoami")
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.headers["Retry-After"], "3")
        self.assertNotIn("WWW-Authenticate", answer.headers)
        answer = await self.ask("GET", "/readyz")
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.json()["worker"], "not ready")
        self.introspector.broken = False
        self.assertEqual((await self.call_as("ada", "whoami")).status, 200)
        self.assertEqual((await self.ask("GET", "/readyz")).json()["worker"], "ready")

    async def test_each_request(self) -> None:
        """A-8: a session does not stand in for a token."""
        self.serve()
        session = await self.open_session(**bearer("ada"))
        del session["Authorization"]
        for method in ("POST", "GET", "DELETE"):
            answer = await self.ask(method, "/mcp", session, rpc("ping", id=1))
            self.assertEqual(answer.status, 401)

    async def test_g061_names(self) -> None:
        """Another host or page is refused before anything is said of tokens."""
        self.serve()
        for headers, status in (
            ({"Host": "evil"}, 421),
            ({"Origin": "https://evil"}, 403),
            ({"Origin": "null"}, 403),
        ):
            answer = await self.ask("POST", "/mcp", headers)
            self.assertEqual(answer.status, status)
            self.assertNotIn("WWW-Authenticate", answer.headers)


class ScopeTests(GuardedTestCase):
    """What a token allows."""

    async def test_g063_missing_scope(self) -> None:
        """The client is asked for all that it needs, and nothing was begun."""
        self.serve()
        for token, tool, scope in (
            ("nothing", "whoami", "trino:read"),
            ("nothing", "wait", "trino:read trino:write"),
            ("reader", "wait", "trino:read trino:write"),
        ):
            answer = await self.call_as(token, tool)
            self.assertEqual(answer.status, 403)
            mark = sha256(token.encode()).hexdigest()[:8]
            self.assertEqual(answer.headers["X-Correlation-Id"], mark)
            challenge = answer.headers["WWW-Authenticate"]
            self.assertTrue(
                challenge.startswith(
                    f'Bearer error="insufficient_scope", '
                    f'resource_metadata="{METADATA}/mcp", scope="{scope}", '
                ),
                challenge,
            )
        self.assertEqual(self.small.running, 0)

    async def test_granted(self) -> None:
        """A larger scope contains the smaller one; to look around none is needed."""
        self.serve()
        for token in ("ada", "reader"):
            self.assertEqual((await self.call_as(token, "whoami")).status, 200)
        prompt = modern("prompts/get", name="explore_schema", arguments={})
        for (headers, body), status in ((modern("tools/list"), 200), (prompt, 403)):
            answer = await self.ask("POST", "/mcp", headers | bearer("nothing"), body)
            self.assertEqual(answer.status, status)

    def test_may_write(self) -> None:
        """Who may write is known beforehand."""
        authority = self.guards()["authority"]
        for scopes, may in ((READ, False), (WRITE, True), (frozenset(), False)):
            somebody = Principal("https://id.example", "1", "ada", scopes=scopes)
            self.assertEqual(authority.may_write(somebody), may)

    async def test_g064_names_differ(self) -> None:
        """The body decides, not the header; where they differ it is an error."""
        self.serve()
        answer = await self.call_as("ada", "wait", **{"Mcp-Name": "whoami"})
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.json()["error"]["code"], -32020)
        answer = await self.call_as("reader", "wait", **{"Mcp-Name": "whoami"})
        self.assertEqual(answer.status, 403)

    async def test_two_readings(self) -> None:
        """A body that can be read in two ways runs nothing that needs more."""
        self.serve()
        session = await self.open_session(**bearer("reader"))
        calls = [json.dumps({"name": name}) for name in ("whoami", "wait")]
        start = '{"jsonrpc":"2.0","id":1,"method":"tools/call",'
        for first, second in (calls, calls[::-1]):
            text = f'{start}"params":{first},"params":{second}}}'
            answer = await self.ask("POST", "/mcp", session, text.encode())
            self.assertIn(answer.status, (200, 403))
        for body in (
            b"\xef\xbb\xbf" + rpc("tools/call", id=1, name="wait"),
            rpc("tools/call", id=1, name="wait").decode().encode("utf-16"),
        ):
            await self.ask("POST", "/mcp", session, body)
        self.assertEqual(self.small.running, 0)
        self.assertEqual(self.small.outcomes, [])

    async def test_messages(self) -> None:
        """The messages of HTTP with SSE are judged in the same way."""
        self.serve()
        _, endpoint = await self.open_sse(**bearer("reader"))
        status = await self.post_sse(endpoint, INITIALIZE, **bearer("reader"))
        self.assertEqual(status, 202)
        call = rpc("tools/call", id=1, name="wait")
        self.assertEqual(await self.post_sse(endpoint, call, **bearer("reader")), 403)
        self.assertEqual(self.small.running, 0)

    async def test_not_admitted(self) -> None:
        """Who may not enter is told why, and is not sent to log in again."""
        self.serve()
        headers, body = modern("resources/list")
        answer = await self.ask("POST", "/mcp", headers | bearer("stranger"), body)
        self.assertNotIn(answer.status, (401, 403))
        self.assertIn("not one of those", answer.json()["error"]["message"])


class OwnerTests(GuardedTestCase):
    """What belongs to whom."""

    async def test_g065_sessions(self) -> None:
        """A session is found only by who opened it, also through the same client."""
        self.serve()
        session = await self.open_session(**bearer("ada"))
        for token, status in (("ada", 200), ("bob", 404), ("ada-elsewhere", 404)):
            answer = await self.ask(
                "POST", "/mcp", {**session, **bearer(token)}, rpc("ping", id=1)
            )
            self.assertEqual(answer.status, status, token)

    async def test_g065_messages(self) -> None:
        """The same for HTTP with SSE."""
        self.serve()
        _, endpoint = await self.open_sse(**bearer("ada"))
        for token, status in (("bob", 404), ("ada-elsewhere", 404), ("ada", 202)):
            answered = await self.post_sse(endpoint, INITIALIZE, **bearer(token))
            self.assertEqual(answered, status, token)

    async def test_new_token(self) -> None:
        """A session goes on with the next token of the same person and client."""
        self.serve()
        session = await self.open_session(**bearer("ada"))
        answer = await self.ask(
            "POST", "/mcp", {**session, **bearer("reader")}, rpc("ping", id=1)
        )
        self.assertEqual(answer.status, 200)

    async def test_streams_end(self) -> None:
        """A-40: a stream ends with its token, all others go on."""
        self.serve()
        lines = {"Accept": "text/event-stream", "Connection": "close"}
        lasting = await self.begin(
            "GET", {**await self.open_session(**bearer("ada")), **lines}
        )
        await lasting.until(b"\r\n\r\n")
        ending = await self.open_session(**bearer("ending"))
        for path in ("/mcp", "/sse"):
            stream = await self.begin("GET", {**ending, **lines}, path=path)
            self.assertIn(b"200 OK", await stream.closed)
        self.assertFalse(lasting.closed.called)


class DocumentTests(GuardedTestCase):
    """What programs read before they have a token."""

    async def test_documents(self) -> None:
        """A-23: each endpoint's, at its path and at the root, for pages as well."""
        self.serve()
        for path, resource in (
            (WELL_KNOWN, "/mcp"),
            (f"{WELL_KNOWN}/", "/mcp"),
            (f"{WELL_KNOWN}/mcp", "/mcp"),
            (f"{WELL_KNOWN}/mcp/", "/mcp"),
            (f"{WELL_KNOWN}/sse", "/sse"),
        ):
            answer = await self.ask("GET", path, {"Origin": "https://anywhere.example"})
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["Content-Type"], "application/json")
            self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
            self.assertEqual(answer.json()["resource"], f"{ORIGIN}{resource}")
            empty = await self.ask("HEAD", path)
            self.assertEqual((empty.status, empty.body), (200, b""))
            self.assertEqual(
                empty.headers["Content-Length"], answer.headers["Content-Length"]
            )

    async def test_preflight(self) -> None:
        """A-29: a page may send what clients send."""
        self.serve()
        asked = {
            "Origin": "https://anywhere.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "mcp-protocol-version",
        }
        answer = await self.ask("OPTIONS", f"{WELL_KNOWN}/mcp", asked)
        self.assertEqual(answer.status, 204)
        self.assertEqual(
            answer.headers["Access-Control-Allow-Headers"], "mcp-protocol-version"
        )
        answer = await self.ask("POST", f"{WELL_KNOWN}/mcp", {}, b"{}")
        self.assertEqual(answer.status, 405)
        self.assertEqual(answer.headers["Allow"], "GET, HEAD, OPTIONS")

    async def test_g062_forwarded(self) -> None:
        """What a proxy says of the host changes nothing."""
        self.serve()
        for headers in (
            {"X-Forwarded-Host": "evil", "Forwarded": "host=evil"},
            {"X-Forwarded-Proto": "http"},
        ):
            answer = await self.ask("GET", f"{WELL_KNOWN}/mcp", headers)
            self.assertEqual(answer.json()["resource"], f"{ORIGIN}/mcp")
        self.assertEqual(
            (await self.ask("GET", f"{WELL_KNOWN}/mcp", {"Host": "evil"})).status, 421
        )

    async def test_no_other_documents(self) -> None:
        """A-9, A-28: others are missing, in JSON, for everybody."""
        self.serve()
        for name in (
            "oauth-authorization-server",
            "oauth-authorization-server/mcp",
            "openid-configuration",
            "openid-configuration/mcp",
            "oauth-protected-resource/other",
            "jwks.json",
            "mcp",
            "",
        ):
            answer = await self.ask("GET", f"/.well-known/{name}")
            self.assertEqual(answer.status, 404, name)
            self.assertEqual(answer.headers["Content-Type"], "application/json")


class UnannouncedTests(GuardedTestCase):
    """Mode ``hmac``: there is nobody to get a token from."""

    announced = False

    async def test_no_document(self) -> None:
        """There is no document, and the challenge names none."""
        self.serve()
        for path in (WELL_KNOWN, f"{WELL_KNOWN}/mcp"):
            self.assertEqual((await self.ask("GET", path)).status, 404)
        answer = await self.ask("POST", "/mcp", JSON_HEADERS, b"{}")
        self.assertEqual(
            answer.headers["WWW-Authenticate"], 'Bearer scope="trino:read"'
        )


class ShareTests(GuardedTestCase):
    """How much of the server one caller may have."""

    async def test_sessions(self) -> None:
        """A caller's least used session gives way to a new one, and no other's."""
        self.serve()
        bob = await self.open_session(**bearer("bob"))
        elsewhere = await self.open_session(**bearer("ada-elsewhere"))
        hers = [await self.open_session(**bearer("ada")) for _ in range(4)]
        ping = rpc("ping", id=2)
        self.assertEqual((await self.ask("POST", "/mcp", hers[0], ping)).status, 200)
        hers.append(await self.open_session(**bearer("ada")))
        found = [
            (await self.ask("POST", "/mcp", session, ping)).status
            for session in (bob, elsewhere, *hers)
        ]
        self.assertEqual(found, [200, 200, 200, 404, 200, 200, 200])
