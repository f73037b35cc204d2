"""The page for people who open the server's address in a browser."""

import base64
import hashlib
import json
from html import escape

from attrs import frozen

from mcp_trino.reply import Reply

_STYLE = """
:root { color-scheme: light dark; --edge: #8886; --quiet: #8882; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem 4rem;
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; }
code { font: .92em ui-monospace, monospace; }
pre { background: var(--quiet); border: 1px solid var(--edge);
  border-radius: .4rem; margin: .5rem 0; overflow-x: auto; padding: .75rem; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_HEADERS = (
    (b"Content-Type", b"text/html; charset=utf-8"),
    (b"Cache-Control", b"no-cache"),
    (
        b"Content-Security-Policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'; style-src 'sha256-" + _STYLE_HASH.encode() + b"'",
    ),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"X-Frame-Options", b"DENY"),
)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mcp-trino</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>mcp-trino</h1>
<p>This is a <a href="https://modelcontextprotocol.io/" rel="noreferrer">Model
Context Protocol</a> server. It lets an AI assistant explore and query the data
behind a Trino cluster, for you and with what you may see.</p>
<p>It is not used with a browser: give its address to your assistant.</p>
<pre><code>{url}</code></pre>
{clients}
</main>
</body>
</html>
"""


@frozen
class _Client:
    name: str
    where: str
    text: str


def _clients(url: str) -> tuple[_Client, ...]:
    by_url = {"mcpServers": {"trino": {"url": url}}}
    by_proxy = {
        "mcpServers": {
            "trino": {"command": "npx", "args": ["-y", "mcp-remote", url]},
        }
    }
    by_type = {"servers": {"trino": {"type": "http", "url": url}}}
    return (
        _Client(
            "Claude Code",
            "In a terminal:",
            f"claude mcp add --transport http trino {url}",
        ),
        _Client(
            "Claude Desktop",
            "In claude_desktop_config.json (Settings, Developer):",
            json.dumps(by_proxy, indent=2),
        ),
        _Client("Codex", "In a terminal:", f"codex mcp add trino --url {url}"),
        _Client(
            "Visual Studio Code", "In .vscode/mcp.json:", json.dumps(by_type, indent=2)
        ),
        _Client("Cursor", "In .cursor/mcp.json:", json.dumps(by_url, indent=2)),
    )


def landing_page(public_url: str) -> Reply:
    """
    Make the page: what this is and how each client is connected.

    It needs no script, loads nothing and says nothing of the server's inside.

    :param public_url: the origin that people type.
    """
    url = f"{public_url}/mcp"
    clients = "\n".join(
        f"<section>\n<h2>{escape(client.name)}</h2>\n<p>{escape(client.where)}</p>\n"
        f"<pre><code>{escape(client.text)}</code></pre>\n</section>"
        for client in _clients(url)
    )
    page = _PAGE.format(style=_STYLE, url=escape(url), clients=clients)
    return Reply(status=200, body=page.encode(), headers=_HEADERS)
