# Needs only python3 (3.11 or newer) and make; everything else comes from PyPI, pinned by hash in the locks.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
# Only `make lock` needs uv.
LOCK := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: run install test lint bench soak clean lock

run: .venv/installed  ## Start everything, on an embedded Postgres unless .env or the environment names another
	@if [ -f .env ]; then set -a; . ./.env; set +a; fi; exec $(BIN)/reachinbox up

install: .venv/installed  ## Set up .venv and nothing more

test: .venv/installed-dev  ## Run every test; ARGS goes to pytest
	$(BIN)/pytest $(ARGS)

lint: .venv/installed-dev  ## Check style, types and the rules on imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: .venv/installed  ## Measure; BENCH names what and how
	@$(BIN)/python -m bench $(BENCH)

soak: .venv/installed  ## Load, faults and restarts for MINUTES (20), the ledger checked throughout
	@$(BIN)/python -m bench soak --minutes $(or $(MINUTES),20)

clean:  ## Remove .venv and caches; data stays
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find app worker migrations tests bench -name __pycache__ -prune -exec rm -rf {} +

lock:  ## Pin the newest versions that pyproject.toml allows
	$(LOCK) pyproject.toml --output-file requirements.lock
	$(LOCK) pyproject.toml --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	printf 'editables\nhatchling\nnodejs-wheel-binaries\n' | $(LOCK) - --constraint requirements-dev.lock --output-file requirements-build.lock

# The stamps are younger than all they were made from, so a set-up checkout starts at once. The project itself is
# built with the tools of requirements-build.lock: isolated builds would fetch theirs unpinned.
.venv/installed: requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ReachInbox needs Python 3.11 or newer")'
	@echo 'Setting up .venv; this is done once.'
	@$(PYTHON) -m venv .venv
	@$(PIP) --require-hashes --requirement requirements.lock --requirement requirements-build.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo 'Adding the tools of development to .venv.'
	@$(PIP) --require-hashes --requirement requirements-dev.lock
	@touch $@
