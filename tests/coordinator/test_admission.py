"""Tests of the places for queries."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from mcp_trino.coordinator.admission import Places
from mcp_trino.errors import Busy


class PlacesTests(SynchronousTestCase):
    """Taking places, waiting in turn and giving them back."""

    def test_turns(self):
        """Principals take turns, however many calls one of them makes."""
        places = Places(1, 10, 10)
        self.successResultOf(places.take("running"))
        order = []
        for key in ("a", "a", "a", "b", "c", "b"):
            places.take(key).addCallback(lambda _, key=key: order.append(key))
        for key in ("running", "a", "b", "c", "a", "b"):
            places.give_back(key)
        self.assertEqual(order, ["a", "b", "c", "a", "b", "a"])

    def test_full(self):
        """A place in the queue that is left can be taken by another."""
        places = Places(1, 1, 1)
        self.successResultOf(places.take("running"))
        waiting = places.take("a")
        self.failureResultOf(places.take("b"), Busy)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        waiting = places.take("b")
        places.give_back("running")
        self.successResultOf(waiting)

    def test_each(self):
        """One principal never has all places, nor all of the queue."""
        places = Places(4, 10, 2)
        for _ in range(2):
            self.successResultOf(places.take("a"))
        waiting = [places.take("a") for _ in range(2)]
        self.failureResultOf(places.take("a"), Busy)
        for turn in waiting:
            self.assertNoResult(turn)
        self.successResultOf(places.take("b"))
        places.give_back("b")
        self.assertNoResult(waiting[0])
        places.give_back("a")
        self.successResultOf(waiting[0])
        self.assertNoResult(waiting[1])

    @given(st.lists(st.tuples(st.sampled_from("tgx"), st.sampled_from("abc"))))
    def test_never_too_many(self, steps):
        """Whatever happens, no place is lost, given twice, or kept from anybody."""
        places, held, waiting = Places(3, 4, 2), [], {}

        def wait(key):
            turn = places.take(key)
            waiting[turn] = key
            turn.addCallback(lambda _: held.append(key))
            turn.addErrback(lambda failure: failure.trap(Busy, CancelledError))
            turn.addBoth(lambda _: waiting.pop(turn))

        for step, key in steps:
            if step == "t":
                wait(key)
            elif step == "g" and held:
                given_back = held.pop(0)
                places.give_back(given_back)
            elif step == "x" and waiting:
                next(iter(waiting)).cancel()
            self.assertLessEqual(len(held), 3)
            for each in "abc":
                self.assertLessEqual(held.count(each), 2)
                could = len(held) < 3 and held.count(each) < 2
                self.assertFalse(could and each in waiting.values())
        while held:
            given_back = held.pop(0)
            places.give_back(given_back)
        self.assertEqual((places._free, places._waiting), (3, 0))
        self.assertEqual((dict(places._held), places._lines), ({}, {}))
