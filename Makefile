# Everything runs from here, on a machine that has Python 3.11 or newer; each word sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo test lint bench run rules

help: ## show these words
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/ready ## make .venv with the command cni-guard in it

.venv/ready: pyproject.toml requirements/dev.lock
	@echo 'installing into .venv: a minute or two'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
	@echo 'ready: .venv/bin/cni-guard --help, make demo, make run'

demo: setup ## put the guard in front of a real API server and tune a CNI
	@$(BIN)/python -m tests.demo

test: setup ## run all tests, those on a real API server too
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadgroup

lint: setup ## ruff, mypy, the import contracts
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: setup ## measure the guard beside an empty handler
	@$(BIN)/python -m tests.bench

run: setup ## serve on https://localhost:8443 with a throw-away certificate in .run/
	@$(BIN)/python -m certs throw-away .run localhost 127.0.0.1 ::1
	@echo 'try: curl --cacert .run/ca.crt https://localhost:8443/readyz'
	@$(BIN)/cni-guard serve --bind 127.0.0.1:8443 --tls-cert .run/tls.crt --tls-key .run/tls.key

rules: setup ## write the page of the rules and the schema of the policy anew
	$(BIN)/cni-guard rules --markdown > webhook/rules/README.md
	$(BIN)/python -m webhook.policy > webhook/policy.schema.json
