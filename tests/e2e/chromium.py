"""A real browser without a window: Chromium, by its DevTools protocol on pipes."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Any
from unittest import SkipTest

from attrs import define, field

_SECONDS = 30
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-pipe",
)
# The protocol has fixed numbers for its pipes.
_LAUNCHER = """
import os, sys
os.dup2(int(sys.argv[1]), 100)
os.dup2(int(sys.argv[2]), 101)
os.dup2(100, 3)
os.dup2(101, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
_KEYS = {"Tab": 9, "Enter": 13}


@define(eq=False)
class Chromium:
    """
    One page of a running browser.

    :ivar requested: the URLs that it asked for, each with the page that wanted it.
    """

    _process: "subprocess.Popen[bytes]" = field(repr=False)
    _directory: "TemporaryDirectory[str]" = field(repr=False)
    _input: int
    _output: int
    _session: str = ""
    _count: int = 0
    _received: bytes = field(default=b"", repr=False)
    _loads: int = 0
    requested: list[tuple[str, str]] = field(factory=list)

    def open(self) -> None:
        """Open an empty page."""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self._ask(f"{domain}.enable")

    def visit(self, url: str) -> None:
        """Go to a page, and wait until it is there."""
        before = self._loads
        self._ask("Page.navigate", url=url)
        self._until_loaded(before)

    def evaluate(self, expression: str) -> Any:
        """Give the value of an expression of JavaScript in the page."""
        answer = self._ask(
            "Runtime.evaluate", expression=expression, returnByValue=True
        )
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press and release keys."""
        for key in keys:
            text = {"text": "\r"} if key == "Enter" else {}
            for kind in ("keyDown", "keyUp"):
                self._ask(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key=key,
                    code=key,
                    windowsVirtualKeyCode=_KEYS[key],
                    **text if kind == "keyDown" else {},
                )

    def go_on(self, *keys: str) -> None:
        """Press keys that lead to another page, and wait until it is there."""
        before = self._loads
        self.press(*keys)
        self._until_loaded(before)

    def wait(self) -> None:
        """Wait until something happens in the page."""
        self._read()

    def close(self) -> None:
        """End it."""
        # Its helpers, too, which would go on writing into the directory.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._input)
        os.close(self._output)
        self._directory.cleanup()

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        number = self._count
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._input, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _until_loaded(self, before: int) -> None:
        while self._loads == before:
            self._read()

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._output], [], [], _SECONDS)
            received = os.read(self._output, 1 << 20) if ready else b""
            assert received, "the browser hangs or ended"
            self._received += received
        line, _, self._received = self._received.partition(b"\0")
        message = json.loads(line)
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requested.append((params["request"]["url"], params["documentURL"]))
        elif method == "Page.loadEventFired":
            self._loads += 1
        return message


def start_chromium() -> Chromium:
    """
    Start a browser with an empty page; ``close`` it.

    :raise SkipTest: this machine has none, and this is not ``CI``.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        if os.environ.get("CI") == "true":
            raise AssertionError("there is no chromium")
        raise SkipTest("there is no chromium")
    directory = TemporaryDirectory(prefix="mcp-trino-", ignore_cleanup_errors=True)
    theirs_in, to = os.pipe()
    from_, theirs_out = os.pipe()
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _LAUNCHER, str(theirs_in), str(theirs_out)),
            *(program, *_OPTIONS, f"--user-data-dir={directory.name}"),
        ],
        pass_fds=(theirs_in, theirs_out),
        env={**os.environ, "TMPDIR": directory.name},
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    browser = Chromium(process, directory, to, from_)
    browser.open()
    return browser
