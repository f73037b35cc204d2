"""
A program that clients start to show a page to a person: ``browser.py URL [STOP]``.

It is that person whom ``BROWSER_PERSON`` names, trusts what ``SSL_CERT_FILE`` names,
writes the URLs that it is shown to the file ``BROWSER_LOG`` and prints where it
stopped, which is before a URL that begins with STOP.
"""

import os
import sys
from pathlib import Path

from mcp_trino.sandbox.browser import Browser


def _main(url: str, stop_at: str | None = None) -> int:
    if log := os.environ.get("BROWSER_LOG"):
        with Path(log).open("a") as file:
            file.write(f"{url}\n")
    person = os.environ.get("BROWSER_PERSON", "alice")
    shown = Browser(person, os.environ.get("SSL_CERT_FILE")).visit(url, stop_at)
    sys.stdout.write(f"{shown.url}\n")
    return int(shown.status >= 400)


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
