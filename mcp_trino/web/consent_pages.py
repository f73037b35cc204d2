"""The pages on which people decide: what a client may do, and what it no longer may."""

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from urllib.parse import urlsplit

from attrs import frozen

from mcp_trino.oauth.connections_page import CONNECTIONS_PATH, Connected, Connection
from mcp_trino.oauth.consent import Question
from mcp_trino.oauth.redirects import is_loopback
from mcp_trino.oauth.refusals import Problem
from mcp_trino.reply import Reply
from mcp_trino.web.html import page

ANSWER_PATH = "/oauth/consent"


@frozen
class ConsentPages:
    """
    Writes the pages.

    All that a client says of itself is shown as text, and as unverified.

    :ivar origin: of this server.
    :ivar provider: how people call the identity provider.
    :ivar provider_host: where she will log in.
    :ivar meanings: what each scope allows, as the end of "It may ...".
    """

    origin: str
    provider: str
    provider_host: str
    meanings: Mapping[str, str]

    def question(self, question: Question) -> Reply:
        """Ask whether a client may enter."""
        request = question.request
        name = escape(request.client_name or "An application without a name")
        meanings = "".join(
            f"<li>{escape(self.meanings.get(scope, scope))}</li>"
            for scope in request.scopes
        )
        rows = (
            ("Who asks", self._who(question)),
            ("What it may do in your name", f"<ul>{meanings}</ul>" if meanings else ""),
            ("Where the answer goes", _where(request.redirect_uri)),
            (
                "Where you log in",
                f"{escape(self.provider)} <small>{escape(self.provider_host)}</small>",
            ),
        )
        content = (
            f"<h1>Let <q>{name}</q> use Trino for you?</h1>\n"
            f"<p>It asks for access to the data behind <strong>"
            f"{escape(urlsplit(self.origin).netloc)}</strong>.</p>\n"
            f'<dl class="card">{_rows(rows)}</dl>\n'
            f"{_warning(request.redirect_uri)}"
            f'<form method="post" action="{ANSWER_PATH}">\n'
            f'<input type="hidden" name="question" value="{escape(question.sealed)}">\n'
            f"{_REMEMBER if request.provable else ''}"
            '<div class="actions">\n'
            '<button class="main" name="answer" value="allow">Allow</button>\n'
            '<button name="answer" value="deny">Do not allow</button>\n'
            "</div>\n</form>\n"
            f'<p><small>You can take this back at any time: <a href="'
            f'{CONNECTIONS_PATH}">your connections</a>.</small></p>'
        )
        return page("Allow access? - mcp-trino", content, form=True)

    def connections(self, connected: Connected) -> Reply:
        """Show a person the clients that she let in."""
        cards = "\n".join(_card(one, self.meanings) for one in connected.connections)
        nothing = "<p>No application has access in your name at the moment.</p>"
        content = (
            "<h1>Your connections</h1>\n"
            f"<p>Applications that use Trino for <strong>{escape(connected.name)}"
            "</strong>. One that you disconnect has to ask you again.</p>\n"
            f"{cards or nothing}\n"
            f'<form method="post" action="{CONNECTIONS_PATH}">'
            '<button name="leave" value="yes">Leave this page</button></form>'
        )
        return page("Your connections - mcp-trino", content, form=True)

    def problem(self, problem: Problem) -> Reply:
        """Tell a person what is wrong and what to do."""
        content = f"<h1>{escape(problem.title)}</h1>\n<p>{escape(problem.text)}</p>"
        headers = ((b"Retry-After", b"5"),) if problem.status == _UNAVAILABLE else ()
        title = f"{problem.title} - mcp-trino"
        return page(title, content, *headers, status=problem.status)

    def _who(self, question: Question) -> str:
        request = question.request
        name = escape(request.client_name or "It gave no name")
        if request.client_host:
            host = escape(request.client_host)
            return (
                f"<strong>{host}</strong>"
                f"<small>It calls itself {name!s}. {host} vouches for it.</small>"
            )
        return (
            f"<strong>{name}</strong>"
            "<small>It chose that name itself; nobody has checked it.</small>"
        )


_UNAVAILABLE = 503

_REMEMBER = (
    '<label><input type="checkbox" name="remember" value="yes"> '
    "<span>Do not ask again in this browser, for 90 days</span></label>\n"
)


def _where(redirect_uri: str) -> str:
    address = f"<small><code>{escape(redirect_uri)}</code></small>"
    if is_loopback(redirect_uri):
        return f"<strong>a program on this computer</strong>{address}"
    parts = urlsplit(redirect_uri)
    if parts.scheme != "https":
        kind = f"the application that opens {parts.scheme}: links"
        return f"<strong>{escape(kind)}</strong>{address}"
    return f"<strong>{escape(parts.netloc)}</strong>{address}"


def _warning(redirect_uri: str) -> str:
    if redirect_uri.startswith("https:"):
        return ""
    return (
        '<p class="note">Any program on this computer could ask this way, under any '
        "name. Allow it only if you have just started a login in that application "
        "yourself.</p>\n"
    )


def _card(connection: Connection, meanings: Mapping[str, str]) -> str:
    grant = connection.grant
    request = grant.request
    name = escape(request.client_name or "An application without a name")
    allowed = "; ".join(meanings.get(scope, scope) for scope in request.scopes)
    rows = (
        ("May", escape(allowed)),
        ("Answers go to", _where(request.redirect_uri)),
        ("Allowed", _time(grant.began_at)),
        ("Renewed", _time(grant.changed_at)),
    )
    return (
        f'<section class="card"><h2>{name}</h2>\n<dl>{_rows(rows)}</dl>\n'
        f'<form method="post" action="{CONNECTIONS_PATH}" class="actions">'
        f'<button name="connection" value="{escape(connection.choice)}" '
        f'aria-label="Disconnect {name}">Disconnect</button></form></section>'
    )


def _rows(rows: tuple[tuple[str, str], ...]) -> str:
    return "".join(
        f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in rows if value
    )


def _time(seconds: float) -> str:
    when = datetime.fromtimestamp(seconds, UTC)
    machine = when.isoformat(timespec="seconds")
    return f'<time datetime="{machine}">{when:%d %B %Y, %H:%M} UTC</time>'
