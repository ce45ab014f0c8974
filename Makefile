# Each target makes .venv when it is not there or when the pinned versions changed; Python >= 3.11 is all it needs.

CANDIDATES := python3.11 python3 python3.12 python3.13 python3.14
RECENT := import sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,$(CANDIDATES),$(shell $(name) -c "$(RECENT)" 2>/dev/null && echo $(name))))

BIN := .venv/bin
PINS := pyproject.toml setup.py constraints.txt
WHEEL := build/wheel
INSTALLED := build/installed
WRITTEN := build/written

.PHONY: demo test long mutants fuzz lint docs docs-tables bench clean

demo: .venv/.base
	$(BIN)/python docs/audio/demo.py

test: .venv/.all
	$(BIN)/pytest -n 2 -m "not long"

long: .venv/.all
	$(BIN)/pytest -m long

# Which property of the compatibility kit finds which fault; fails where one finds nothing.
mutants: .venv/.all
	PYTHONPATH=tests/core/testing $(BIN)/python -m mutants

# 20,000 spoilt files of every kind, then ten minutes of those that coverage leads to.
fuzz: .venv/.fuzz
	PYTHONPATH=tests/fuzz $(BIN)/python -m fuzzing 20000
	PYTHONPATH=tests/fuzz $(BIN)/python -m guided 600

# mypy does not follow an editable install and import-linter sees one folder only: both read the installed wheel.
lint: .venv/.all
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	rm -rf build
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir $(WHEEL) .
	$(BIN)/python -m pip install --quiet --no-deps --no-compile --target $(INSTALLED) $(WHEEL)/*.whl
	MYPYPATH=$(INSTALLED) $(BIN)/mypy -p speechgraft
	MYPYPATH=$(INSTALLED):docs/examples/speechgraft-logmel:docs/examples/speechgraft-mbart \
		$(BIN)/mypy -p speechgraft_logmel -p speechgraft_mbart
	for kind in encoder decoder connector; do \
		PYTHONPATH=$(INSTALLED) $(BIN)/python -m speechgraft new-plugin $$kind my-$$kind $(WRITTEN)/$$kind || exit; done
	MYPYPATH=$(INSTALLED):$(WRITTEN)/encoder/src:$(WRITTEN)/decoder/src:$(WRITTEN)/connector/src \
		$(BIN)/mypy --config-file $(WRITTEN)/encoder/pyproject.toml --follow-imports silent \
		-p my_encoder -p my_decoder -p my_connector
	PYTHONPATH=$(INSTALLED) $(BIN)/lint-imports --no-cache

docs: .venv/.all
	$(BIN)/pytest tests/docs

docs-tables: .venv/.all
	$(BIN)/python docs/tables.py

bench: .venv/.all
	$(BIN)/python tests/benchmarks/bench.py

clean:
	rm -rf .venv build dist *.egg-info .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

.venv/.made: constraints.txt
	$(if $(PYTHON),,$(error speechgraft needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)))
	$(PYTHON) -c "$(RECENT)" || { echo "$(PYTHON) is no Python 3.11 or newer" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt setuptools
	touch $@

.venv/.base: .venv/.made $(PINS)
	$(BIN)/python -m pip install --quiet --no-build-isolation -c constraints.txt -e .
	touch $@

.venv/.all: .venv/.made $(PINS)
	$(BIN)/python -m pip install --quiet --no-build-isolation -c constraints.txt -e '.[train,test,lint]'
	touch .venv/.base $@

.venv/.fuzz: .venv/.all
	$(BIN)/python -m pip install --quiet --no-build-isolation -c constraints.txt -e '.[fuzz]'
	touch $@
