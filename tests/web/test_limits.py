"""Tests for ``mcp_trino.web.limits``."""

from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.web.limits import Backlog, Budget, Places, Shares, share_of


class BudgetTests(SynchronousTestCase):
    """Tests for ``Budget``."""

    def test_exhausted(self) -> None:
        """What is not there is not taken, not even in part."""
        budget = Budget(10)
        self.assertTrue(budget.take(7))
        self.assertFalse(budget.take(4))
        self.assertEqual(budget.taken, 7)

    def test_given_back(self) -> None:
        """What is given back can be taken again."""
        budget = Budget(1)
        self.assertTrue(budget.take())
        budget.give_back()
        self.assertTrue(budget.take())


class BacklogTests(SynchronousTestCase):
    """Tests for ``Backlog``."""

    def setUp(self) -> None:
        self.backlog = Backlog(100)
        self.cut: list[str] = []

    def test_oldest_is_cut(self) -> None:
        """When too much is unread, those who wait longest are cut, no more."""

        def first() -> None:
            self.cut.append("first")

        def second() -> None:
            self.cut.append("second")

        self.backlog.add(first, 60)
        self.backlog.add(second, 40)
        self.assertEqual(self.cut, [])
        self.backlog.add(lambda: self.cut.append("third"), 30)
        self.assertEqual(self.cut, ["first"])
        self.assertEqual(self.backlog.waiting, 70)

    def test_too_large_alone(self) -> None:
        """A single answer beyond the bound is not cut: somebody may read it yet."""
        self.backlog.add(lambda: self.cut.append("only"), 101)
        self.assertEqual((self.cut, self.backlog.waiting), ([], 101))
        self.backlog.add(lambda: self.cut.append("next"), 1)
        self.assertEqual((self.cut, self.backlog.waiting), (["only"], 1))

    def test_discarded(self) -> None:
        """A client that reads again is forgotten; twice is harmless."""

        def cut() -> None:
            self.cut.append("me")

        self.backlog.add(cut, 100)
        self.backlog.discard(cut)
        self.backlog.discard(cut)
        self.backlog.add(lambda: None, 100)
        self.assertEqual((self.cut, self.backlog.waiting), ([], 100))


class PlacesTests(SynchronousTestCase):
    """Places with a share for each caller."""

    def test_share(self) -> None:
        """A caller who has her share gets no more; others do, up to the total."""
        places = Places(total=3, each=2)
        taken = [places.take(caller) for caller in ("ada", "ada", "ada", "bob", "eve")]
        self.assertEqual(taken, [True, True, False, True, False])
        places.give_back("ada")
        self.assertEqual(places.taken, 2)
        self.assertTrue(places.take("ada"))

    def test_nobody_asked(self) -> None:
        """Where nobody is asked who she is, all places are anybody's."""
        places = Places(total=3, each=1)
        self.assertEqual([places.take("") for _ in range(4)], [True] * 3 + [False])

    def test_share_of(self) -> None:
        """A tenth, but enough for one person's assistants."""
        self.assertEqual([share_of(total) for total in (500, 10)], [50, 4])


class SharesTests(SynchronousTestCase):
    """The sessions of each caller."""

    def test_callers(self) -> None:
        """Those who were seen longest ago are forgotten."""
        shares = Shares(each=1, callers=2)
        for caller in ("ada", "bob", "eve"):
            self.assertIsNone(shares.use(caller, "1"))
        self.assertEqual(shares.use("eve", "2"), "1")
        self.assertEqual(shares.use("bob", "2"), "1")
        self.assertIsNone(shares.use("ada", "2"))
