# mlscaffold: `make demo` shows it at work, `make test` proves it. Both set up what they need.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(READY)  ## the virtual environment, pinned with hashes

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

demo: $(READY)  ## stamp a server, serve, ask it, lint an example repository
	$(BIN)/python demo/demo.py

test: $(READY)  ## every test
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadgroup
	$(BIN)/python -m pytest -m slow  # these time what they start: nothing else may run beside them

check: $(READY)  ## format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mlscaffold lint .

bench: $(READY)  ## the servers and the linter against the others (minutes)
	$(BIN)/python benchmarks/serving.py
	$(BIN)/python benchmarks/lint.py .

format: $(READY)  ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY)  ## fill the generated parts of the README
	$(BIN)/python docs/generate.py

pins: $(READY)  ## compile the pinned requirements again
	for name in runtime dev; do $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-annotate requirements/$$name.in --output-file requirements/$$name.txt; done

clean:  ## remove what was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help setup demo test check bench format docs pins clean
