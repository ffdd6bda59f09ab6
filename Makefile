# One virtual environment, .venv; each target installs what it needs and no more.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# of 21,000 modules a quarter is imported: those are compiled, and stored, when they are
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
  -c constraints.txt
NEEDS := pyproject.toml constraints.txt | $(VENV)/bin/python
AXE := axe-core@4.14.1
BENCH_DATA := amazon-beauty amazon-clothing amazon-grocery
BENCH_TRAINED := directed_propagation typed_towers dual_embedding p_companion product2vec daemon
# beside the ranker, for a paired comparison: the strongest of the simple ones
RANKED := ranker,ease,ease:relation=co_purchase,alternatives=false,l2=100,$\
ease:relation=co_purchase,alternatives=false,l2=100,order=true,$\
slim:relation=co_purchase,alternatives=false,cocitation:relation=co_purchase,alternatives=false,$\
similar_complements
# the paper's form and the best form found; more epochs do not help the second
DAEMONS := daemon:id_vectors=false,max_epochs=4,patience=4,daemon:id_vectors=true,self_term=true,$\
last_relu=false,temperature=.1,learning_rate=.003,max_epochs=4,patience=4

.PHONY: help install demo test suite rounding system lint docs release bench bench-check claims serve clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):[^#]*## /make \1: /p' Makefile

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(NEEDS)
	$(PIP) -e .
	@touch $@

# .demo, .serve, .docs, .dev-full: the core with an extra of that name
$(VENV)/.%: $(NEEDS)
	$(PIP) -e '.[$*]'
	@touch $@

install: $(VENV)/.core ## the library and its command, without extras

demo: $(VENV)/.demo ## mine, fit, evaluate and answer on a retail panel; leaves demo/
	$(BIN)/goeswith demo --out demo

lint: $(VENV)/.dev-full ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# compiled modules are stored, for the workers, the runs and the commands that tests start
unexport PYTHONDONTWRITEBYTECODE
# a worker for each core; WORKERS=3 on two cores, since some tests wait for servers and browsers
WORKERS ?= logical
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal --durations=20
# tests that multiply matrices run again with the instructions of other processors, where sums are
# rounded differently; one without AVX-512 has run them with those of AVX2 already
ROUNDED := tests/models tests/sequential tests/language -m 'not one_processor'
AVX2 := ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 \
  OPENBLAS_CORETYPE=Haswell
SSE := ATEN_CPU_CAPABILITY=default OPENBLAS_CORETYPE=Prescott
X86 := $(filter x86_64,$(shell uname -m))
AVX512 := $(if $(X86),$(shell grep -m 1 -o avx512f /proc/cpuinfo 2>/dev/null))

test: ## lint, types and every test
	@$(MAKE) --no-print-directory --jobs=3 lint rounding

suite: system $(VENV)/axe/axe.min.js $(VENV)/.dev-full
	$(PYTEST) src tests

rounding: suite
	$(if $(AVX512),$(AVX2) $(PYTEST) $(ROUNDED))
	$(if $(X86),$(SSE) $(PYTEST) $(ROUNDED))

# chromium, postgresql and redis-server, installed where that is allowed
system:
	@bash tests/system.sh

# what finds faults of a page for those who cannot see it; without npm its tests are left out
$(VENV)/axe/axe.min.js: | $(VENV)/bin/python
	@mkdir -p $(@D)
	@cd $(@D) && tarball=$$(npm pack --silent $(AXE)) && tar -xzf $$tarball --strip-components=1 \
	    package/axe.min.js package/LICENSE && rm $$tarball \
	  || { echo "npm could not fetch $(AXE): its tests are left out"; test "$$CI" != true; }

docs: $(VENV)/.docs ## the documentation as a site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

release: | $(VENV)/bin/python ## build the wheel, check it, and try it in an empty environment
	@PYTHON=$(BIN)/python bash tests/release.sh

bench: $(VENV)/.dev-full ## the tables of docs/benchmarks/results.md, from ../shared/data into benchmarks/results
	set -e; for data in $(BENCH_DATA); do \
	  $(BIN)/goeswith benchmark ../shared/data/$$data --protocol edges,cold \
	    -o benchmarks/results/$$data.json; \
	  $(BIN)/goeswith benchmark ../shared/data/$$data --protocol edges,cold \
	    --models $(RANKED) -o benchmarks/results/$$data-ranker.json; \
	  for model in $(BENCH_TRAINED); do \
	    models=$$model; test $$model != daemon || models=$(DAEMONS); \
	    $(BIN)/goeswith benchmark ../shared/data/$$data --protocol edges,cold \
	      --models $$models -o benchmarks/results/$$data-$$model.json; \
	  done; \
	done
	$(BIN)/python benchmarks/table.py

bench-check: $(VENV)/.dev-full ## twelve small ratios against the stored ones; exit code 1 if one fell by a fifth
	$(BIN)/python benchmarks/bench_check.py

claims: $(VENV)/.dev-full ## the papers' claims on amazon-beauty, into benchmarks/results
	$(BIN)/python benchmarks/claims.py amazon-beauty

serve: $(VENV)/.serve ## the demo's bundle over HTTP
	$(BIN)/goeswith serve demo/bundle

clean: ## remove the environment, the demo and caches
	rm -rf $(VENV) demo dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
