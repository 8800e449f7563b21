# Every target makes what it needs, in .venv; nothing but Python >= 3.10 and make has to be there.
PYTHON ?= python3
BIN := .venv/bin
# Processes that run tests, half as many again as there are cores: a third of the time is waiting.
export PYTEST_XDIST_AUTO_NUM_WORKERS ?= $(shell $(PYTHON) -c 'import os; print((3 * os.cpu_count() + 1) // 2)')

# Compiled once for all the processes that tests start, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo screenshots test test-browser coverage mutants fuzz test-services race faults rogues matrix bench bench-guard bench-load bench-scale charts messages lint types docs wheel release-check versions

.venv/bin/pip:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "djwto needs Python 3.10 or later: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip

# A stamp for each set of extras, so that a target installs only what it uses.
.venv/.demo .venv/.dev .venv/.docs .venv/.browser .venv/.fuzz .venv/.mutants .venv/.services .venv/.bench: .venv/.%: .venv/bin/pip pyproject.toml
	$(BIN)/pip install --quiet --editable '.[$*]'
	touch $@

demo: .venv/.demo  ## serve the demo on 127.0.0.1:8000; MODE=TWO-COOKIES BACKEND=redis pick others
	$(BIN)/python docs/demo/manage.py demo

screenshots: .venv/.demo .venv/.browser  ## of the demo, for the README; takes chromium
	$(BIN)/python docs/demo/screenshots.py

test: .venv/.dev  ## everything, with embedded stores
	$(BIN)/python -m pytest -n auto --dist loadgroup

test-browser: .venv/.dev .venv/.browser  ## the demo's page; takes chromium
	$(BIN)/python -m pytest -q -n 2 docs/demo/browser

coverage: .venv/.dev  ## of djwto and its backends by the tests of the core, branches too
	$(BIN)/python -m pytest -q -n auto --dist loadgroup spec_tests/core --cov --cov-report=term:skip-covered

mutants: .venv/.dev .venv/.mutants  ## change the code in one place at a time; MUTANTS='djwto.cutoff.*'
	nice $(BIN)/python .ci/mutants $(MUTANTS)

fuzz: .venv/.fuzz  ## requests of any kind, guided by the branches that they reach; SECONDS=600
	$(BIN)/python -m djwto.spec_tests.fuzz --seconds $(or $(SECONDS),600)

test-services: .venv/.dev .venv/.services  ## the same, with the servers found on loopback
	$(BIN)/python -m djwto.spec_tests.services

race: .venv/.dev .venv/.services  ## 1,000 rounds of updates at once on each store; ROUNDS=50
	$(BIN)/python -m djwto.spec_tests.rotation_race --rounds $(or $(ROUNDS),1000)

faults: .venv/.dev .venv/.services  ## servers are killed, held up and filled under a load; SEED=7, STORES, SECONDS
	$(BIN)/python -m djwto.spec_tests.faults --seed $(or $(SEED),0) $(if $(STORES),--store $(STORES)) $(if $(SECONDS),--seconds $(SECONDS))

rogues: .venv/.dev  ## which clauses reject which of the implementations broken on purpose; AIMED=1
	$(BIN)/python -m djwto.spec_tests.rogues $(if $(AIMED),--aimed) $(if $(PUBLISH),--publish .) --jobs $(or $(JOBS),2)

matrix: .venv/.dev .venv/.services  ## every clause on every backend, into docs/matrix
	$(BIN)/python -m djwto.spec_tests.matrix

bench: .venv/bin/pip  ## djwto beside its peers, as ratios; TURNS=100, and Redis has to be there
	$(BIN)/python docs/benchmarks/bench.py --turns $(or $(TURNS),25) --json build/bench.json

bench-guard: .venv/.dev  ## djwto beside the floor alone: has it become slow?
	$(BIN)/python docs/benchmarks/guard.py

bench-load: .venv/bin/pip  ## the same behind gunicorn and uvicorn; takes wrk
	$(BIN)/python docs/benchmarks/load.py --turns $(or $(TURNS),3) --json build/load.json

charts: .venv/.bench  ## of what the two have measured last, for the docs
	$(BIN)/python docs/benchmarks/charts.py --bench build/bench.json --load build/load.json

bench-scale: .venv/.dev .venv/.services .venv/.bench  ## the stores with 10,000 entries and with millions; SIZES, STORES, PURGE
	nice $(BIN)/python docs/benchmarks/scale.py $(if $(SIZES),--sizes $(SIZES)) $(if $(STORES),--stores $(STORES)) $(if $(PURGE),--purge $(PURGE))

openapi-client: .venv/.dev  ## TypeScript clients of what openapi.json says, run; takes npm
	$(BIN)/python .ci/openapi_client

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python .ci/messages --check

messages: .venv/.dev  ## bring the translations up to date with the code, and say what they lack
	$(BIN)/python .ci/messages

types: .venv/.dev  ## of an installed tree: the folder names of the checkout are not module names
	rm -rf build/site
	$(BIN)/pip install --quiet --no-deps --target build/site .
	cd build/site && MYPYPATH=. ../../$(BIN)/mypy --config-file ../../pyproject.toml -p djwto

docs: .venv/.docs
	$(BIN)/sphinx-build -W --keep-going --quiet docs docs/_build/html

wheel: .venv/.dev  ## build it, and use it far from the checkout
	.ci/wheel

# The tests on every supported pair of Python and Django, each in a venv of its own.
# TESTS=spec_tests/core runs some of them.
VERSIONS := 3.10-5.2 3.11-5.2 3.12-5.2 3.12-6.0 3.12-6.1 3.13-5.2 3.13-6.0 3.13-6.1

versions: $(VERSIONS:%=.venv-%)

# What release-check and versions call Python 3.12, of whoever has it.
python_of = $$(ls "$$(pyenv root 2>/dev/null)"/versions/$(word 1,$(subst -, ,$*)).*/bin/python 2>/dev/null | tail -1 | grep . || echo python$(word 1,$(subst -, ,$*)))
django_of = $(word 2,$(subst -, ,$*))

.venv-%: FORCE
	test -x $@/bin/python || $(python_of) -m venv $@
	$@/bin/pip install --quiet --editable '.[dev]' 'Django~=$(django_of).0'
	$@/bin/python -m pytest -q -n auto --dist loadgroup $(TESTS)

release-check: lint types docs $(VERSIONS:%=.wheel-%)  ## what has to be so before a release

.wheel-%: .venv/.dev FORCE
	PYTHON=$(python_of) DJANGO=$(django_of) .ci/wheel

FORCE:
