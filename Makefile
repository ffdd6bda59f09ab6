# One virtual environment, .venv; each target installs what it needs and no more.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help install demo test lint bench serve clean

help:
	@sed -n 's/^\([a-z]*\):[^#]*## /make \1: /p' Makefile

install: $(VENV)/.core ## the library and its command, without extras

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/.serve: $(VENV)/.serve ## the demo's bundle over HTTP
	$(BIN)/goeswith serve demo/bundle

clean:
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
