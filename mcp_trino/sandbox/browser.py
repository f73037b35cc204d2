"""
A browser that plays a person: it keeps cookies, follows redirects, sends forms.

It logs in at servers of a sandbox and of tests, where everybody's password is
her name.
"""

import re
import ssl
from html.parser import HTMLParser
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import (
    HTTPCookieProcessor,
    HTTPRedirectHandler,
    HTTPSHandler,
    ProxyHandler,
    build_opener,
)

from attrs import define, field, frozen

_STEPS = 30
_SECONDS = 20
_PERSON_FIELDS = re.compile(r"user|login|email", re.IGNORECASE)
_REDIRECTS = (301, 302, 303, 307, 308)


@frozen
class Visit:
    """
    Where a browser stopped.

    :ivar url: of the page that is shown, or that was not asked for.
    :ivar status: of its answer, 0 when it was not asked for.
    :ivar pages: the text of all pages on the way, the last one shown now.
    """

    url: str
    status: int
    pages: tuple[str, ...]

    @property
    def page(self) -> str:
        """The page that is shown."""
        return self.pages[-1] if self.pages else ""


@define
class Form:
    """A form of a page and what it sends."""

    action: str = ""
    method: str = "get"
    fields: dict[str, str] = field(factory=dict)
    button: tuple[str, str] | None = None


class _Forms(HTMLParser):
    """Collects the forms of a page, filled in as the person would."""

    def __init__(self, person: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._person = person
        self._open = False

    def handle_starttag(
        self, tag: str, attributes: list[tuple[str, str | None]]
    ) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag == "form":
            method = values.get("method", "get").lower()
            self.found.append(Form(values.get("action", ""), method))
            self._open = True
        elif self._open and tag in ("input", "button"):
            self._add(tag, values)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False

    def _add(self, tag: str, values: dict[str, str]) -> None:
        form = self.found[-1]
        name, value = values.get("name", ""), values.get("value", "")
        kind = values.get("type", "submit" if tag == "button" else "text")
        if kind == "submit":
            form.button = form.button or (name, value)
        elif kind == "password" or (
            kind in ("text", "email") and not value and _PERSON_FIELDS.search(name)
        ):
            form.fields[name] = self._person
        elif name and (kind not in ("checkbox", "radio") or "checked" in values):
            form.fields[name] = value


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Leave redirects to the browser, which may stop before one."""


class Browser:
    """
    A person at her browser, who says yes to everything.

    :ivar person: her name, and her password.
    """

    def __init__(self, person: str = "alice", trust: str | None = None) -> None:
        """:param trust: a file of certificates to trust."""
        self.person = person
        # Browsers send Secure cookies over http to loopback.
        policy = DefaultCookiePolicy(secure_protocols=("http", "https"))
        self._opener = build_opener(
            ProxyHandler({}),
            HTTPSHandler(context=ssl.create_default_context(cafile=trust)),
            HTTPCookieProcessor(CookieJar(policy)),
            _NoRedirects(),
        )

    def visit(self, url: str, stop_at: str | None = None) -> Visit:
        """
        Open a page and go on to the one where there is nothing more to send.

        :param stop_at: how the URL begins that is not asked for any more.
        :raise AssertionError: it never ends.
        """
        pages: list[str] = []
        body: dict[str, str] | None = None
        for _ in range(_STEPS):
            if stop_at is not None and url.startswith(stop_at):
                return Visit(url, 0, tuple(pages))
            status, location, page = self._ask(url, body)
            body = None
            if status in _REDIRECTS:
                url = urljoin(url, location)
                continue
            pages.append(page)
            form = first_form(page, self.person)
            if form is None:
                return Visit(url, status, tuple(pages))
            url, body = _sent(form, url)
        raise AssertionError(f"the pages never end: {url}\n{pages[-1:]}")

    def _ask(self, url: str, body: dict[str, str] | None) -> tuple[int, str, str]:
        data = None if body is None else urlencode(body).encode()
        try:
            answer = self._opener.open(url, data, _SECONDS)
        except HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode(errors="replace")
            return answer.status, answer.headers.get("Location", ""), text


def first_form(page: str, person: str) -> Form | None:
    """Give the first form of a page that sends something, filled in."""
    forms = _Forms(person)
    forms.feed(page)
    return next((form for form in forms.found if form.button is not None), None)


def _sent(form: Form, page_url: str) -> tuple[str, dict[str, str] | None]:
    fields = dict(form.fields)
    if form.button is not None and form.button[0]:
        fields[form.button[0]] = form.button[1]
    url = urljoin(page_url, form.action)
    if form.method == "post":
        return url, fields
    return f"{url.partition('?')[0]}?{urlencode(fields)}", None
