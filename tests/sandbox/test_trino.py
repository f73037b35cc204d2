"""Tests of the server's files and command."""

from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.sandbox.instances import create_instance
from mcp_trino.sandbox.launch import TrinoLaunch
from mcp_trino.sandbox.trino import Trino


class ConfigureTests(SynchronousTestCase):
    """What the server reads from its working directory."""

    def setUp(self) -> None:
        self.launch = TrinoLaunch(cache=Path(self.mktemp()))
        self.launch.cache.mkdir()
        self.instance = create_instance(self.launch.cache)
        self.addCleanup(self.instance.server_lock.close)
        self.addCleanup(self.instance._supervisor_lock.close)

    def configure(self, launch: TrinoLaunch) -> None:
        Trino(launch, 1234).configure(self.instance)

    def command(self, launch: TrinoLaunch) -> list[str]:
        return Trino(launch, 1234).command(self.instance)

    def lines(self, path: str) -> list[str]:
        return (self.instance.directory / path).read_text().splitlines()

    def test_coordinator(self) -> None:
        """One coordinator that is its own worker, on the port that was chosen."""
        self.configure(self.launch)
        lines = self.lines("etc/config.properties")
        self.assertIn("node-scheduler.include-coordinator=true", lines)
        self.assertIn("http-server.http.port=1234", lines)
        self.assertIn("discovery.uri=http://127.0.0.1:1234", lines)

    def test_catalogs(self) -> None:
        """There are the built-in catalogs, or those that are asked for."""
        self.configure(self.launch)
        for name in ("tpch", "memory"):
            lines = self.lines(f"etc/catalog/{name}.properties")
            self.assertEqual(lines, [f"connector.name={name}"])

    def test_given(self) -> None:
        """Catalogs, properties and files that are given are written."""
        self.configure(
            evolve(
                self.launch,
                catalogs={"own": {"connector.name": "tpch", "a": r"b\c"}},
                properties={"catalog.management": "static", "new": "x=y"},
                files={"etc/access-control.properties": "text"},
            )
        )
        self.assertEqual(
            self.lines("etc/catalog/own.properties"),
            ["connector.name=tpch", r"a=b\\c"],
        )
        self.assertFalse(
            (self.instance.directory / "etc/catalog/tpch.properties").exists()
        )
        lines = self.lines("etc/config.properties")
        self.assertIn("catalog.management=static", lines)
        self.assertNotIn("catalog.management=dynamic", lines)
        self.assertIn("new=x=y", lines)
        self.assertEqual(self.lines("etc/access-control.properties"), ["text"])

    def test_iceberg(self) -> None:
        """Iceberg is a catalog more, whose large plug-in is only there for it."""
        names = [artifact.name for artifact in Trino(self.launch, 1234).artifacts]
        self.assertNotIn("trino-iceberg-476", names)
        launch = self.launch.with_iceberg()
        names = [artifact.name for artifact in Trino(launch, 1234).artifacts]
        self.assertEqual(
            names,
            [
                "trino-server-core-476",
                "trino-tpch-476",
                "trino-memory-476",
                "trino-iceberg-476",
            ],
        )
        self.configure(launch)
        lines = self.lines("etc/catalog/iceberg.properties")
        self.assertIn("connector.name=iceberg", lines)
        self.assertIn("local.location=warehouse", lines)
        self.assertTrue((self.instance.directory / "warehouse/metastore").is_dir())
        self.assertTrue((self.instance.directory / "plugin/iceberg").is_symlink())

    def test_plugins(self) -> None:
        """Each plug-in is a link to what was unpacked in the cache."""
        self.configure(self.launch)
        plugins = self.instance.directory / "plugin"
        self.assertEqual(
            {link.name: link.readlink() for link in plugins.iterdir()},
            {
                "tpch": self.launch.cache / "trino-tpch-476",
                "memory": self.launch.cache / "trino-memory-476",
                "password-authenticators": self.launch.cache
                / "trino-server-core-476/plugin/password-authenticators",
            },
        )

    def test_command(self) -> None:
        """Memory is capped, and only the loopback interface is listened on."""
        command = self.command(self.launch)
        self.assertIn("-Xmx2048m", command)
        self.assertNotIn("-XX:TieredStopAtLevel=1", command)
        self.assertIn("-Dnode.bind-ip=127.0.0.1", command)
        self.assertIn("-Dnode.internal-address=127.0.0.1", command)

    def test_quick(self) -> None:
        """A quick one compiles with the first compiler only."""
        command = self.command(evolve(self.launch, quick=True))
        self.assertIn("-XX:TieredStopAtLevel=1", command)

    def test_class_archive(self) -> None:
        """The first run lists its classes, later ones use the archive of them."""
        archive = Trino(self.launch, 1234).class_archive
        listing = "-XX:DumpLoadedClassList=classes.list"
        sharing = f"-XX:SharedArchiveFile={archive}"
        first = self.command(self.launch)
        self.assertIn(listing, first)
        self.assertNotIn(sharing, first)
        archive.touch()
        later = self.command(self.launch)
        self.assertNotIn(listing, later)
        self.assertIn(sharing, later)

    def test_cut_class_list(self) -> None:
        """The last line of a list that is still being written is left out."""
        self.instance.write({"classes.list": "java/lang/Object id: 0\njava/la"})
        command = Trino(self.launch, 1234).archive_command(
            self.instance, self.instance.directory / "written"
        )
        [listing] = [a for a in command if a.startswith("-XX:SharedClassListFile=")]
        complete = Path(listing.partition("=")[2])
        self.assertEqual(complete.read_text(), "java/lang/Object id: 0\n")
