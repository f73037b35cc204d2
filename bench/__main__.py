"""``python -m bench``: measure everything side by side and print one table."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from bench.bearer import with_tokens
from bench.calls import large_results, many_at_once, one_after_the_other
from bench.contenders import Bench
from bench.footprint import of_fresh_processes
from bench.references import Address, Floor
from bench.report import Table, machine
from bench.sandbox import sandbox
from bench.server import Server, serving
from bench.shown import bytes_shown
from bench.waiting import SERVER_SETTINGS, TRINO_PROPERTIES, while_slow_ones_wait

MEASUREMENTS: dict[str, Callable[[Bench], None]] = {
    "calls": one_after_the_other,
    "throughput": many_at_once,
    "results": large_results,
    "waiting": while_slow_ones_wait,
    "footprint": of_fresh_processes,
    "shown": bytes_shown,
    "tokens": with_tokens,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the rounds and print the table.

    :return: 1 when something could not be measured. A missed target is for
        people to judge and changes nothing.
    """
    options = _parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("stopped"))
    table = Table()
    started = time.strftime("%Y-%m-%d %H:%M")
    chosen = options.only or list(MEASUREMENTS)
    with ExitStack() as stack:
        coordinator = options.coordinator or stack.enter_context(sandbox())
        server = options.server_url and Server(options.server_url, options.server_pid)
        server = server or stack.enter_context(serving(coordinator))
        benches = dict.fromkeys(chosen, Bench(coordinator, server, table))
        if "waiting" in chosen:
            patient = stack.enter_context(sandbox(TRINO_PROPERTIES, quick=True))
            in_front = stack.enter_context(serving(patient, **SERVER_SETTINGS))
            benches["waiting"] = Bench(patient, in_front, table)
        with closing(Floor(coordinator)) as floor:
            facts = {"started": started, "trino": floor.version()} | machine()
        whole = _measure(benches, options.rounds)
    facts["load at the end"] = machine()["load"]
    print(*(f"{name}: {fact}" for name, fact in facts.items()), sep="\n")
    print(*table.lines(), sep="\n")
    if options.json:
        document: dict[str, Any] = {"machine": facts, "rows": table.as_json()}
        options.json.write_text(json.dumps(document | {"notes": table.notes}, indent=1))
    return 0 if whole else 1


def _measure(benches: dict[str, Bench], rounds: int) -> bool:
    """Run every chosen measurement in every round; say whether all succeeded."""
    whole = True
    for number in range(rounds):
        for name, bench in benches.items():
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr)
            bench.table.round = number
            try:
                MEASUREMENTS[name](bench)
            except Exception as problem:  # noqa: BLE001 -- the others still count
                whole = False
                bench.table.note(f"{name} failed: {type(problem).__name__}: {problem}")
    return whole


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", action="append", choices=MEASUREMENTS, help="may be repeated"
    )
    parser.add_argument(
        "--coordinator",
        type=Address.of,
        metavar="URL",
        help="a running Trino with the catalog tpch instead of the sandbox",
    )
    parser.add_argument(
        "--server-url",
        type=Address.of,
        metavar="URL",
        help="a running server in front of that coordinator",
    )
    parser.add_argument(
        "--server-pid", type=int, help="its process, to measure its CPU time"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="all values")
    return parser


if __name__ == "__main__":
    sys.exit(main())
