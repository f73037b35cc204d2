"""Tests of downloading and unpacking."""

from collections.abc import Sequence
from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.errors import SandboxUnavailable
from mcp_trino.sandbox.artifacts import Artifact, ensure_unpacked
from mcp_trino.sandbox.locks import take_lock
from tests.sandbox.fakes import MavenRepository


class EnsureUnpackedTests(SynchronousTestCase):
    """``ensure_unpacked`` against a repository on the loopback interface."""

    def setUp(self) -> None:
        self.repository = MavenRepository()
        self.addCleanup(self.repository.close)
        self.cache = Path(self.mktemp(), "cache")
        self.reports: list[str] = []

    def ensure(self, artifacts: Sequence[Artifact], spare_bytes: int = 0) -> None:
        ensure_unpacked(
            artifacts,
            self.cache,
            maven_url=self.repository.url,
            spare_bytes=spare_bytes,
            report=self.reports.append,
        )

    def unpacked(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.cache)): path.read_text()
            for path in self.cache.rglob("*")
            if path.is_file() and path.suffix != ".lock"
        }

    def test_both_packagings(self) -> None:
        """Archives of both kinds are unpacked under their own names."""
        server = self.repository.add("server", "tar.gz", {"lib/a.jar": "a"})
        plugin = self.repository.add("plugin", "zip", {"b.jar": "b"})
        self.ensure([server, plugin])
        self.assertEqual(
            self.unpacked(), {"server-1/lib/a.jar": "a", "plugin-1/b.jar": "b"}
        )

    def test_parts(self) -> None:
        """Only the parts that are named are unpacked."""
        files = {"lib/a": "a", "library": "b", "plugin/x/c": "c", "plugin/y/d": "d"}
        for packaging in ("tar.gz", "zip"):
            name = packaging[:3]
            artifact = self.repository.add(name, packaging, files)
            self.ensure([evolve(artifact, parts=("lib/", "plugin/x/"))])
            self.assertEqual(
                {path for path in self.unpacked() if path.startswith(name)},
                {f"{name}-1/lib/a", f"{name}-1/plugin/x/c"},
            )

    def test_once(self) -> None:
        """What is there is not asked for again, and nothing is said about it."""
        artifact = self.repository.add("server", "zip", {"a": "a"})
        self.ensure([artifact])
        asked = list(self.repository.requests)
        self.reports.clear()
        self.ensure([artifact])
        self.assertEqual(self.repository.requests, asked)
        self.assertEqual(self.reports, [])

    def test_wrong_content(self) -> None:
        """An archive with another SHA-256 is refused, and nothing of it stays."""
        artifact = self.repository.add("server", "zip", {"a": "a"})
        with self.assertRaises(SandboxUnavailable) as raised:
            self.ensure([evolve(artifact, sha256="0" * 64)])
        self.assertIn(artifact.sha256, str(raised.exception))
        self.assertEqual(self.unpacked(), {})
        self.ensure([artifact])
        self.assertEqual(self.unpacked(), {"server-1/a": "a"})

    def test_interrupted_download(self) -> None:
        """A connection that breaks in the middle leaves nothing behind."""
        artifact = self.repository.add("server", "zip", {"a": "a"})
        [path] = self.repository.files
        self.repository.files[path] += b"CUT"
        with self.assertRaises(SandboxUnavailable) as raised:
            self.ensure([artifact])
        self.assertIn("MCP_TRINO_MAVEN_URL", str(raised.exception))
        self.assertEqual(self.unpacked(), {})

    def test_unknown_artifact(self) -> None:
        """A repository without the artefact is named in the error."""
        artifact = self.repository.add("server", "zip", {"a": "a"})
        self.repository.files.clear()
        with self.assertRaises(SandboxUnavailable) as raised:
            self.ensure([artifact])
        self.assertIn(self.repository.url, str(raised.exception))

    def test_left_over(self) -> None:
        """What a killed download left is neither used nor kept."""
        artifact = self.repository.add("server", "zip", {"a": "a"})
        left_over = self.cache / "partial-abc" / "server-1"
        left_over.mkdir(parents=True)
        (left_over / "half").write_text("h")
        self.ensure([artifact])
        self.assertEqual(self.unpacked(), {"server-1/a": "a"})

    def test_disk_too_small(self) -> None:
        """The disk is looked at before anything is asked for."""
        artifact = self.repository.add("server", "zip", {"a": "a"})
        with self.assertRaises(SandboxUnavailable) as raised:
            self.ensure([artifact], spare_bytes=10**18)
        self.assertIn("1000000000000 MB of disk", str(raised.exception))
        self.assertEqual(self.repository.requests, [])

    def test_unwritable_cache(self) -> None:
        """A cache that cannot be made is named in the error."""
        self.cache.parent.mkdir()
        self.cache.write_text("a file")
        with self.assertRaises(SandboxUnavailable) as raised:
            self.ensure([self.repository.add("server", "zip", {"a": "a"})])
        self.assertIn(str(self.cache), str(raised.exception))

    def test_progress(self) -> None:
        """The person who waits reads how much there is, where, and how far it is."""
        artifact = self.repository.add("server", "zip", {"a": "a" * 60_000_000})
        self.ensure([artifact])
        self.assertEqual(
            self.reports,
            [
                (
                    f"Downloading 60 MB to {self.cache}, once; "
                    "this takes up to 120 MB of disk while it goes on."
                ),
                "server-1.zip: 25 of 60 MB",
                "server-1.zip: 50 of 60 MB",
                "server-1.zip: 60 of 60 MB",
            ],
        )

    def test_two_at_once(self) -> None:
        """The second waits for the first, says so, and downloads nothing."""
        artifact = self.repository.add("server", "zip", {"a": "a"})
        self.cache.mkdir(parents=True)
        lock = take_lock(self.cache / "download.lock")

        def finish(report: str) -> None:
            self.reports.append(report)
            (self.cache / artifact.name).mkdir()
            lock.close()

        ensure_unpacked(
            [artifact],
            self.cache,
            maven_url=self.repository.url,
            spare_bytes=0,
            report=finish,
        )
        self.assertEqual(self.repository.requests, [])
        [report] = self.reports
        self.assertIn("Waiting for another sandbox", report)
