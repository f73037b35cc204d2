"""What the tests of tokens ask again and again."""

from typing import Any

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.active import Active
from mcp_trino.introspection.refused import Refused
from mcp_trino.settings import WorkerSettings
from tests.introspection.minting import Bench, FakeProvider, native_settings


class JudgingTestCase(SynchronousTestCase):
    """Tests of what the worker says about tokens."""

    def bench(
        self,
        settings: WorkerSettings | None = None,
        provider: FakeProvider | None = None,
    ) -> Bench:
        """Give a running worker, of a Keycloak if nothing is said."""
        more = {} if provider is None else {"provider": provider}
        bench = Bench(native_settings() if settings is None else settings, **more)
        return bench.start(self.addCleanup)

    def active(self, bench: Bench, token: str) -> Active:
        """Have a token judged that holds."""
        found = self.successResultOf(bench.introspector.introspect(token))
        if found is None:
            self.fail(self.reason(bench, token))
        return found

    def reason(self, bench: Bench, token: str) -> str:
        """Have a token judged that does not hold, and give the reason."""
        judged = bench.introspector.explain(token)
        return self.failureResultOf(judged, Refused).value.reason

    def assert_refused(self, bench: Bench, token: str, reason: str = "") -> None:
        """See to it that a token is refused, and that no log shows it."""
        with capturedLogs() as events:
            answer = self.successResultOf(bench.introspector.introspect(token))
        self.assertIsNone(answer)
        self.assertIn(reason, self.reason(bench, token))
        for part in filter(None, token.split(".")[1:]):
            self.assertNotIn(part, repr(events) if len(part) > 20 else "")

    def assert_all_refused(self, bench: Bench, tokens: dict[str, Any]) -> None:
        """See to it that all are refused, and no key is asked for because of them."""
        before = len(bench.provider.asked)
        for name, token in tokens.items():
            answer = self.successResultOf(bench.introspector.introspect(token))
            self.assertIsNone(answer, name)
        self.assertEqual(len(bench.provider.asked), before)
