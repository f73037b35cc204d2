"""Interpreters with another version of a package than the project's own."""

import re
import sys
import venv
from pathlib import Path

from tests.e2e.installations import installation, run_installer


def python_with(requirement: str) -> Path:
    """
    Give an interpreter that has a package, installed when a first run asks.

    :param requirement: an exact one, like ``mcp==1.30.0``.
    :raise SkipTest: pip cannot install it, and this is not ``CI``.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    name = re.sub(r"[^A-Za-z0-9.]+", "-", requirement)

    def install(directory: Path) -> None:
        venv.create(directory, clear=False, with_pip=True)
        python = str(directory / "bin" / "python")
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run_installer([python, *pip, requirement], directory)

    return installation(f"python-{version}-{name}", install) / "bin" / "python"
