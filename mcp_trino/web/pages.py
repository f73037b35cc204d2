"""The page for people who open the server's address in a browser."""

import json
from html import escape

from attrs import frozen

from mcp_trino.reply import Reply
from mcp_trino.web.html import page

_CONTENT = """<h1>mcp-trino</h1>
<p>This is a <a href="https://modelcontextprotocol.io/" rel="noreferrer">Model
Context Protocol</a> server. It lets an AI assistant explore and query the data
behind a Trino cluster, for you and with what you may see.</p>
<p>It is not used with a browser: give its address to your assistant.</p>
<pre><code>{url}</code></pre>
{login}{clients}"""
_LOGIN = """<p>You log in once, when your assistant opens a browser for it. What you
let in you can see and end at <a href="{connections}">your connections</a>.</p>
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


def landing_page(public_url: str, connections: str | None = None) -> Reply:
    """
    Make the page: what this is and how each client is connected.

    It needs no script, loads nothing and says nothing of the server's inside.

    :param public_url: the origin that people type.
    :param connections: where people see what they let in, ``None`` where nobody
        logs in through this server.
    """
    url = f"{public_url}/mcp"
    clients = "\n".join(
        f"<section>\n<h2>{escape(client.name)}</h2>\n<p>{escape(client.where)}</p>\n"
        f"<pre><code>{escape(client.text)}</code></pre>\n</section>"
        for client in _clients(url)
    )
    login = "" if connections is None else _LOGIN.format(connections=connections)
    content = _CONTENT.format(url=escape(url), login=login, clients=clients)
    return page("mcp-trino", content, public=True)
