"""Tests of what a sandbox is asked to be and of the wire to its supervisor."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.sandbox.launch import Event, KeycloakLaunch, Launch, TrinoLaunch

_texts = st.text(max_size=20)
_properties = st.dictionaries(_texts, _texts, max_size=3)
_launches = st.builds(
    TrinoLaunch,
    cache=st.builds(Path, st.text(min_size=1, max_size=20)),
    maven_url=st.none() | _texts,
    heap_mb=st.integers(1),
    quick=st.booleans(),
    catalogs=st.dictionaries(_texts, _properties, max_size=3),
    properties=_properties,
    files=_properties,
) | st.builds(
    KeycloakLaunch,
    cache=st.builds(Path, st.text(min_size=1, max_size=20)),
    realm=st.dictionaries(_texts, _texts | st.lists(_properties), max_size=3),
    certificate_file=st.none() | _texts,
    admin_password=_texts,
)


class WireTests(SynchronousTestCase):
    """The lines between a supervisor and its parent."""

    @given(_launches)
    def test_launch(self, launch: Launch) -> None:
        """A launch is read as it was written, from one line."""
        line = launch.to_line()
        self.assertEqual(Launch.from_line(line), launch)
        self.assertEqual(line.count(b"\n"), 1)

    @given(st.sampled_from(Event), _texts)
    def test_event(self, event: Event, text: str) -> None:
        """An event is read as it was written, from one line."""
        line = event.to_line(text)
        self.assertEqual(Event.from_line(line), (event, text))
        self.assertEqual(line.count(b"\n"), 1)


class EnvironmentTests(SynchronousTestCase):
    """The defaults of a person's environment."""

    def test_nothing_set(self) -> None:
        """The cache is the XDG default, the repository the public one."""
        launch = TrinoLaunch.from_environment({})
        self.assertEqual(launch.cache, Path.home() / ".cache" / "mcp-trino")
        self.assertIsNone(launch.maven_url)

    def test_all_set(self) -> None:
        """Both are taken from their variables."""
        launch = TrinoLaunch.from_environment(
            {"XDG_CACHE_HOME": "/x", "MCP_TRINO_MAVEN_URL": "http://127.0.0.1/m"}
        )
        self.assertEqual(launch.cache, Path("/x/mcp-trino"))
        self.assertEqual(launch.maven_url, "http://127.0.0.1/m")

    def test_relative_cache(self) -> None:
        """A relative path is ignored, as the XDG specification says."""
        launch = TrinoLaunch.from_environment({"XDG_CACHE_HOME": "x"})
        self.assertEqual(launch.cache, Path.home() / ".cache" / "mcp-trino")

    def test_empty_repository(self) -> None:
        """An empty variable is one that is not set."""
        launch = TrinoLaunch.from_environment({"MCP_TRINO_MAVEN_URL": ""})
        self.assertIsNone(launch.maven_url)
