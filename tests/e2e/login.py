"""A person's login by code and PKCE, as a client does it that has no secret."""

import base64
import hashlib
import http.client
import json
import secrets
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from attrs import frozen

from mcp_trino.sandbox.browser import Browser

CALLBACK = "http://127.0.0.1/callback"
"""Where nobody listens: the browser stops there."""
_FORM = "application/x-www-form-urlencoded"
_SECONDS = 20


@frozen
class Endpoint:
    """
    A URL to post to.

    :ivar authority: the certificate to trust for https.
    """

    url: str
    authority: Path | None

    def post(self, **parameters: str) -> dict[str, Any]:
        """
        Send a form and give the answer.

        :raise AssertionError: it refuses; shows why.
        """
        return self.send("POST", urlencode(parameters), {"Content-Type": _FORM})

    def send(
        self, method: str, body: str | None, headers: dict[str, str]
    ) -> dict[str, Any]:
        """
        Send anything and give the answer, ``{}`` for none.

        :raise AssertionError: it refuses; shows why.
        """
        url = urlsplit(self.url)
        connection = self._connection(str(url.hostname), url.port)
        try:
            connection.request(method, self.url.partition(url.netloc)[2], body, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise AssertionError(f"{self.url}: {response.status} {content!r}")
        return json.loads(content) if content else {}

    def _connection(self, host: str, port: int | None) -> http.client.HTTPConnection:
        if self.authority is None:
            return http.client.HTTPConnection(host, port, timeout=_SECONDS)
        context = ssl.create_default_context(cafile=str(self.authority))
        return http.client.HTTPSConnection(
            host, port, timeout=_SECONDS, context=context
        )


def log_in(
    authorization: str,
    token: Endpoint,
    person: str,
    client_id: str,
    **parameters: str,
) -> dict[str, Any]:
    """
    Log a person in; gives the token endpoint's answer.

    :param authorization: the URL of the authorization endpoint.
    :param parameters: of both requests, for example ``scope``.
    """
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
        **parameters,
    }
    trust = str(token.authority) if token.authority else None
    visit = Browser(person, trust).visit(
        f"{authorization}?{urlencode(query)}", CALLBACK
    )
    answer = parse_qs(urlsplit(visit.url).query)
    if "code" not in answer:
        raise AssertionError(f"{visit}")
    return token.post(
        grant_type="authorization_code",
        code=answer["code"][0],
        redirect_uri=CALLBACK,
        client_id=client_id,
        code_verifier=verifier,
        **parameters,
    )
