"""
Keycloak as the sandbox runs it: what is downloaded, its files, its command.

Keycloak's own script builds the server for its options and then runs it; the
build is the larger part of a first start. Here what was built is kept in the
cache. Each instance has an empty database of its own, into which the realm is
imported.
"""

import http.client
import json
import shutil
import ssl
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from mcp_trino.errors import SandboxFailed
from mcp_trino.sandbox.artifacts import Artifact
from mcp_trino.sandbox.instances import Instance
from mcp_trino.sandbox.java import java
from mcp_trino.sandbox.launch import KeycloakLaunch
from mcp_trino.sandbox.program import Run

_SERVER = Artifact(
    "org.keycloak:keycloak-quarkus-dist:26.7.3:tar.gz",
    sha256="77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47",
    archive_bytes=176_448_763,
    unpacked_bytes=197_000_000,
    name="keycloak-26.7.3",
)
_SAME_FOR_ALL = ("conf", "providers", "themes", "version.txt")
_LIBRARY = ("lib/app", "lib/lib", "lib/quarkus-run.jar")
_BUILD = "lib/quarkus"
_BUILT = 10  # the exit code of a start that has built instead
_PROBE_SECONDS = 10.0
_THREADS = "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory"


@frozen
class Keycloak:
    """
    One Keycloak.

    :ivar port: of 127.0.0.1, for it to listen on.
    """

    _launch: KeycloakLaunch
    port: int

    title = "Keycloak 26.7.3"
    artifacts = (_SERVER,)
    spare_bytes = 100_000_000

    @property
    def url(self) -> str:
        """What the issuers of its realms begin with."""
        scheme = "https" if self._launch.certificate_file else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The first administrator, who can be given in no other way."""
        return {
            "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
            "KC_BOOTSTRAP_ADMIN_PASSWORD": self._launch.admin_password,
        }

    def configure(self, instance: Instance) -> None:
        """Make the instance's directory the home of a server."""
        unpacked = self._launch.cache / _SERVER.name
        instance.link({name: unpacked / name for name in (*_SAME_FOR_ALL, *_LIBRARY)})
        instance.write({"data/import/realm.json": json.dumps(self._launch.realm)})
        built = self._built if self._built.exists() else unpacked / _BUILD
        shutil.copytree(built, instance.directory / _BUILD)

    def prepare(self, instance: Instance, run: Run) -> None:
        """
        Build it, once for all starts.

        :raise SandboxFailed: it does not build.
        """
        if self._built.exists():
            return
        if run(self._command(instance), instance.log.name) != _BUILT:
            lines = instance.last_lines()
            raise SandboxFailed(f"{self.title} does not build; its log ends:\n{lines}")
        copy = instance.directory / "built"
        shutil.copytree(instance.directory / _BUILD, copy)
        instance.keep(copy, self._built)

    def command(self, instance: Instance) -> list[str]:
        """Give the command of the server; it is run in the instance's directory."""
        return self._command(instance, "-Dkc.config.built=true")

    def is_ready(self) -> bool:
        """Say whether its realm is there; until then it refuses connections."""
        path = f"/realms/{self._launch.realm['realm']}/"
        connection = self._connection()
        try:
            connection.request("GET", f"{path}.well-known/openid-configuration")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def follow_up(self, instance: Instance, run: Run) -> None:
        """Have nothing left to do."""

    @property
    def _built(self) -> Path:
        return self._launch.cache / f"{_SERVER.name}-built"

    def _connection(self) -> http.client.HTTPConnection:
        if self._launch.certificate_file is None:
            return http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=_PROBE_SECONDS
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # It is asked for nothing but a status, and who signed is not known here.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=_PROBE_SECONDS, context=context
        )

    def _command(self, instance: Instance, *properties: str) -> list[str]:
        home = instance.directory
        return [
            *java(instance, self._launch.heap_mb),
            "-Xms64m",
            "-XX:MaxMetaspaceSize=256m",
            # It starts in half the processor time and with less memory.
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            # What Keycloak's own script passes to Java.
            "-Dfile.encoding=UTF-8",
            f"-Djava.util.concurrent.ForkJoinPool.common.threadFactory={_THREADS}",
            *(
                f"--add-opens=java.base/java.{package}=ALL-UNNAMED"
                for package in ("util", "util.concurrent", "security", "lang")
            ),
            "--enable-native-access=ALL-UNNAMED",
            f"-Dkc.home.dir={home}",
            f"-Djboss.server.config.dir={home / 'conf'}",
            "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
            "-Dpicocli.disable.closures=true",
            *properties,
            "-cp",
            str(home / "lib/quarkus-run.jar"),
            "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
            "start-dev",
            "--import-realm",
            # Without it the issuer is what a client takes for the host.
            f"--hostname={self.url}",
            "--http-host=127.0.0.1",
            *self._listening,
            "--log-level=warn",
        ]

    @property
    def _listening(self) -> list[str]:
        if self._launch.certificate_file is None:
            return [f"--http-port={self.port}"]
        return [
            # In development mode it cannot be without a plain port.
            "--http-port=0",
            f"--https-port={self.port}",
            f"--https-certificate-file={self._launch.certificate_file}",
            f"--https-certificate-key-file={self._launch.key_file}",
        ]
