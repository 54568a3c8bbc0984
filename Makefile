# Needs only python3 (3.11 or newer) and make; everything else comes from PyPI, pinned by hash in the locks.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
# Only `make lock` needs uv.
LOCK := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

# Tests start hundreds of Pythons: what these compile is kept, also where an image's environment says otherwise.
unexport PYTHONDONTWRITEBYTECODE

# Twice as many as the smallest machine has processors: for a third of the time a test waits for what is no work.
ALL_TESTS = -m 'not long' --numprocesses $(or $(TESTERS),4)

DASHBOARD := app/dashboard/index.html
DASHBOARD_SOURCES := $(shell find web -name node_modules -prune -o -name __pycache__ -prune -o -type f -print)

.PHONY: run install test test-long check-scale check-failover check-image check-compose check-spam lint lint-python lint-types lint-web bench soak screenshots api-types api-docs clean lock

run: .venv/installed $(DASHBOARD)  ## Start everything, on an embedded Postgres unless .env or the environment names another
	@if [ -f .env ]; then set -a; . ./.env; set +a; fi; exec $(BIN)/reachinbox up

install: .venv/installed $(DASHBOARD)  ## Set up .venv, build the dashboard, and nothing more

test: .venv/installed-dev $(DASHBOARD)  ## Run every test but the long ones, TESTERS (4) at once; or pytest with ARGS
	$(if $(ARGS),,$(BIN)/python web/build.py run test)
	$(BIN)/pytest $(or $(ARGS),$(ALL_TESTS))

test-long: .venv/installed-dev $(DASHBOARD)  ## Run the tests that take longer than fits in `make test`; REACHINBOX_FUZZ_S (3600) of generated templates
	$(BIN)/pytest -m long
	$(BIN)/pytest -m 'hypothesis and not long' --hypothesis-profile many

check-scale: .venv/installed-dev  ## Three worker hosts, one of them cut off for a minute; as root, with iproute2 and faketime
	CI=true REACHINBOX_CUT_S=60 REACHINBOX_LEASE_S=20 $(BIN)/pytest tests/crash/test_scale_out.py -s

check-failover: .venv/installed-dev  ## Have Patroni move the database under three workers; as root, with Debian's patroni and etcd
	CI=true $(BIN)/pytest -m long tests/crash/test_patroni.py -s

check-image: .venv/installed-dev  ## Run the steps of the Dockerfile in a root made by debootstrap; as root
	$(BIN)/python deploy/check_image.py

check-compose: .venv/installed-compose  ## Hold compose.yaml against the JSON schema of the Compose specification
	.venv/compose/bin/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

check-spam: .venv/installed-dev  ## Have SpamAssassin look at what is sent; with Debian's spamassassin
	$(BIN)/python -m tests.support.spam

lint: lint-python lint-types lint-web  ## Check style, types and the rules on imports; with --jobs=2 in half the time

lint-python: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

lint-types: .venv/installed-dev
	$(BIN)/pyright

lint-web: .venv/installed-dev $(DASHBOARD)
	$(BIN)/python web/build.py run lint
	$(BIN)/python web/build.py run types
	$(BIN)/python -m web.api_types --check
	$(BIN)/python -m web.api_docs

bench: .venv/installed  ## Measure; BENCH names what and how
	@$(BIN)/python -m bench $(BENCH)

soak: .venv/installed  ## Load, faults and restarts for MINUTES (20), the ledger checked throughout
	@$(BIN)/python -m bench soak --minutes $(or $(MINUTES),20)

screenshots: .venv/installed-dev $(DASHBOARD)  ## Show every page, wide and narrow, light and dark, in screenshots/
	$(BIN)/python -m tests.web.screenshots

api-types: .venv/installed-dev  ## Write the dashboard's types of the API anew
	$(BIN)/python -m web.api_types

api-docs: .venv/installed-dev  ## Fail where a field of the API, which /docs shows, has no description
	$(BIN)/python -m web.api_docs

clean:  ## Remove .venv, the built dashboard and caches; data stays
	rm -rf app/dashboard web/node_modules screenshots .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find app worker migrations tests bench -name __pycache__ -prune -exec rm -rf {} +

lock:  ## Pin the newest versions that pyproject.toml allows
	$(LOCK) pyproject.toml --output-file requirements.lock
	$(LOCK) pyproject.toml --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	printf 'check-jsonschema\n' | $(LOCK) - --output-file requirements-compose.lock
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

# Apart from .venv: only this check needs it.
.venv/installed-compose: .venv/installed requirements-compose.lock
	@$(PYTHON) -m venv .venv/compose
	@.venv/compose/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --requirement requirements-compose.lock
	@touch $@

$(DASHBOARD): $(DASHBOARD_SOURCES) | .venv/installed
	@$(BIN)/python web/build.py
