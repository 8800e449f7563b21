"""One run on one store: the load, the faults meanwhile, and the sweep when they are over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from djwto.spec_tests.faults import load, verdict
from djwto.spec_tests.faults.application import Application
from djwto.spec_tests.faults.client import Client
from djwto.spec_tests.faults.gate import Gate
from djwto.spec_tests.faults.record import LOGOUT, Fault
from djwto.spec_tests.faults.store import Store
from djwto.spec_tests.faults.stores import STORES
from djwto.spec_tests.faults.sweep import sweep
from djwto.spec_tests.faults.verdict import Finding, Run
from djwto.spec_tests.servers.process import until

PROCESSES = 2
"""Of the application, while the load runs; another is started for the end."""

LOGOUTS = 30
"""As many there are before the first fault, so that there is something to lose."""

BETWEEN, AFTER = (0.5, 1.5), 2.0
"""Seconds without a fault: between two, and in the end."""

BLIND = 1.5
"""Seconds that the application is left with a store that was emptied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A run, and what was found of it."""

    run: Run
    findings: list[Finding]
    said: str
    """The end of what the application has written to its standard error."""


def run(
    name: str,
    folder: Path,
    *,
    seed: int,
    seconds: float,
    unsafe: bool = False,
) -> Result:
    """Injects faults into a store for so many seconds, but each of its kinds once at least.

    An unsafe store is one that loses what it has answered; it is done only what it cannot survive.
    """
    random = Random(f"{seed} {name}")
    gate = Gate()
    with (
        STORES[name](folder, unsafe) as store,
        Application(folder, store.settings, PROCESSES) as application,
    ):
        faults: list[Fault] = []
        with load.running(application, gate, seed) as clients:
            _await_answers(clients)
            until(partial(_has_logouts, clients), f"{LOGOUTS} logouts")
            end = time.monotonic() + seconds
            for kind in _kinds(store, random, unsafe):
                if kind is None:
                    if time.monotonic() > end:
                        break
                    continue
                fault = _inject(kind, store, application, gate, random)
                faults.append(fault)
                if fault.emptied:
                    _await_answers(clients, fault.healed)
                time.sleep(random.uniform(*BETWEEN))
            # What the last fault has left behind is found out by who asks next.
            time.sleep(AFTER)
        return _judged(store, application, clients, faults)


def _kinds(store: Store, random: Random, unsafe: bool) -> Iterator[str | None]:
    """All kinds of faults, again and again in another order; None after each time."""
    kinds = [store.losing] if unsafe else sorted(store.faults)
    while True:
        random.shuffle(kinds)
        yield from kinds
        yield None


def _inject(
    kind: str, store: Store, application: Application, gate: Gate, random: Random
) -> Fault:
    began = time.monotonic()
    store.faults[kind](random)
    store.settle()
    if kind not in store.emptied_by:
        return Fault(kind, began, time.monotonic())
    forgot = time.monotonic()
    time.sleep(BLIND)
    with gate.closed():
        application.renew()
        return Fault(kind, began, time.monotonic(), emptied=True, forgot=forgot)


def _has_logouts(clients: list[Client]) -> bool:
    record = (r for client in clients for r in tuple(client.record))
    return sum(r.operation == LOGOUT and r.status == 200 for r in record) >= LOGOUTS


def _await_answers(clients: list[Client], since: float = 0) -> None:
    """Waits until each process has had an answer from the store: it knows it from then on."""

    def all_know() -> bool:
        told = [r for client in clients for r in tuple(client.record) if r.started >= since]
        return {r.process for r in told if r.status == 200} >= set(range(PROCESSES))

    until(all_know, "answer by each process")


def _judged(
    store: Store, application: Application, clients: list[Client], faults: list[Fault]
) -> Result:
    settled = time.monotonic()
    application.add_processes(1)
    sweep(application, clients)
    run = Run(
        record=[request for client in clients for request in client.record],
        heard=application.heard(),
        faults=faults,
        limit=store.limit,
        settled=settled,
        processes=range(PROCESSES + 1),
    )
    return Result(run=run, findings=verdict.judge(run), said=application.said())
