# Each target sets up what it needs; the machine must have Python 3.11 or newer.
# PYTHON=python3.13 (a name or a path) runs a target on another Python, in a separate virtual environment.
PYTHON ?= python3
VENV := .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
FOUND := $(if $(filter python3,$(PYTHON)),python3,$(shell .ci/find-python '$(PYTHON)'))

.PHONY: help setup demo test test-unit lint bench run rules

help: ## show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/ready ## create .venv with the command cni-guard

$(VENV)/ready: pyproject.toml requirements/dev.lock
	@echo 'installing into $(VENV); this takes a minute or two'
	$(or $(FOUND),$(error $(PYTHON) is not installed on this machine)) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
	@echo 'ready: $(BIN)/cni-guard --help, make demo, make run'

demo: setup ## install the guard on a real API server and change the CNI
	@$(BIN)/python -m tests.demo

ifneq ($(FOUND),)
test: setup ## run all tests, including those on a real API server
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadgroup

test-unit: setup ## run the tests that do not need a cluster
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadgroup -m 'not cluster'
else
test test-unit:
	@echo 'make $@: $(PYTHON) is not installed on this machine: $(if $(filter true,$(CI)),CI=true requires it,skipped)'
	@test '$(CI)' != true
endif

lint: setup ## run ruff, mypy, the import contracts and the check of the wording
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tests.words

bench: setup ## benchmark against an empty webhook
	@$(BIN)/python -m tests.bench

run: setup ## serve on https://localhost:8443 with a throw-away certificate in .run/
	@$(BIN)/python -m certs throw-away .run localhost 127.0.0.1 ::1
	@echo 'try: curl --cacert .run/ca.crt https://localhost:8443/readyz'
	@echo '     curl --cacert .run/ca.crt --json @tests/demo/review.json https://localhost:8443/validate'
	@$(BIN)/cni-guard serve --bind 127.0.0.1:8443 --tls-cert .run/tls.crt --tls-key .run/tls.key

rules: setup ## regenerate the rules page, the schemas and the picture in the README
	$(BIN)/cni-guard rules --markdown > webhook/rules/README.md
	$(BIN)/python -m webhook.policy > webhook/policy.schema.json
	$(BIN)/python -m webhook.facts.snapshot > webhook/facts/snapshot.schema.json
	$(BIN)/python -m tests.demo.picture > .github/check.svg
