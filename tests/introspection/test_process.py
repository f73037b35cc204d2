"""The worker as a process: spawned, killed, orphaned, and by systemd's socket."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from attrs import define, evolve, field
from jwcrypto.jwk import JWK
from twisted.internet import reactor
from twisted.internet.defer import DeferredList
from twisted.internet.task import Clock, deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mcp_trino.errors import Undecidable
from mcp_trino.introspection.client import Introspector, make_introspector
from mcp_trino.introspection.handover import from_line, to_line
from mcp_trino.introspection.supervisor import SupervisedWorker, environment_of
from mcp_trino.introspection.watch import WorkerWatch
from mcp_trino.providers import PROVIDERS, TokenKind
from mcp_trino.settings import (
    AdmissionSettings,
    OAuthSettings,
    WorkerSettings,
)
from tests.introspection.minting import (
    ISSUER,
    RESOURCE,
    SECRET,
    claims_of,
    hmac_settings,
    minted,
    native_settings,
)

_ROOT = Path(__file__).parent.parent.parent
_PATIENCE_SECONDS = 20
_PAUSE_SECONDS = 0.05


def token_of_now(**changes: Any) -> str:
    """Give a token of mode hmac that holds now."""
    now = time.time()
    claims = claims_of(**{"exp": now + 300, "iat": now, **changes})
    return minted(claims, JWK.from_password(SECRET))


def asking(settings: WorkerSettings, path: Path) -> Introspector:
    """Give the web process's side."""
    oauth = OAuthSettings(
        mode=settings.mode,
        provider=settings.provider,
        issuer=settings.issuer,
        audiences=(),
        read_scope="",
        write_scope="",
        admission=AdmissionSettings(),
        worker=settings,
    )
    return make_introspector(reactor, oauth, path, time.time)


async def patiently(introspector: Introspector, token: str) -> Any:
    """Ask again while nobody can say."""
    end = reactor.seconds() + _PATIENCE_SECONDS
    while True:
        try:
            return await introspector.introspect(token)
        except Undecidable:
            if reactor.seconds() > end:
                raise
        await deferLater(reactor, _PAUSE_SECONDS)


