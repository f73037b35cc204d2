"""As many people as come on a Monday morning log in at the same moment."""

from http import HTTPStatus
from threading import Event, Thread

from tests.e2e.test_proxy import Login, ProxyTestCase

_PEOPLE = 200


class ManyLoginsTests(ProxyTestCase):
    """Two hundred logins side by side."""

    def test_all_get_in(self) -> None:
        """All of them get in, and who is in already works on meanwhile."""
        self.serve()
        working = Login(self.url)
        working.register()
        working.authorize()
        working.redeem()
        over, statuses = Event(), []

        def work() -> None:
            while not over.wait(0.01):
                statuses.append(working.call()[0])

        thread = Thread(target=work)
        thread.start()
        try:
            self.log_in_side_by_side(_PEOPLE, at_once=_PEOPLE)
        finally:
            over.set()
            thread.join()
        self.assertEqual(set(statuses), {HTTPStatus.OK})
