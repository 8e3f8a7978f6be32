# Every target does the set-up that it needs; a second run of any target repeats none of it.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
NODE   := tests/conformance/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help setup up down test check format gen bench lock release clean

help:  ## Show what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.dev $(NODE)  ## Make the virtual environment with all pinned dependencies

up: $(VENV)/.runtime  ## Start everything, and return when it answers
	@$(BIN)/tenon gen --if-stale
	@$(BIN)/tenon up --detach

down: $(VENV)/.runtime  ## Stop everything that `make up` started
	@$(BIN)/tenon down

test: $(VENV)/.dev $(NODE)  ## Run all tests
	$(BIN)/python -m pytest tests --ignore tests/e2e --ignore tests/conformance -n 2 --dist loadfile
	$(BIN)/python -m pytest tests/e2e
	$(BIN)/python -m pytest tests/conformance -n 2 --dist loadgroup

check: $(VENV)/.dev  ## Judge format, lint, types, contracts, generated files; run unit and contract tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m services.meshgen.judge
	$(BIN)/tenon gen --check
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/unit tests/contract

format: $(VENV)/.dev  ## Format Python and contracts in place
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .
	$(BIN)/buf format --write proto

gen: $(VENV)/.dev  ## Write gen/, envoy/ and k8s/ anew from the contracts
	$(BIN)/tenon gen

bench: $(VENV)/.dev  ## Measure CPU per request and requests/s, beside FastAPI, in one run
	$(BIN)/python -m tests.load

lock: $(VENV)/.dev  ## Pin the newest versions that pyproject.toml allows
	$(BIN)/python requirements/lock.py

release: check test  ## Move the baseline that `buf breaking` judges against
	$(BIN)/python -m services.meshgen.judge --move-baseline

clean:  ## Remove what set-up made; .tenon/, with its data, stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Tenon needs Python 3.11 or newer: set PYTHON=/path/to/python3."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.runtime: requirements/runtime.lock requirements/dataset.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing the pinned dependencies into $(VENV) ..."
	@$(PIP) install --require-hashes --no-deps -r requirements/runtime.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m services.cli.demo.fetch
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.lock
	@echo "Installing the tools of development into $(VENV) ..."
	@$(PIP) install --require-hashes --no-deps -r requirements/dev.lock
	@touch $@

$(NODE): tests/conformance/package-lock.json
	@if command -v npm >/dev/null; then \
	  echo "Installing the providers and clients that tests compare with ..."; \
	  cd tests/conformance && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json; \
	else echo "Node.js is not installed: the tests that need it are skipped."; fi
