"""The gate that requests pass: while it is closed there are none."""

from __future__ import annotations

import threading

from djwto.spec_tests.faults.gate import Gate

PATIENCE = 10.0
A_WHILE = 0.05


def test_who_closes_waits_for_those_inside_and_keeps_others_out() -> None:
    gate, inside, leave = Gate(), threading.Event(), threading.Event()
    log: list[str] = []

    def first() -> None:
        with gate.passing():
            inside.set()
            leave.wait(PATIENCE)
            log.append("first")

    def second() -> None:
        with gate.passing():
            log.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(PATIENCE)
    threading.Timer(A_WHILE, leave.set).start()
    with gate.closed():
        log.append("closed")
        threads[1].start()
        threads[1].join(A_WHILE)
        log.append("opened")
    for thread in threads:
        thread.join(PATIENCE)
    assert log == ["first", "closed", "opened", "second"]