def is_running(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def shown_of(pid: int | None, name: str) -> str:
    """Give what the system tells about a process."""
    return Path(f"/proc/{pid}/{name}").read_text()


def output_of(code: str) -> str:
    """Run Python code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def ask_by_hand(
    token: str, *options: str, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """Ask ``mcp-trino introspect`` about a token on standard input."""
    program = str(Path(sysconfig.get_path("scripts")) / "mcp-trino")
    return subprocess.run(
        [program, "introspect", "--token-file", "-", *options],
        input=token + "\n",
        env={
            "PATH": os.environ["PATH"],
            "OAUTH_ENABLED": "true",
            "OAUTH_PROVIDER": "hmac",
            "JWT_SECRET": SECRET,
            "OIDC_ISSUER": ISSUER,
            "OIDC_AUDIENCE": RESOURCE,
            **settings,
        },
        capture_output=True,
        text=True,
        check=False,
    )


class HandoverTests(SynchronousTestCase):
    """Settings through a pipe."""

    def test_round_trip(self) -> None:
        """What is written is what is read."""
        for settings in (
            hmac_settings(),
            native_settings(
                "azure",
                tenants=("a", "*"),
                ca_file=Path("/etc/ca"),
                own_keys_file=Path("/var/keys"),
                token_kind=TokenKind.GOOGLE_TOKENINFO,
                client_secret="s",
                username_claim="u",
            ),
        ):
            line = to_line(settings)
            self.assertEqual(line.count(b"\n"), 1)
            self.assertEqual(from_line(line), settings)

    def test_all_providers(self) -> None:
        """Every row of the table is handed over by its name."""
        for name in PROVIDERS:
            self.assertEqual(
                from_line(to_line(native_settings(name))).provider.name, name
            )
        odd = evolve(PROVIDERS["oidc"], title="Odd")
        self.assertRaises(ValueError, to_line, native_settings(odd))

    def test_g123_environment(self) -> None:
        """The worker sees nothing of the environment that may be a secret."""
        seen = environment_of(
            {"PATH": "/bin", "JWT_SECRET": "x", "TRINO_PASSWORD": "x"}
        )
        self.assertEqual(seen, {"PATH": "/bin"})

    def test_g123_repr(self) -> None:
        """The settings of the worker show no secret."""
        settings = hmac_settings(client_secret="another secret")
        self.assertNotIn(SECRET, repr(settings))
        self.assertNotIn("another secret", repr(settings))


class SupervisedTests(TestCase):
    """The worker as a child of this process."""

    def setUp(self) -> None:
        """Start one."""
        self.settings = hmac_settings()
        self.worker = SupervisedWorker(reactor, self.settings)
        self.worker.startService()
        self.addCleanup(self.stop)
        self.introspector = asking(self.settings, self.worker.path)
        self.addCleanup(self.introspector.close)

    def stop(self) -> Any:
        """End it, once."""
        return self.worker.stopService() if self.worker.running else None

    async def test_answers(self) -> None:
        """It judges, and everything about it is private."""
        active = await patiently(self.introspector, token_of_now())
        self.assertEqual(active.subject, "0123-alice")
        self.assertIsNone(await self.introspector.introspect(token_of_now(aud="x")))
        directory = self.worker.path.parent
        self.assertEqual(directory.stat().st_mode & 0o777, 0o700)
        self.assertEqual(self.worker.path.stat().st_mode & 0o777, 0o600)
        pid = self.worker.process_id
        for name in ("environ", "cmdline"):
            self.assertNotIn(SECRET, shown_of(pid, name))
        limits = shown_of(pid, "limits")
        self.assertRegex(limits, r"Max core file size +0 +0")
        self.assertRegex(limits, r"Max address space +1073741824")
        self.assertRegex(limits, r"Max open files +256")
        await self.stop()
        self.assertFalse(directory.exists())
        self.assertFalse(is_running(pid))

    async def test_killed(self) -> None:
        """Killed under load, it is back; nobody is let in or locked out meanwhile."""
        good, bad = token_of_now(), token_of_now(aud="x")
        await patiently(self.introspector, good)
        for number in (signal.SIGKILL, signal.SIGTERM):
            pid = self.worker.process_id
            questions = [
                self.introspector.introspect(token) for token in (good, bad) * 10
            ]
            os.kill(pid, number)
            answers = await DeferredList(questions, consumeErrors=True)
            for (decided, answer), wanted in zip(
                answers, (True, False) * 10, strict=True
            ):
                if decided:
                    self.assertEqual(answer is not None, wanted)
                else:
                    answer.trap(Undecidable)
            self.assertIsNotNone(await patiently(self.introspector, good))
            self.assertNotIn(self.worker.process_id, (None, pid))
            self.assertTrue(self.worker.path.exists())

    async def test_stopped(self) -> None:
        """A worker that hangs decides nothing, and is ended all the same."""
        good = token_of_now()
        await patiently(self.introspector, good)
        pid = self.worker.process_id
        os.kill(pid, signal.SIGSTOP)
        try:
            await self.introspector.introspect(good)
            self.fail("it answered")
        except Undecidable:
            pass
        await self.stop()
        self.assertFalse(is_running(pid))

    async def test_hangs(self) -> None:
        """Another worker takes the place of one that hangs."""
        watch = WorkerWatch(
            self.introspector, reactor, lambda _: None, self.worker.heard
        )
        watch.startService()
        self.addCleanup(watch.stopService)
        await patiently(self.introspector, token_of_now())
        pid = self.worker.process_id
        os.kill(pid, signal.SIGSTOP)
        while is_running(pid):
            await deferLater(reactor, _PAUSE_SECONDS)
        self.assertIsNotNone(await patiently(self.introspector, token_of_now()))
        self.flushLoggedErrors()

    async def test_asked_by_hand(self) -> None:
        """``mcp-trino introspect --socket`` asks it."""
        await patiently(self.introspector, token_of_now())
        place = f"--socket={self.worker.path}"
        result = await deferToThread(ask_by_hand, token_of_now(), place)
        self.assertIn('"subject": "0123-alice"', result.stdout, result.stderr)
        result = await deferToThread(ask_by_hand, token_of_now(aud="x"), place)
        self.assertEqual(result.returncode, 1)
        self.assertIn("refused: the worker's log says why", result.stdout)

    async def test_log(self) -> None:
        """Its log is in ours, without the token."""
        token = token_of_now(aud="https://other.example")
        with capturedLogs() as events:
            await patiently(self.introspector, token)
            while not any("is refused" in event.get("text", "") for event in events):
                await deferLater(reactor, _PAUSE_SECONDS)
        text = repr(events)
        self.assertIn("https://other.example", text)
        for part in token.split(".")[1:]:
            self.assertNotIn(part, text)


class BackOffTests(SynchronousTestCase):
    """When it is started again."""

    def test_back_off(self) -> None:
        """The longer it does not work the longer it waits."""

        class Spawning(Clock):
            """A reactor whose processes end at once."""

            spawned: list[float]

            def spawnProcess(self, protocol: Any, *_: Any, **__: Any) -> None:
                self.spawned.append(self.seconds())
                if len(self.spawned) == 12:
                    # This one lives long enough to begin anew.
                    self.callLater(11, protocol.ended.callback, "ended")
                elif len(self.spawned) < 14:
                    protocol.ended.callback("ended")

        clock = Spawning()
        clock.spawned = []
        worker = SupervisedWorker(clock, hmac_settings(), Path(mkdtemp()))
        worker.startService()
        clock.pump([0.05] * 6000)
        waits = [
            round(later - sooner, 1)
            for sooner, later in zip(clock.spawned, clock.spawned[1:], strict=False)
        ]
        self.assertEqual(waits[:9], [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6])
        self.assertEqual(waits[9:12], [30.0, 30.0, 11.1])
        self.flushLoggedErrors()
        worker._child = None
        worker.stopService()
        worker.path.parent.parent.rmdir()


class SilenceTests(SynchronousTestCase):
    """When one that does not answer is given up."""

    def setUp(self) -> None:
        """Start one that is never really there."""

        @define(eq=False)
        class Process:
            """What a test sees of a process."""

            pid: int = 1
            signals: list[str] = field(factory=list)

            def signalProcess(self, name: str) -> None:
                self.signals.append(name)

        class Spawning(Clock):
            """A reactor with such processes."""

            def spawnProcess(self, protocol: Any, *_: Any, **__: Any) -> None:
                protocol.transport = process

        process = self.process = Process()
        self.clock = Spawning()
        self.clock.advance(1000)
        self.worker = SupervisedWorker(self.clock, hmac_settings(), Path(mkdtemp()))
        self.worker.startService()
        self.addCleanup(self.end)

    def end(self) -> None:
        """Forget it."""
        self.worker._child = None
        self.worker.stopService()
        self.worker.path.parent.parent.rmdir()

    def killed_after(self, seconds: int, heard_at: float) -> bool:
        """Say whether it is killed when that time has passed since the start."""
        self.clock.advance(1000 + seconds - self.clock.seconds())
        self.worker.heard(heard_at)
        return self.process.signals == ["KILL"]

    def test_hangs(self) -> None:
        """One that answered before has five seconds."""
        self.assertFalse(self.killed_after(14, 1010))
        self.assertTrue(self.killed_after(15, 1010))

    def test_starts(self) -> None:
        """One that did not answer yet has thirty, whatever the one before did."""
        self.assertFalse(self.killed_after(29, 999))
        self.assertTrue(self.killed_after(30, 999))


class OrphanTests(TestCase):
    """What becomes of the worker of a web process that is killed."""

    def started(self, code: str, directory: str) -> Any:
        """Start a parent, and hand it the settings for its child."""
        parent = subprocess.Popen(
            [sys.executable, "-c", code, directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        parent.stdin.write(to_line(hmac_settings()))
        parent.stdin.close()
        return parent

    async def test_parent_killed(self) -> None:
        """It ends, too."""
        code = (
            "import sys\n"
            "from twisted.internet import reactor\n"
            "from mcp_trino.introspection.supervisor import SupervisedWorker\n"
            "from mcp_trino.introspection.handover import from_line\n"
            "from pathlib import Path\n"
            "settings = from_line(sys.stdin.buffer.readline())\n"
            "worker = SupervisedWorker(reactor, settings, Path(sys.argv[1]))\n"
            "worker.startService()\n"
            "print(worker.process_id, flush=True)\n"
            "reactor.run()\n"
        )
        directory = mkdtemp()
        parent = self.started(code, directory)
        child = int(parent.stdout.readline())
        self.assertTrue(is_running(child))
        parent.kill()
        parent.wait()
        parent.stdout.close()
        while is_running(child):
            await deferLater(reactor, _PAUSE_SECONDS)
        shutil.rmtree(directory)


class ImportTests(SynchronousTestCase):
    """What code is in which process."""

    def test_web_imports(self) -> None:
        """The web process has none of the worker's code in it."""
        code = (
            "import sys\n"
            "import mcp_trino.tap, mcp_trino.command, mcp_trino.application\n"
            "import mcp_trino.introspection.supervisor, mcp_trino.introspection.client\n"
            "own = 'mcp_trino.introspection.'\n"
            "print(*sorted(name.removeprefix(own) for name in sys.modules "
            "if name.startswith(own)))\n"
        )
        output = output_of(code)
        validator = {
            "gate", "keys", "claims", "rules", "signed", "opaque", "introspector",
            "jwks", "discovery", "endpoint", "service", "child", "strict_json",
        }  # fmt: skip
        self.assertEqual(validator & set(output.split()), set())

    def test_worker_imports(self) -> None:
        """The worker has none of the web process's code in it."""
        code = (
            "import sys\n"
            "import mcp_trino.introspection.child, mcp_trino.introspection.tap\n"
            "import mcp_trino.introspection.service\n"
            "print(*sorted({name.split('.')[1] for name in sys.modules "
            "if name.startswith('mcp_trino.')}))\n"
            "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
        )
        output = output_of(code)
        rooms, packages = (set(line.split()) for line in output.splitlines())
        self.assertEqual(
            rooms
            & {"web", "tools", "statements", "coordinator", "oauth", "application"},
            set(),
        )
        self.assertEqual(packages & {"mcp", "trino"}, set())


def unit_setting(kind: str, name: str) -> str:
    """Give a setting of the units in ``etc/``."""
    unit = (_ROOT / "etc" / f"mcp-trino-introspect.{kind}").read_text()
    found = re.search(rf"^{name}=(.*)$", unit.replace("\\\n", ""), re.MULTILINE)
    return found[1]


class SystemdTests(TestCase):
    """``twistd mcp-trino-introspect``, with a socket that was passed."""

    def setUp(self) -> None:
        """Do as systemd does: the descriptor is 3, the process id Python's."""
        self.directory = Path(mkdtemp(prefix="mcp-trino-"))
        self.path = self.directory / "s"
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self.path))
        self.path.chmod(0o600)
        listening.listen()
        self.addCleanup(listening.close)
        code = (
            "import os, sys\n"
            f"os.dup2({listening.fileno()}, 3)\n"
            "os.set_inheritable(3, True)\n"
            "os.environ['LISTEN_PID'] = str(os.getpid())\n"
            "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *self.command()],
            env={
                "PATH": os.environ["PATH"],
                "LISTEN_FDS": "1",
                "LISTEN_FDNAMES": unit_setting("socket", "FileDescriptorName"),
                "JWT_SECRET": SECRET,
            },
            cwd=self.directory,
            pass_fds=[listening.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def command(self) -> list[str]:
        """Give the unit's command, with files and a user that exist here."""
        ini = self.directory / "mcp-trino.ini"
        ini.write_text(
            "[mcp-trino]\noauth_enabled = true\noauth_provider = hmac\n"
            f"oidc_issuer = {ISSUER}\noidc_audience = {RESOURCE}\n"
        )
        line = unit_setting("service", "ExecStart")
        for theirs, ours in (
            (
                "/opt/mcp-trino/bin/twistd",
                str(Path(sysconfig.get_path("scripts")) / "twistd"),
            ),
            ("/etc/mcp-trino/mcp-trino.ini", str(ini)),
            ("--client-user mcp-trino", f"--client-user {os.geteuid()}"),
        ):
            self.assertIn(theirs, line)
            line = line.replace(theirs, ours)
        return shlex.split(line)

    def end(self) -> str:
        """Have it end as systemd does, and give its log."""
        self.process.terminate()
        log, _ = self.process.communicate()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600, log)
        shutil.rmtree(self.directory)
        return log

    def test_g122_unit(self) -> None:
        """Systemd makes the socket for the server alone."""
        self.end()
        self.assertEqual(unit_setting("socket", "SocketMode"), "0600")
        user = unit_setting("socket", "SocketUser")
        self.assertIn(f"--client-user {user}", unit_setting("service", "ExecStart"))
        self.assertNotEqual(unit_setting("service", "User"), user)

    async def test_passed_socket(self) -> None:
        """It answers at systemd's socket, and leaves it as it is."""
        introspector = asking(hmac_settings(), self.path)
        try:
            active = await patiently(introspector, token_of_now())
            self.assertEqual(active.subject, "0123-alice")
            self.assertIsNone(await introspector.introspect(token_of_now(exp=1)))
        finally:
            await introspector.close()
            log = self.end()
        self.assertIn("is refused: it expired", log)
        self.assertNotIn(SECRET, log)


class AskingTests(SynchronousTestCase):
    """``mcp-trino introspect``."""

    def test_holds(self) -> None:
        """It shows what a token says that holds."""
        result = ask_by_hand(token_of_now())
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        verdict, _, shown = result.stdout.partition("\n")
        self.assertEqual(verdict, "it holds")
        self.assertEqual(json.loads(shown)["subject"], "0123-alice")

    def test_refused(self) -> None:
        """It says why a token is refused."""
        result = ask_by_hand(token_of_now(aud="https://other.example"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("refused: its aud is 'https://other.example'", result.stdout)

    def test_undecidable(self) -> None:
        """It says why nobody can say."""
        result = ask_by_hand(
            minted(claims_of(iss="http://127.0.0.1:9", exp=time.time() + 60, iat=0)),
            OAUTH_PROVIDER="keycloak",
            OIDC_ISSUER="http://127.0.0.1:9",
            JWT_SECRET="",
        )
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("undecidable: ", result.stdout)

    def test_settings(self) -> None:
        """Without OAuth there is nothing to ask."""
        result = ask_by_hand("x", OAUTH_ENABLED="false")
        self.assertEqual(result.returncode, 1)
        self.assertIn("OAUTH_ENABLED is not true", result.stderr)
        self.assertNotIn("Traceback", result.stderr)
