"""The checks of the clauses. Importing the package registers each with its clause."""

from djwto.spec_tests.checks import (  # noqa: F401
    answers,
    calls,
    concurrency,
    cutoffs,
    expiry,
    faults,
    logins,
    machine,
    options,
    races,
    receivers,
    rotations,
    sessions,
    sessions_machine,
    signals_sent,
    twins,
    values,
)
