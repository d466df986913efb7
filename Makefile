# make lab    sets everything up and opens the course in JupyterLab
# make test   sets everything up and runs all tests
# make help   lists the rest
#
# Needs Python 3.11 or newer, and nothing else. Another Python: make lab PYTHON=python3.12

VERSION_OK = import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	"$$p" -c '$(VERSION_OK)' >/dev/null 2>&1 && echo "$$p" && break; done)

VENV ?= .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PY := $(BIN)/python
PIP := $(PY) -m pip --quiet --disable-pip-version-check

TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
HAS_TORCH = import importlib.metadata as m; assert m.version("torch").split("+")[0] == "$(TORCH)"
# Where PyTorch's plain wheel is for CPUs already. On Linux it would bring gigabytes of CUDA.
PLAIN := $(filter Darwin Windows_NT,$(OS) $(shell uname -s))

# Tests at once: more than two cores have room for, since one in a sandbox waits most of its time, and
# one in a browser half of it. Each on one thread, or they stand in each other's way.
JOBS ?= 4
PAGES ?= 3
export OMP_NUM_THREADS ?= 1
# Hundreds of processes import the course: what one has compiled the others need not.
unexport PYTHONDONTWRITEBYTECODE
# They begin in the order of tests/conftest.py, the slow ones first; it says, too, what goes together.
PYTEST := $(PY) -m pytest -n $(JOBS) --no-loadscope-reorder --dist loadscope --durations 20 --durations-min 5
BROWSER := $(PYTEST) -n $(PAGES) tests/browser
TSC := npx --yes --package typescript@7.0.2 -- tsc
DOCTESTS := --doctest-modules lrcourse
NOTEBOOKS := --nbval --nbval-current-env notebooks/*.ipynb

.PHONY: help lab test lint lint-js pyright unit test-notebooks browser thorough notebooks exercises decks mutants claims setup \
	constraints site release clean

help:  ## List what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

lab: $(VENV)/.lab  ## Open the course in JupyterLab, in your own copy: my-course/
	$(PY) -m lrcourse.cli lab $(LAB)

test: lint lint-js $(VENV)/.test  ## Run all tests
	@# Two runs: Playwright holds the event loop of its process, which other tests need.
	status=0; $(PYTEST) $(DOCTESTS) tests --ignore=tests/browser $(NOTEBOOKS) || status=1; \
	$(BROWSER) || status=1; exit $$status

lint: $(VENV)/.test  ## Check the style of the code, its types, and who imports whom
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(BIN)/lint-imports
	$(PY) -m mypy

pyright: $(VENV)/.test  ## Check with an editor's eyes (fetches node): the scripts in tests/typing
	$(PIP) install 'pyright[nodejs]>=1.1.400'
	$(PY) -m pyright tests/typing/uses.py

lint-js:  ## Check the types of the JavaScript (with node; npm gives TypeScript)
	@if $(TSC) --version >/dev/null 2>&1; then $(TSC) -p tsconfig.json && $(TSC) -p site; else \
	echo "Not checked: the JavaScript of the widgets and the pages. It needs node and npm's TypeScript."; fi

unit: $(VENV)/.test  ## Unit and property tests, and the examples in docstrings
	$(PYTEST) $(DOCTESTS) tests --ignore=tests/browser

test-notebooks: $(VENV)/.test  ## Run every notebook and compare its outputs
	$(PYTEST) $(NOTEBOOKS)

browser: $(VENV)/.test  ## Use the course in JupyterLab in Chromium
	$(BROWSER)

thorough: $(VENV)/.test  ## Look at every page, deck and widget, where `test` looks at one of a kind
	status=0; $(PYTEST) tests --ignore=tests/browser -m thorough || status=1; \
	$(BROWSER) -m thorough || status=1; exit $$status

notebooks: $(VENV)/.test  ## Build the notebooks from notebooks/source (ONLY="01_step_decay")
	$(PY) notebooks/build.py $(ONLY)

exercises: $(VENV)/.test  ## Build the exercises from exercises/source and lrcourse/tasks
	$(PY) exercises/build.py

decks: $(VENV)/.test  ## Write the lessons as decks of slides to project, into decks/
	$(PY) -m lrcourse.cli slides $(ONLY)

claims: $(VENV)/.test  ## Run every claim of the lessons again on new seeds (ARGS="--first 70000 01_step_decay")
	$(PY) notebooks/claims.py $(ARGS)

mutants: $(VENV)/.test  ## Break the code on purpose: do the tests notice? (OF=schedules)
	$(PIP) install --constraint constraints.txt mutmut
	$(PY) tests/mutants.py $(OF)

setup: $(VENV)/.test  ## Install all that `lab` and `test` need, into .venv

constraints: $(VENV)/.test  ## Write down the versions that are installed
	@{ echo '# The versions that the tests ran with. `make constraints` writes them anew.'; \
	  echo '# jsonschema is 4.24: a later one builds grammars for a second wherever nbformat is imported.'; \
	  $(PIP) freeze --exclude-editable --exclude uv | sed -n 's/^\([^ +=]*==[^ +]*\).*/\1/p'; } > constraints.new
	@mv constraints.new constraints.txt

site: $(VENV)/.test  ## Build the public pages into build/site/html; they open from a file, too
	$(PY) site/make_pages.py

release: $(VENV)/.test  ## Build, check and tag a release; to publish it stays with you
	$(PY) .ci/release.py

clean:  ## Remove what was installed; your notebooks in my-course/ stay
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis

# uv installs the same in a fifth of the time. Where it fails, pip does it: uv does not read pip's
# settings, in which an index of your own may be named.
UV := $(PY) -m uv pip install --quiet --compile-bytecode --python $(PY)
, := ,
define INSTALL
@{ $(PIP) install uv && $(UV) --constraint constraints.txt --editable "$(1)"; } 2>/dev/null \
|| $(PIP) install --constraint constraints.txt --editable "$(1)"
@touch $@
endef

$(VENV)/.lab: pyproject.toml hatch_build.py constraints.txt | $(VENV)/.torch
	@echo "Installing the course. The first time this takes some minutes."
	$(call INSTALL,.[train])

$(VENV)/.test: pyproject.toml hatch_build.py constraints.txt | $(VENV)/.torch
	@echo "Installing the course and its tests. The first time this takes some minutes."
	$(call INSTALL,.[test$(,)dask$(,)grading$(,)workshop$(,)slides$(,)site])
	@touch $(VENV)/.lab

$(VENV)/.torch: constraints.txt | $(PY)
	@$(PY) -c '$(HAS_TORCH)' 2>/dev/null \
	|| { echo "Installing PyTorch $(TORCH) for the CPU."; $(INSTALL_TORCH); }
	@touch $@

ifneq ($(PLAIN),)
INSTALL_TORCH = $(PIP) install --constraint constraints.txt torch==$(TORCH)
else
INSTALL_TORCH = $(PIP) install --constraint constraints.txt torch==$(TORCH)+cpu 2>/dev/null \
	|| { $(PIP) install uv && $(PY) -m uv pip install --quiet --python $(PY) \
		--torch-backend cpu --constraint constraints.txt torch==$(TORCH); }
endif

$(PY):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or say where" \
		"it is: make lab PYTHON=/path/to/python"; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { echo "$(PYTHON) could not make a virtual environment." \
		"On Debian and Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 1; }
