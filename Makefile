# make demo       a 4096 × 4096 picture of a 7 from the bundled weights, from nothing but Python 3.11 or later
# make studio     the studio: a page on this machine, opened in the browser
# make test       the whole test suite
# make test-fast  the same without the slow ones (tests/slow.txt)
# make check      lint and types
# make bench      every figure of speed, each beside its plain reference
# make docs       these pages as a site in site/, strictly: a broken link or a missing page is an error
# make dist       sdist and wheel in dist/, their contents checked
# make sbom       sbom.json, a CycloneDX list of what the package brings along
# make audit      known holes of the pinned versions; needs a network
#
# WHEEL=dist/nitograph-….whl with demo or test takes this wheel in place of the source tree.
# JOBS=N says how many tests run at once (default: one a core, at most four).

PYTHON ?= python3
VENV ?= .venv
WHEEL ?=
DIST ?= dist
SITE ?= site
JOBS ?= auto
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PACKAGE := $(if $(WHEEL),$(WHEEL),--editable .)
PYTEST := $(BIN)/python -m pytest --numprocesses $(JOBS) --maxprocesses 4 --dist loadfile

.PHONY: demo studio test test-fast check bench docs dist sbom audit clean

demo: $(VENV)/light
	$(BIN)/nitograph generate 7

studio: $(VENV)/studio
	$(BIN)/nitograph studio

test: $(VENV)/dev
	$(PYTEST)

test-fast: $(VENV)/dev
	$(PYTEST) -m 'not slow'

check: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks

docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir $(SITE)

dist: $(VENV)/build
	rm -rf $(DIST)
	$(BIN)/python -m build --outdir $(DIST) . >$(VENV)/build.log 2>&1 || { cat $(VENV)/build.log; exit 1; }
	$(BIN)/python .ci/contents.py $(DIST)

sbom: $(VENV)/tools
	$(PYTHON) -m venv --clear $(VENV)/bare
	$(VENV)/bare/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt $(PACKAGE)
	$(BIN)/cyclonedx-py environment $(VENV)/bare/bin/python --output-reproducible --pyproject pyproject.toml -o sbom.json

audit: $(VENV)/tools
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/light: pyproject.toml constraints.txt $(WHEEL) | $(VENV)/bin/python
	$(PIP) $(PACKAGE)
	touch $@

$(VENV)/studio: pyproject.toml constraints.txt $(WHEEL) | $(VENV)/bin/python
	$(PIP) $(PACKAGE)'[studio,export,animate]'
	touch $@

$(VENV)/dev: pyproject.toml constraints.txt $(WHEEL) | $(VENV)/bin/python
	$(PIP) $(PACKAGE)'[dev]'
	touch $@

$(VENV)/docs: pyproject.toml constraints.txt $(WHEEL) | $(VENV)/bin/python
	$(PIP) $(PACKAGE)'[docs]'
	touch $@

$(VENV)/build: constraints.txt | $(VENV)/bin/python
	$(PIP) build
	touch $@

$(VENV)/tools: | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom pip-audit
	touch $@

clean:
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache
