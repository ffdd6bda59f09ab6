# One virtual environment, .venv; each target installs what it needs and no more.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: install demo test lint bench serve clean

install: $(VENV)/.core ## the library and its command, without extras

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/.serve: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[serve]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[dev]'
	@touch $@

demo: $(VENV)/.demo ## mine, fit, evaluate and answer on a retail panel; leaves demo/
	$(BIN)/goeswith demo --out demo

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest src tests

BENCH_DATA := amazon-beauty amazon-clothing amazon-grocery

bench: $(VENV)/.dev ## the README's tables, from ../shared/data into benchmarks/results
	set -e; for data in $(BENCH_DATA); do \
	  $(BIN)/goeswith benchmark ../shared/data/$$data --protocol edges,cold \
	    --json benchmarks/results/$$data.json; \
	done
	$(BIN)/python benchmarks/table.py

serve: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[serve]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[dev]'
	@touch $@

demo: $(VENV)/.demo ## mine, fit, evaluate and answer on a retail panel; leaves demo/
	$(BIN)/goeswith demo --out demo

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest src tests

bench: $(VENV)/.dev ## the tables of the README, from ../shared/data into benchmarks/results
	$(BIN)/python benchmarks/baselines.py

serve: $(VENV)/.serve ## the demo's bundle over HTTP
	$(BIN)/goeswith serve demo/bundle

clean:
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
