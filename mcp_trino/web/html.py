"""How every page of this server looks, and what browsers may do with it."""

import base64
import hashlib
from html import escape

from mcp_trino.reply import Reply

_STYLE = """
:root { color-scheme: light dark; --edge: #8886; --quiet: #8882; --strong: #05c;
  --on-strong: #fff; --warn: #b45309; }
@media (prefers-color-scheme: dark) {
  :root { --strong: #8ab4f8; --on-strong: #111; --warn: #fbbf24; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem 4rem;
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; }
code { font: .92em ui-monospace, monospace; }
pre { background: var(--quiet); border: 1px solid var(--edge);
  border-radius: .4rem; margin: .5rem 0; overflow-x: auto; padding: .75rem;
  overflow-wrap: normal; }
a { color: var(--strong); }
.card { border: 1px solid var(--edge); border-radius: .6rem; margin: 1.25rem 0;
  padding: .25rem 1.1rem; }
.card h2 { margin: .75rem 0 0; }
.card .actions { margin: .25rem 0 1rem; }
dl { margin: 0; }
dl > div { border-bottom: 1px solid var(--edge); padding: .75rem 0; }
dl > div:last-child { border-bottom: 0; }
dt { font-size: .85rem; opacity: .75; }
dd { margin: .1rem 0 0; }
dd small { display: block; opacity: .75; }
ul { margin: .1rem 0 0; padding-left: 1.1rem; }
.note { border-left: .25rem solid var(--warn); margin: 1rem 0; padding: .1rem .8rem; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.25rem; }
button { border: 1px solid var(--edge); border-radius: .5rem; cursor: pointer;
  font: inherit; padding: .65rem 1.4rem; min-width: 8rem; background: transparent;
  color: inherit; }
button.main { background: var(--strong); border-color: var(--strong);
  color: var(--on-strong); font-weight: 600; }
:focus-visible { outline: .2rem solid var(--strong); outline-offset: .15rem; }
label { display: flex; gap: .6rem; align-items: flex-start; margin: 1rem 0; }
input[type=checkbox] { width: 1.15rem; height: 1.15rem; margin-top: .2rem; flex: none; }
@media (max-width: 30rem) { .actions button { flex: 1 1 100%; } }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{content}
</main>
</body>
</html>
"""


def page(
    title: str,
    content: str,
    *headers: tuple[bytes, bytes],
    status: int = 200,
    form: bool = False,
    public: bool = False,
) -> Reply:
    """
    Make a page that needs no script, loads nothing and cannot be framed.

    :param title: plain text.
    :param content: HTML, all of whose plain text is escaped.
    :param form: it has a form, which may end at any redirect. Browsers apply
        ``form-action`` to all redirects after a form, so there is none then; the
        referrer stays within this server, so that they name their ``Origin``;
        and the window stays that of the client that opened it and waits for it.
    :param public: it is the same for everybody and may be kept.
    """
    alone = ((b"Cross-Origin-Opener-Policy", b"same-origin"),)
    policy = [
        "default-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        f"style-src 'sha256-{_STYLE_HASH}'",
        *(() if form else ("form-action 'none'",)),
    ]
    body = _PAGE.format(title=escape(title), style=_STYLE, content=content)
    return Reply(
        status=status,
        body=body.encode(),
        headers=(
            (b"Content-Type", b"text/html; charset=utf-8"),
            (b"Cache-Control", b"no-cache" if public else b"no-store"),
            (b"Content-Security-Policy", "; ".join(policy).encode()),
            *(() if form else alone),
            (b"Cross-Origin-Resource-Policy", b"same-origin"),
            (b"Referrer-Policy", b"same-origin" if form else b"no-referrer"),
            (b"X-Content-Type-Options", b"nosniff"),
            (b"X-Frame-Options", b"DENY"),
            *headers,
        ),
    )
