"""Build wheel and sdist and see that what they install works, each by itself."""

import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = "twisted/plugins/mcp_trino_plugin.py"


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command to its end and give what it printed."""
    return subprocess.run(
        command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def check(distribution: Path, directory: Path) -> None:
    """Install a distribution where nothing else is, and ask it who it is."""
    place = directory / distribution.name.replace(".", "-")
    venv.create(place, with_pip=True)
    binaries = place / "bin"
    run(binaries / "python", "-m", "pip", "install", "-q", distribution, cwd=directory)
    version = run(binaries / "mcp-trino", "--version", cwd=directory)
    if "0.1.0" not in version:
        raise SystemExit(f"{distribution.name}: odd version {version!r}")
    listing = run(binaries / "twistd", "--help", cwd=directory)
    if "mcp-trino" not in listing:
        raise SystemExit(f"{distribution.name}: twistd does not know mcp-trino")
    run(binaries / "twistd", "-n", "--pidfile=", "mcp-trino", "--help", cwd=directory)
    print(f"{distribution.name} works")


def main() -> None:
    """Check both."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        source = directory / "source"
        run("git", "clone", "-q", ROOT, source, cwd=directory)
        build = directory / "build"
        venv.create(build, with_pip=True)
        run(build / "bin/python", "-m", "pip", "install", "-q", "build", cwd=directory)
        output = directory / "dist"
        run(build / "bin/python", "-m", "build", "-o", output, source, cwd=directory)
        (wheel,), (sdist,) = output.glob("*.whl"), output.glob("*.tar.gz")
        files = ZipFile(wheel).namelist()
        if [f for f in files if f.startswith("twisted/")] != [PLUGIN]:
            raise SystemExit("the wheel has something else below twisted/")
        if any("tests/" in f or "dropin.cache" in f for f in files):
            raise SystemExit("the wheel has what it should not have")
        for distribution in (wheel, sdist):
            check(distribution, directory)


if __name__ == "__main__":
    sys.exit(main())
