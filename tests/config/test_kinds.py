"""Tests of ``mcp_trino.config.kinds``."""

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.config.kinds import (
    BINDING,
    BOOLEAN,
    FILE,
    HOST,
    HOST_AND_PORT,
    ORIGIN,
    PORT,
    PUBLIC_URL,
    TEXT,
    Kind,
    list_of,
    one_of,
    origin_of,
    seconds,
    whole,
)


class KindTests(SynchronousTestCase):
    """The text of a setting has one meaning, or none and then a sentence."""

    def refusal(self, kind: Kind, text: str) -> str:
        """Give why a text is not read."""
        return str(self.assertRaises(ValueError, kind.read, text))

    def test_booleans(self) -> None:
        """The usual words for true and false are read in any case."""
        for text in ("1", "t", "T", "TRUE", "true", "Yes", "on", "y"):
            self.assertIs(BOOLEAN.read(text), True)
        for text in ("0", "f", "F", "FALSE", "false", "No", "off", "n"):
            self.assertIs(BOOLEAN.read(text), False)

    @given(st.text())
    def test_no_other_boolean(self, text: str) -> None:
        """No other text becomes a boolean, least of all silently false."""
        if text.lower() not in {*"1ty0fn", "true", "yes", "on", "false", "no", "off"}:
            self.assertIn("is neither true nor false", self.refusal(BOOLEAN, text))

    def test_boolean_words_of_others(self) -> None:
        """Words that look like a boolean and an empty text are refused."""
        for text in ("", "enabled", "2", "none", "tru"):
            self.refusal(BOOLEAN, text)

    @given(st.integers(min_value=-100, max_value=100))
    def test_whole_numbers(self, number: int) -> None:
        """A whole number is read inside its range only."""
        kind = whole(3, 40)
        if 3 <= number <= 40:
            self.assertEqual(kind.read(str(number)), number)
        else:
            self.assertIn("from 3 to 40", self.refusal(kind, str(number)))

    def test_numbers_are_plain(self) -> None:
        """What Python takes for a number besides plain digits is refused."""
        for text in ("1_0", "+10", "10.0", "1e1", "٣", "0x10", "9" * 5000, ""):
            self.refusal(whole(1, 1000), text)
        for text in ("1e1", "nan", "inf", "-1", ".5", "5s", ""):
            self.refusal(seconds(0, 1000), text)

    def test_seconds(self) -> None:
        """A duration may have a fraction."""
        self.assertEqual(seconds(0.1, 10).read("0.25"), 0.25)
        self.assertIn("from 0.1 to 10", self.refusal(seconds(0.1, 10), "11"))

    def test_service_link(self) -> None:
        """The port that Kubernetes writes as a URL is explained."""
        sentence = self.refusal(PORT, "tcp://10.0.0.7:8080")
        self.assertIn("enableServiceLinks: false", sentence)
        self.assertIn("1 to 65535", self.refusal(PORT, "65536"))

    def test_choice(self) -> None:
        """A word is read in any case, another word names the choice."""
        self.assertEqual(one_of("https", "http").read("HTTP"), "http")
        self.assertIn(
            "is not https or http", self.refusal(one_of("https", "http"), "x")
        )

    def test_text_without_control_characters(self) -> None:
        """No text can end a line of an HTTP header."""
        for text in ("a\r\nX-Trino-User: b", "a\x00", "a\tb"):
            self.refusal(TEXT, text)
        self.assertEqual(TEXT.read("Zoë ü"), "Zoë ü")

    def test_hosts(self) -> None:
        """A host is a name or an address, not a URL."""
        self.assertEqual(HOST.read("Trino.Example.COM"), "trino.example.com")
        self.assertEqual(HOST.read("[::1]"), "::1")
        for text in ("https://trino", "trino:8080", "trino/x", "a b", "", "-x", "u@h"):
            self.refusal(HOST, text)

    @given(st.ip_addresses())
    def test_addresses(self, address: IPv4Address | IPv6Address) -> None:
        """Every address is a host, and with a port a Host header."""
        self.assertEqual(HOST.read(str(address)), str(address))
        named = f"[{address}]" if address.version == 6 else str(address)
        self.assertEqual(HOST_AND_PORT.read(f"{named}:8443"), f"{named}:8443")
        self.assertEqual(HOST_AND_PORT.read(named), named)

    def test_host_and_port(self) -> None:
        """A Host header may be without a port, not with a wrong one."""
        self.assertEqual(HOST_AND_PORT.read("Example.com"), "example.com")
        for text in ("example.com:", "example.com:0", "example.com:http", "https://x"):
            self.refusal(HOST_AND_PORT, text)

    def test_public_url(self) -> None:
        """A public URL comes down to its origin, without the scheme's own port."""
        for text, origin in (
            ("https://MCP.example.com/", "https://mcp.example.com"),
            ("https://mcp.example.com:443", "https://mcp.example.com"),
            ("HTTP://mcp.example.com:8080", "http://mcp.example.com:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ):
            self.assertEqual(PUBLIC_URL.read(text), origin)

    def test_no_public_url(self) -> None:
        """A path, a user, a query or another scheme is no public URL."""
        for text in (
            "mcp.example.com",
            "ftp://mcp.example.com",
            "https://mcp.example.com/mcp",
            "https://u:p@mcp.example.com",
            "https://mcp.example.com?x",
            "https://mcp.example.com#x",
            "https://mcp.example.com:99999",
            "https://[::1",
            "https://",
            "https://a b",
        ):
            self.refusal(PUBLIC_URL, text)

    def test_origins(self) -> None:
        """An origin is a scheme and a host; everything and nothing are none."""
        self.assertEqual(
            ORIGIN.read("HTTPS://App.example.com"), "https://app.example.com"
        )
        self.assertEqual(ORIGIN.read("vscode-webview://ab12"), "vscode-webview://ab12")
        for text in ("*", "null", "app.example.com", "https://a/", "https://*.a.com"):
            self.refusal(ORIGIN, text)

    @given(st.text(alphabet=":/.@[]%abz0129-_\\ ", max_size=40))
    def test_readers_only_refuse(self, text: str) -> None:
        """Whatever is written, a reader gives a value or a sentence."""
        for kind in (HOST, HOST_AND_PORT, PUBLIC_URL, ORIGIN, BINDING, PORT):
            try:
                kind.read(text)
            except ValueError as error:
                self.assertTrue(str(error))

    def test_lists(self) -> None:
        """A list is parted by commas and blanks; one bad member spoils it."""
        self.assertEqual(list_of(HOST).read(" a, b\nc,"), ("a", "b", "c"))
        self.assertEqual(list_of(HOST).read(""), ())
        self.assertIn("b/c", self.refusal(list_of(HOST), "a b/c"))

    def test_files(self) -> None:
        """A file must be there to read, and its path holds in every directory."""
        path = Path(self.mktemp())
        self.assertIn("No such file", self.refusal(FILE, str(path)))
        path.write_text("x")
        self.assertEqual(FILE.read(str(path)), path.absolute())
        self.assertIn("directory", self.refusal(FILE, str(path.parent)))
        self.refusal(FILE, "\0")

    def test_bindings(self) -> None:
        """Addresses and endpoints can be listened at, host names cannot."""
        for text in ("127.0.0.1", "::", "localhost", "tcp:8080", "unix:/run/x.sock"):
            self.assertEqual(BINDING.read(text), text)
        self.assertIn("HTTPS_CERT_FILE", self.refusal(BINDING, "ssl:443"))
        for text in ("example.com", "8080", "tcp:", "", ":80"):
            self.refusal(BINDING, text)

    def test_long_values_are_cut(self) -> None:
        """A sentence shows the beginning of a long value only."""
        self.assertLess(len(self.refusal(HOST, "/" * 5000)), 200)

    def test_origin_of(self) -> None:
        """The origin of a server leaves out the port that its scheme implies."""
        self.assertEqual(origin_of("https", "::1", 443), "https://[::1]")
        self.assertEqual(origin_of("http", "localhost", 443), "http://localhost:443")
