"""Tests of what goes into URLs, cookies and comparisons of resources."""

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.oauth.cookies import Cookies
from mcp_trino.oauth.resource_indicators import canonical
from mcp_trino.oauth.responses import response_uri

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_QUERY = st.lists(
    st.sampled_from(["a", "a=1", "b=%2F", "iss=x", "code=y", "st%61te=z", "", "=&"])
).map("&".join)


class ResponseTests(SynchronousTestCase):
    """The URI of an answer."""

    @given(query=_QUERY, state=st.none() | _TEXT, code=_TEXT)
    def test_any(self, query: str, state: str | None, code: str) -> None:
        """The query stays, and the answer is there once and for all."""
        base = "https://app.example/cb"
        uri = response_uri(f"{base}?{query}", "https://us", state, code=code)
        self.assertTrue(uri.startswith(f"{base}?"))
        uri.encode("ascii")
        pairs = parse_qsl(urlsplit(uri).query, keep_blank_values=True)
        answer = {"code": code, "iss": "https://us"}
        answer |= {} if state is None else {"state": state}
        for name in ("code", "iss", "state"):
            values = [value for other, value in pairs if other == name]
            self.assertEqual(values, [answer[name]] if name in answer else [])
        self.assertEqual(
            query.split("&").count("b=%2F"), uri.split("?")[1].split("&").count("b=%2F")
        )

    def test_no_query(self) -> None:
        """Without a query of its own there is only the answer."""
        uri = response_uri("cursor://x/cb", "https://us", None, error="e")
        self.assertEqual(uri, "cursor://x/cb?error=e&iss=https%3A%2F%2Fus")


class CookieTests(SynchronousTestCase):
    """Names and attributes."""

    def test_plain(self) -> None:
        """On plain http, for development, the name has no prefix and there is no Secure."""
        cookies = Cookies(secure=False)
        self.assertEqual(
            cookies.set("a", "b", 5.0),
            b"mcp-trino-a=b; Path=/; Max-Age=5; HttpOnly; SameSite=Lax",
        )
        self.assertEqual(cookies.read([b"mcp-trino-a=b; other=c"]), {"a": "b"})

    def test_read(self) -> None:
        """Only ours are read, and none that is there twice."""
        cookies = Cookies(secure=True)
        headers = [
            b"__Host-mcp-trino-a=1; mcp-trino-b=2; __Host-mcp-trino-c=3; x; =; \xff=\xff",
            b"__Host-mcp-trino-c=4;__Host-mcp-trino-d=5",
        ]
        self.assertEqual(cookies.read(headers), {"a": "1", "d": "5"})

    @given(st.lists(st.binary()))
    def test_any(self, headers: list[bytes]) -> None:
        """Whatever is sent, it can be read."""
        Cookies(secure=True).read(headers)


class CanonicalTests(SynchronousTestCase):
    """How resources are compared."""

    @given(_TEXT)
    def test_any(self, text: str) -> None:
        """Whatever is sent has a form, and nothing else becomes ours by accident."""
        if canonical(text) == "https://mcp.example/mcp":
            self.assertTrue(text.lower().startswith("https://mcp.example"))

    def test_others(self) -> None:
        """Another port, user, path or host stays another one."""
        for other in (
            "https://mcp.example:8443/mcp",
            "https://a@mcp.example/mcp",
            "https://mcp.example/mcp//",
            "https://mcp.example/MCP",
            "https://mcp.example/mcp#",
            "https://mcp.example.evil/mcp",
            "https://mcp.example:x/mcp",
        ):
            self.assertNotEqual(canonical(other), "https://mcp.example/mcp")
