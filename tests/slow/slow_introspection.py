"""The introspection worker under attack: a process of its own, a real provider."""

import os
import signal
import time
from random import Random
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import DeferredList
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mcp_trino.errors import Undecidable
from mcp_trino.introspection.supervisor import SupervisedWorker
from tests.introspection.loopback import LoopbackProvider
from tests.introspection.minting import claims_of, key_of, minted, native_settings
from tests.introspection.mutations import mutated
from tests.introspection.test_process import asking, patiently

_MUTATIONS = 100_000
_STRANGERS = 1_000
_AT_ONCE = 8
_BACK_SECONDS = 3.0
_UNCACHED_SECONDS = 0.003


class AttackTests(TestCase):
    """What thousands of requests do to it."""

    timeout = 1800

    def setUp(self) -> None:
        """Have a provider and a worker."""
        self.provider = LoopbackProvider().listen(reactor)
        self.addCleanup(self.provider.close)
        settings = native_settings(issuer=self.provider.issuer)
        self.worker = SupervisedWorker(reactor, settings)
        self.worker.startService()
        self.addCleanup(self.worker.stopService)
        self.introspector = asking(settings, self.worker.path)
        self.addCleanup(self.introspector.close)

    def token(self, **changes: Any) -> str:
        """Give a token that holds now."""
        now = time.time()
        times = {"exp": now + 3600, "iat": now}
        return minted(claims_of(iss=self.provider.issuer, **times), **changes)

    async def answers(self, tokens: list[str]) -> tuple[int, int]:
        """Ask about tokens, and count who is let in and who is not decided."""
        questions = [self.introspector.introspect(token) for token in tokens]
        admitted = undecided = 0
        for decided, answer in await DeferredList(questions, consumeErrors=True):
            if not decided:
                answer.trap(Undecidable)
                undecided += 1
            elif answer is not None:
                admitted += 1
        return admitted, undecided

    async def test_mutations(self) -> None:
        """Of 100,000 changes of a token none is accepted, nor does it break."""
        random = Random(20261125)
        token = self.token()
        await patiently(self.introspector, token)
        pid = self.worker.process_id
        undecided = 0
        for _ in range(_MUTATIONS // _AT_ONCE):
            tokens = [mutated(token, random) for _ in range(_AT_ONCE)]
            admitted, more = await self.answers(tokens)
            self.assertEqual(admitted, 0, tokens)
            undecided += more
        self.assertEqual(undecided, 0)
        self.assertEqual(self.worker.process_id, pid)
        self.assertIsNotNone(await self.introspector.introspect(token))

    async def test_unknown_keys(self) -> None:
        """A thousand unknown keys in ten seconds cost two fetches at most."""
        good = self.token()
        await patiently(self.introspector, good)
        before = self.provider.key_fetches
        stranger = key_of("stranger")
        tokens = [
            self.token(key=stranger, kid=f"k{number}") for number in range(_STRANGERS)
        ]
        started = reactor.seconds()
        for first in range(0, _STRANGERS, _AT_ONCE):
            admitted, _ = await self.answers(tokens[first : first + _AT_ONCE])
            self.assertEqual(admitted, 0)
        self.assertLess(reactor.seconds() - started, 10)
        self.assertLessEqual(self.provider.key_fetches - before, 2)
        self.assertIsNotNone(await self.introspector.introspect(good))

    async def test_killed(self) -> None:
        """Killed, it is back within three seconds, and nobody is locked out."""
        token = self.token()
        await patiently(self.introspector, token)
        os.kill(self.worker.process_id, signal.SIGKILL)
        started = reactor.seconds()
        self.assertIsNotNone(await patiently(self.introspector, token))
        self.assertLess(reactor.seconds() - started, _BACK_SECONDS)

    async def test_uncached(self) -> None:
        """A question takes less than three milliseconds."""
        token = self.token()
        await patiently(self.introspector, token)
        took = []
        for _ in range(500):
            started = time.perf_counter()
            self.assertIsNotNone(await self.introspector.introspect(token))
            took.append(time.perf_counter() - started)
            await deferLater(reactor, 0)
        self.assertLess(sorted(took)[len(took) // 2], _UNCACHED_SECONDS)
