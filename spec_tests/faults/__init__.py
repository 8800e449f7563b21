"""Faults by real servers: a load over HTTP, while the store is killed, held up and filled.

`python -m djwto.spec_tests.faults --seed N` starts the servers itself. Each module is about one
part: `stores` and `injected` (what fails), `application` and `served` (what is asked), `load` and
`sweep` (who asks), `record` (what was answered) and `verdict` (whether it was right).
"""
