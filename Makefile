# Everything a developer types. `make help` lists it. Only Python 3.11+ and make must be there.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
# Tests of whole processes and browsers; they wait more than they compute, so that one more of them runs at a time.
PROCESSES := tests/e2e tests/faults tests/flows
WORKERS ?= 2

# Signals, servers and a browser on shared cores: what fails there is tried once more, alone, and named either way.
define twice
	@$(BIN)/pytest -q -n $$(($(WORKERS) + 1)) --dist loadgroup $(1) || { [ $$? = 1 ] || exit 1; \
		printf '\n%s\n' "SOME TESTS FAILED (above). They are tried once more, alone; what passes now is not reliable on this machine:"; \
		$(BIN)/pytest -v --last-failed --last-failed-no-failures none $(1); }
endef

.PHONY: help run install dev test check format faults bench docs lock doctor clean

help: ## List these commands
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: ## Start everything and print where it is (installs what is missing)
	@bin/setup
	@exec $(BIN)/cursive up

install: ## Install the locked packages
	@bin/setup

dev: ## Install what tests and checks need as well
	@bin/setup dev

test: dev ## Run all tests (installs what they need, Chromium included)
	@bin/browser
	@bin/redis
	@$(BIN)/cursive build
	$(BIN)/pytest -q -n $(WORKERS) $(addprefix --ignore=,$(PROCESSES) tests/bench)
	$(call twice,$(PROCESSES))

check: dev ## Format, lint, types, import contracts, migrations match models
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_architecture.py tests/db/test_migrations.py

format: dev ## Format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

faults: dev ## Run the fault tests with their full trial counts (about two hours)
	$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup tests/faults tests/state/test_generated_events.py --trials full

bench: dev ## Measure, as docs/performance.md explains (long)
	@for name in $(basename $(notdir $(filter-out %/__init__.py,$(wildcard tests/bench/*.py)))); do \
		$(BIN)/python -m tests.bench.$$name || exit 1; done

docs: dev ## Write the README's table of settings from the code
	$(BIN)/python bin/configuration-table

lock: dev ## Resolve the dependencies again and write the hash-locked files
	@bin/lock

doctor: install ## Show every setting and what is reachable
	@$(BIN)/cursive doctor

clean: ## Remove the environment and the built pages; the data stays
	rm -rf .venv .web *.egg-info
