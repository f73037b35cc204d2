"""Tests for ``mcp_trino.introspection.wire`` and its rule for addresses."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.active import Active
from mcp_trino.introspection.addresses import is_provider_url
from mcp_trino.introspection.wire import (
    active_from_json,
    active_to_json,
    endpoints_from_json,
    endpoints_to_json,
)
from mcp_trino.providers import Endpoints

ACTIVE = Active(
    "https://issuer.example", "alice", ("https://mcp.example/mcp",), 1700000000.0
)
ENDPOINTS = Endpoints(
    "https://issuer.example", "https://issuer.example/a", "https://issuer.example/t"
)

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
names = texts.filter(bool)
scopes = st.frozensets(
    st.text(st.characters(min_codepoint=0x23, max_codepoint=0x5B), min_size=1)
)
actives = st.builds(
    Active,
    issuer=names,
    subject=names,
    audiences=st.lists(texts).map(tuple),
    expires_at=st.floats(min_value=0, max_value=1e12),
    client_id=texts,
    scopes=scopes,
    username=texts,
    email=texts,
    tenant=texts,
    groups=st.lists(texts).map(tuple),
    groups_complete=st.booleans(),
    is_person=st.booleans(),
    token_id=texts,
    key_id=texts,
    grant=texts,
    generation=texts,
)
WRONG: tuple[Any, ...] = (None, True, False, 1, -1.5, "", "x", [], [1], {}, {"a": 1})


class ActiveTests(SynchronousTestCase):
    """The answer about a token."""

    @given(actives)
    def test_round_trip(self, active: Active) -> None:
        """What is written is what is read."""
        self.assertEqual(active_from_json(active_to_json(active)), active)

    def test_g124_inactive(self) -> None:
        """Of a token that does not hold nothing else is said."""
        self.assertEqual(active_to_json(None), b'{"active":false}')
        self.assertIsNone(active_from_json(b'{"active":false}'))

    def test_missing(self) -> None:
        """An answer without one of its members is none."""
        answer = json.loads(active_to_json(ACTIVE))
        for record in (answer, answer["mcp_trino"]):
            for name in list(record):
                value = record.pop(name)
                with self.assertRaises(ValueError, msg=name):
                    active_from_json(json.dumps(answer).encode())
                record[name] = value

    def test_wrong_type(self) -> None:
        """An answer with a member of another type is none."""
        answer = json.loads(active_to_json(ACTIVE))
        for record in (answer, answer["mcp_trino"]):
            for name in list(record):
                value = record[name]
                for wrong in WRONG:
                    if type(wrong) is type(value) or (name, wrong) == ("exp", 1):
                        continue
                    record[name] = wrong
                    with self.assertRaises(ValueError, msg=f"{name} {wrong}"):
                        active_from_json(json.dumps(answer).encode())
                record[name] = value

    def test_garbage(self) -> None:
        """Whatever else comes is no answer."""
        for body in (
            b"",
            b"{}",
            b"[]",
            b"null",
            b"true",
            b'{"active":true}',
            b'{"active":0}',
            b'{"active":"false"}',
            b'{"active":null}',
            b'{"active":false,"sub":"alice"}',
            b"<html>",
            b"\xff",
            active_to_json(ACTIVE)[:-1],
        ):
            with self.assertRaises(ValueError, msg=body):
                active_from_json(body)

    def test_not_finite(self) -> None:
        """A token does not hold for ever."""
        body = active_to_json(ACTIVE).replace(b"1700000000.0", b"1e999")
        self.assertIn(b"1e999", body)
        self.assertRaises(ValueError, active_from_json, body)


class EndpointsTests(SynchronousTestCase):
    """The answer about the provider."""

    def test_round_trip(self) -> None:
        """What is written is what is read."""
        full = Endpoints(
            "https://issuer.example",
            "https://issuer.example/a",
            "https://issuer.example/t",
            userinfo="https://issuer.example/u",
            revocation="https://issuer.example/r",
            introspection="https://issuer.example/i",
            sends_issuer=True,
            token_methods=("client_secret_post", "private_key_jwt"),
        )
        for endpoints in (ENDPOINTS, full):
            body = endpoints_to_json(endpoints)
            self.assertEqual(endpoints_from_json(body), endpoints)

    def test_strict(self) -> None:
        """An address that is not https is none, nor an answer with a part missing."""
        body = endpoints_to_json(ENDPOINTS)
        for wrong in (
            body.replace(b"https://issuer.example/a", b"http://issuer.example/a"),
            body.replace(b'"token_endpoint"', b'"other_endpoint"'),
            body.replace(b'"https://issuer.example/t"', b"null"),
            b"{}",
        ):
            self.assertRaises(ValueError, endpoints_from_json, wrong)


class AddressTests(SynchronousTestCase):
    """Which addresses of a provider may be asked."""

    def test_taken(self) -> None:
        """They are https, or http on this machine."""
        for url in (
            "https://issuer.example",
            "https://issuer.example:8443/a/b?c=d",
            "http://127.0.0.1:8080/a",
            "http://localhost/a",
            "http://[::1]:1/a",
        ):
            self.assertTrue(is_provider_url(url), url)

    def test_refused(self) -> None:
        """All others are refused."""
        for url in (
            None,
            1,
            "",
            "issuer.example",
            "http://issuer.example",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "https://",
            "https://a@b.example/",
            "https://b.example/#a",
            "https://b.example/#",
            "https://b.example:99999/",
            "https://b.example/ a",
            "https://b.example/\r\nx",
            "https://b.exämple/",
            "file:///etc/passwd",
            "https://[::1",
            "https://b.example/" + "a" * 2048,
        ):
            self.assertFalse(is_provider_url(url), url)
