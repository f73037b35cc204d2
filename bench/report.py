"""What was measured, as a table for people and as JSON."""

import os
import platform
import statistics
from collections.abc import Iterator
from typing import Any

from attrs import Factory, define, frozen


@frozen
class Target:
    """
    What the product promises of a row.

    :ivar at_most: the largest value or ratio that keeps the promise.
    :ivar of: whose value of the same round is the divisor; ``None`` for the
        value itself.
    :ivar binds: whose values it is about.
    """

    at_most: float
    of: str | None
    binds: tuple[str, ...]


@frozen
class Row:
    """
    One quantity, measured for several contenders in every round.

    :ivar of: the contenders that the others are divided by.
    """

    title: str
    unit: str
    of: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()


@define(eq=False)
class Table:
    """
    The values of all rounds.

    :ivar round: the round under way, from 0.
    :ivar notes: what a reader has to know besides the values.
    """

    round: int = 0
    notes: list[str] = Factory(list)
    _values: dict[Row, dict[str, dict[int, float]]] = Factory(dict)

    def add(self, row: Row, who: str, value: float) -> None:
        """Take the value of a contender in the round under way."""
        self._values.setdefault(row, {}).setdefault(who, {})[self.round] = value

    def note(self, text: str) -> None:
        """Say something besides the values, once."""
        if text not in self.notes:
            self.notes.append(text)

    def lines(self) -> Iterator[str]:
        """Give the table as lines of plain text."""
        for row, contenders in self._values.items():
            yield f"{row.title}, {row.unit}"
            for who, values in contenders.items():
                ratios = [
                    f"{_spread(ratios)} x {of}"
                    for of in row.of
                    if of != who and (ratios := self._ratios(row, who, of))
                ]
                cells = [f"{_spread(list(values.values())):>26}"]
                cells += [f"{ratio:<26}" for ratio in ratios]
                cells += self._verdicts(row, who)
                yield f"  {who:<22}" + "  ".join(cells).rstrip()
        yield from self.notes

    def as_json(self) -> list[dict[str, Any]]:
        """Give every value of every round, and the ratios."""
        return [
            {
                "row": row.title,
                "unit": row.unit,
                "who": who,
                "values": list(values.values()),
                "ratios": {
                    of: self._ratios(row, who, of) for of in row.of if of != who
                },
                "targets": self._verdicts(row, who),
            }
            for row, contenders in self._values.items()
            for who, values in contenders.items()
        ]

    def _ratios(self, row: Row, who: str, of: str) -> list[float]:
        divisors = self._values[row].get(of, {})
        values = self._values[row][who]
        return [values[n] / divisors[n] for n in values if divisors.get(n)]

    def _verdicts(self, row: Row, who: str) -> list[str]:
        verdicts = []
        for target in row.targets:
            if who not in target.binds:
                continue
            values = (
                self._ratios(row, who, target.of)
                if target.of
                else list(self._values[row][who].values())
            )
            if values:
                met = statistics.median(values) <= target.at_most
                promise = f"<= {target.at_most:g}" + (
                    f" x {target.of}" if target.of else ""
                )
                verdicts.append(f"{promise}: {'met' if met else 'MISSED'}")
        return verdicts


def machine() -> dict[str, Any]:
    """Say what the figures were measured on."""
    return {
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": [round(load, 1) for load in os.getloadavg()],
    }


def _spread(values: list[float]) -> str:
    """Write the median and, when they differ, the least and the greatest."""
    median = _short(statistics.median(values))
    if min(values) == max(values):
        return median
    return f"{median} ({_short(min(values))}-{_short(max(values))})"


def _short(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
