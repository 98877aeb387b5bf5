# Every target is described by the words after its ##; `make` alone prints them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ACTS ?=
OUTPUT ?= demo-output
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help demo demo-down test test-unit test-helm test-kwok lint format crds check-generated lock cluster-up cluster-down e2e clean

help: ## Print this help
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.11 ...")'
	@echo "==> virtual environment in $(VENV) (about 90 s the first time)"
	@$(PYTHON) -m venv $(VENV) || { echo "install it with: apt-get install -y python3-venv"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/.installed ## Break a SIP service on a real cluster and watch it heal (about 10 min; ACTS=1,2 for 5)
	@$(BIN)/python -m e2e --output $(OUTPUT) $(if $(ACTS),--acts $(ACTS))

demo-down: cluster-down ## Take away whatever an interrupted demo left behind

# Each worker has a control plane of its own; on a given cluster there is one for all. The tests of the loop mostly wait;
# the last ones watch the clock, or the whole machine.
SIDE_BY_SIDE = $(if $(KUBECONFIG),,--dist=worksteal --numprocesses=$(1))
test: $(VENV)/.installed ## Run all tests: unit, scenarios, real API server, real Prometheus
	@$(BIN)/python -m hack.cluster build $(if $(filter 0,$(shell id -u)),--node)
	@failed=0; \
	$(BIN)/python -m pytest $(call SIDE_BY_SIDE,2) tests/unit tests/scenarios tests/contract tests/apiserver || failed=1; \
	$(BIN)/python -m pytest $(call SIDE_BY_SIDE,3) tests/loop || failed=1; \
	$(BIN)/python -m pytest tests/telemetry tests/cluster || failed=1; \
	exit $$failed

test-unit: $(VENV)/.installed ## Run the fast tests alone: pure stages and scenarios
	@$(BIN)/python -m pytest tests/unit tests/scenarios

test-helm: $(VENV)/.installed ## Run the tests of upgrades by a real Helm (builds Helm, 6 min)
	@$(BIN)/python -m hack.cluster build
	@$(BIN)/python -m pytest -m helm tests/apiserver

test-kwok: $(VENV)/.installed ## Run the tests on nodes that only pretend to run pods (builds KWOK, 3 min)
	@$(BIN)/python -m hack.cluster build --kwok 1
	@$(BIN)/python -m pytest -m kwok

lint: $(VENV)/.installed ## Check style, types, import layers and that operator/ stays no package
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.installed ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

crds: $(VENV)/.installed ## Generate crds/ from the pydantic models
	@$(BIN)/python -m homeostat.contracts.to_crd crds

check-generated: crds ## Fail if the generated files differ from what is committed
	@git diff --exit-code -- crds || { echo "crds/ is not what the models say: run make crds and commit"; exit 1; }

lock: $(VENV)/.installed ## Pin the dependencies anew, by hash and without an index address
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements/runtime.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml --group dev -o requirements/dev.lock

cluster-up: $(VENV)/.installed ## Start a local Kubernetes with one real node, and leave it running
	@$(BIN)/python -m hack.cluster up --node

cluster-down: $(VENV)/.installed ## Stop it, and clean up after a crashed one
	@$(BIN)/python -m hack.cluster down

e2e: $(VENV)/.installed ## The whole demo with its assertions, as CI runs it
	@$(BIN)/python -m e2e --output $(OUTPUT)

clean: ## Remove the virtual environment, caches and demo output; the cluster's binaries stay in the user cache
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache $(OUTPUT)
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
