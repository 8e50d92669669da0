# The two commands: `make run` and `make test`. Each sets up what it needs in .venv.

PYTHON ?= python3
BIN := .venv/bin
HOME_DIR ?= var
# Tests in parallel, one process a core.
JOBS ?= auto

# For how long `make fuzz` runs, and on what: a target of tests/fuzz/targets.py, or all.
SECONDS ?= 600
TARGET ?=

.PHONY: install run test check format fuzz bench bench-threading bench-reading bench-routing score-routing bench-try bench-hostile lock migration clean

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "mailgate needs Python 3.11 or newer; say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: install  ## serve a sample community from var/
	$(BIN)/mailgate demo --home $(HOME_DIR)

test: install  ## everything; what needs Postfix or mail clients is skipped where they are absent
	$(BIN)/python -m pytest -n $(JOBS) -q

check: install  ## format, lint, types, import contracts, and the quick tests: unit, corpus and golden
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(JOBS) -q -m 'not slow' tests/unit tests/corpus tests/golden

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# A wheel of its own, and not for every Python: without it the fuzzing goes on, blind.
.venv/fuzz: .venv/installed
	-$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --only-binary atheris -e '.[fuzz]'
	@touch $@

fuzz: .venv/fuzz  ## make fuzz SECONDS=600 TARGET=parse: hostile inputs for all targets or one; findings in .fuzz/
	$(BIN)/python -m tests.fuzz run --seconds $(SECONDS) $(TARGET)

bench: install  ## messages a second and CPU a message, beside the floor of the stack
	$(BIN)/python -m tests.bench.pipeline

bench-threading: install  ## tickets against the true threads of a real archive (needs ../shared or MAILGATE_SHARED)
	$(BIN)/python -m tests.bench.threading_score

bench-reading: install  ## CPU of reading a mail, as against mail-parser alone (needs ../shared or MAILGATE_SHARED)
	$(BIN)/python -m tests.bench.reading_cost

bench-routing: install  ## CPU of a decision by 500 rules and the registry, and how it grows
	$(BIN)/python -m tests.bench.routing

score-routing: install  ## routes of the mails in tests/corpus/routing, as against what a person would say
	$(BIN)/python -m tests.bench.routing_score

bench-try: install  ## seconds of asking ten thousand stored posts about other rules
	$(BIN)/python -m tests.bench.try_rules

bench-hostile: install  ## what hostile mail costs a daemon: CPU and memory of each (needs ../shared or MAILGATE_SHARED)
	$(BIN)/python -m tests.bench.hostile

lock: install  ## write requirements.lock anew from pyproject.toml
	$(BIN)/pip-compile -q --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --generate-hashes \
	  --strip-extras --allow-unsafe --extra dev --extra postgresql -o requirements.lock pyproject.toml

migration: install  ## make migration M="what it does": write a new migration from the tables in the code
	$(BIN)/python -m tests.support.new_migration "$(M)"

clean:  ## what fuzzing found in .fuzz/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
