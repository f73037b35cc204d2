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
        places = Places(1, 10)
        self.successResultOf(places.take("running"))
        order = []
        for key in ("a", "a", "a", "b", "c", "b"):
            places.take(key).addCallback(lambda _, key=key: order.append(key))
        for _ in range(6):
            places.give_back()
        self.assertEqual(order, ["a", "b", "c", "a", "b", "a"])

    def test_full(self):
        """A place in the queue that is left can be taken by another."""
        places = Places(1, 1)
        self.successResultOf(places.take("a"))
        waiting = places.take("a")
        self.failureResultOf(places.take("b"), Busy)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        waiting = places.take("b")
        places.give_back()
        self.successResultOf(waiting)

    @given(st.lists(st.tuples(st.sampled_from("tgx"), st.sampled_from("abc"))))
    def test_never_too_many(self, steps):
        """Whatever happens, no place is lost and none given twice."""
        places, held, waiting = Places(2, 3), [], []
        for step, key in steps:
            if step == "t":
                turn = places.take(key)
                turn.addErrback(lambda failure: failure.trap(Busy, CancelledError))
                turn.addCallback(lambda busy: held.append(1) if busy is None else None)
                waiting.append(turn)
            elif step == "g" and held:
                held.pop()
                places.give_back()
            elif step == "x" and waiting:
                waiting.pop(0).cancel()
            self.assertLessEqual(len(held), 2)
        while held:
            held.pop()
            places.give_back()
        self.assertEqual((places._free, places._waiting), (2, 0))
