"""
A Kerberos realm of the tests' own, its KDC on loopback.

It takes Debian's packages ``krb5-kdc`` and ``krb5-admin-server``.
"""

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from unittest import SkipTest

from attrs import frozen

from tests.ports import free_port

REALM = "MCP.TEST"
_PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
_ATTEMPTS = 100


@frozen
class Realm:
    """
    Where it is.

    :ivar config: its ``krb5.conf``.
    """

    directory: Path
    _environment: dict[str, str]

    @property
    def config(self) -> Path:
        """The file that clients read."""
        return self.directory / "krb5.conf"

    def keytab(self, principal: str) -> Path:
        """Add a principal and give a file with her keys."""
        path = self.directory / f"{principal.replace('/', '-')}.keytab"
        self.run("kadmin.local", "addprinc", "-randkey", principal)
        self.run("kadmin.local", "ktadd", "-k", str(path), principal)
        return path

    def run(self, *command: str) -> None:
        """Run a program of Kerberos to its end."""
        subprocess.run(command, env=self._environment, check=True, capture_output=True)


def start_realm(test: object) -> Realm:
    """
    Give a realm for one test.

    :raise SkipTest: this machine has no KDC.
    """
    missing = [name for name in _PROGRAMS if not shutil.which(name, path=_PATH)]
    if missing:
        reason = f"there is no {', '.join(missing)} (Debian's krb5-kdc)"
        if os.environ.get("CI") == "true":
            raise AssertionError(reason)
        raise SkipTest(reason)
    directory = Path(mkdtemp(prefix="mcp-trino-realm-"))
    port = free_port()
    environment = {
        "PATH": _PATH,
        "KRB5_CONFIG": str(directory / "krb5.conf"),
        "KRB5_KDC_PROFILE": str(directory / "kdc.conf"),
    }
    (directory / "krb5.conf").write_text(
        f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n"
        " dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n"
        f"[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
    )
    (directory / "kdc.conf").write_text(
        f'[kdcdefaults]\n kdc_listen = ""\n kdc_tcp_listen = 127.0.0.1:{port}\n'
        f"[realms]\n {REALM} = {{\n"
        f"  database_name = {directory}/principal\n"
        f"  key_stash_file = {directory}/stash\n"
        f"  acl_file = {directory}/acl\n }}\n"
        f"[logging]\n kdc = FILE:{directory}/kdc.log\n"
        f" admin_server = FILE:{directory}/kadmin.log\n"
    )
    realm = Realm(directory, environment)
    realm.run("kdb5_util", "create", "-s", "-P", "master", "-r", REALM)
    kdc = subprocess.Popen(
        [shutil.which("krb5kdc", path=_PATH), "-n", "-P", str(directory / "pid")],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def stop() -> None:
        kdc.terminate()
        kdc.wait()
        shutil.rmtree(directory)

    test.addCleanup(stop)
    for _ in range(_ATTEMPTS):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return realm
        time.sleep(0.05)
    raise AssertionError((directory / "kdc.log").read_text())
