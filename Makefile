# `make demo` and `make test` are all a newcomer needs; `make help` lists the rest.
# Everything is set up on first use inside .venv (stamps live there too, so `rm -rf .venv` forgets all).

.ONESHELL:
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PACKAGES := ugrpy shoalpy glintpy schedpy
CODE := $(PACKAGES) benchmarks tests
# the areas that take values and return values; their coverage has a bound of its own
PURE := ugrpy/core/*,ugrpy/namespace/*,ugrpy/locality/*,ugrpy/webdav/*,ugrpy/metalink/*,ugrpy/security/*,ugrpy/cache/*,ugrpy/health/*,ugrpy/load/*
# One worker a core, up to four. A file stays with one worker, which takes files in their order: those that start servers first,
# the many quick ones fill up at the end. ARGS="-n 0 --pdb" puts everything into one process.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# -- set-up ---------------------------------------------------------------------------------------

# `python3 -m venv` without ensurepip fails but leaves a bin/python behind, hence the stamp after pip ran
$(STAMPS)/venv:
	@echo "setting up $(VENV) …"
	rm -rf $(VENV)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, $(PYTHON) is older" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "on Debian: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip --version
	mkdir -p $(STAMPS)
	touch $@

$(STAMPS)/deps: requirements.lock $(STAMPS)/venv
	@echo "installing the locked dependencies (a minute the first time) …"
	$(BIN)/python -m pip install -q --require-hashes -r requirements.lock
	touch $@

$(STAMPS)/self: pyproject.toml $(STAMPS)/deps
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	touch $@

$(STAMPS)/peers: tests/peers/debian-packages.txt tests/peers/install $(STAMPS)/venv
	@tests/peers/install $<
	touch $@

$(STAMPS)/peers-slow: tests/peers/debian-packages-slow.txt tests/peers/install $(STAMPS)/venv
	@tests/peers/install $<
	touch $@

.PHONY: setup
setup: $(STAMPS)/self ## the virtual environment with everything in it

.PHONY: lock
lock: $(STAMPS)/self ## write requirements.lock anew from pyproject.toml (ARGS=--upgrade to move versions)
	@$(BIN)/uv pip compile pyproject.toml --extra demo --extra shoal --extra test --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --strip-extras -q -o requirements.lock $(ARGS)

# -- the main job ---------------------------------------------------------------------------------

.PHONY: demo
demo: $(STAMPS)/self ## two guided tours, squids and then storage, which stays up (ARGS=--once to leave at the end)
	@squids=0
	$(BIN)/shoalpy demo --once || squids=$$?
	if [ $$squids -ge 128 ]; then exit $$squids; fi # Ctrl-C means both
	$(BIN)/ugrpy demo $(ARGS)
	exit $$squids

# -- proof ----------------------------------------------------------------------------------------

.PHONY: check
check: $(STAMPS)/self ## format, lint, types, architecture
	@$(BIN)/ruff format --check --quiet $(CODE) || { echo "run: make format" >&2; exit 1; }
	$(BIN)/ruff check --quiet $(CODE)
	$(BIN)/codespell $(CODE) docs README.md CONTRIBUTING.md CHANGELOG.md
	$(BIN)/mypy
	$(BIN)/pytest -q tests/architecture

.PHONY: format
format: $(STAMPS)/self ## rewrite the code in the project's format
	@$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

.PHONY: test
test: $(STAMPS)/self $(STAMPS)/peers ## everything that needs no OpenStack, Slurm, qemu or Chromium (with ARGS coverage is shown, not judged)
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest $(PARALLEL) -m "not slow" $(if $(ARGS),$(ARGS),--ignore=tests/architecture) # which make check runs
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --skip-covered $(if $(ARGS),--fail-under=0) | tail -n 15
	echo "pure areas:"
	$(BIN)/coverage report --include='$(PURE)' --fail-under=$(if $(ARGS),0,95) | tail -n 1

.PHONY: test-slow
test-slow: $(STAMPS)/self $(STAMPS)/peers $(STAMPS)/peers-slow ## the slow tier: big servers, browsers, short fuzzing
	@$(BIN)/pytest -m slow $(ARGS)

# nine targets; what breaks one is kept small in .hypothesis, and belongs into tests/data/fuzz with the fix
FUZZ_S ?= 60
.PHONY: fuzz
fuzz: $(STAMPS)/self $(STAMPS)/peers ## random input for the laws and the gateway, FUZZ_S=60 seconds for each of nine targets: 10 minutes
	@UGRPY_FUZZ_S=$(FUZZ_S) $(BIN)/pytest -m slow -k fuzz tests/slow $(ARGS)

.PHONY: parity
parity: $(STAMPS)/self ## docs/parity.md and docs/parity.json from the last run
	@$(BIN)/python -m tests.parity

.PHONY: reliability
reliability: $(STAMPS)/self ## try every fault, and write docs/reliability.md
	@$(BIN)/pytest -q -n 0 tests/faults/test_table.py
	$(BIN)/python -m tests.faults.report > docs/reliability.new
	mv docs/reliability.new docs/reliability.md

.PHONY: bench
bench: $(STAMPS)/self $(STAMPS)/peers ## all benchmarks with their yardsticks (ARGS="redirect_hot --json"); about 7 minutes
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: clean
clean: ## forget everything that can be made again
	@rm -rf $(VENV) .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
