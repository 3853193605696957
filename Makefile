# Every command a developer needs. `make` alone lists them.

DEMO = examples/chat_demo.py
ARGS =
# Tests at a time, those of one file one after the other and the files in their order (by the number of tests, which is
# what xdist would do, the few long ones come last and alone); 0 for a debugger.
JOBS ?= 2
PARALLEL = -n $(JOBS) --dist loadfile --no-loadscope-reorder
VENV = .venv
PY = $(VENV)/bin/python

# The first Python >= 3.11 that can make a virtual environment. Each is run: a name on PATH alone proves nothing.
FITS = import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c '$(FITS)' >/dev/null 2>&1 && { echo $$p; break; }; done)
PACKAGING = setup.cfg setup.py pyproject.toml
# What is compiled, and what it is compiled with.
HOT = $(foreach folder,_core websocket,$(wildcard $(foreach name,_*_py.py _*_c.pyx _*_c.pxd _*.h,wsframework/$(folder)/$(name))))
NODE = tests/interop/node
UNIT = not interop and not browser and not slow
# Folders whose tests see the package from outside, as programs, pages and peers do. `cover` leaves them to `test`: what
# they call in the core the others call, too, in all ways there are.
OUTSIDE = benchmarks cli conformance docs examples interop typing
# Some container images forbid Python to keep what it compiled. Each of a thousand programs that the tests start would
# compile the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test compile lint format types cover docs conformance bench gate clean chromium firefox

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## set up, start the chat and print its URLs
	@$(PY) $(DEMO) $(ARGS)

test: $(VENV)/.compiled $(NODE)/node_modules/.installed chromium firefox ## set up and run all tests; ARGS="-k name" for some, JOBS=0 for --pdb
	$(PY) -m pytest $(PARALLEL) $(ARGS)

lint: $(VENV)/.all ## style and formatting
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(VENV)/.all ## mend what lint finds, where a tool can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

types: $(VENV)/.all ## type check, strict
	$(PY) -m mypy

compile: ## build the extension modules in place again
	rm -f $(VENV)/.compiled
	$(MAKE) $(VENV)/.compiled

cover: $(VENV)/.all ## unit tests of the pure build with branch coverage; all of wsframework/_core must be covered
	WSFRAMEWORK_PURE=1 $(PY) -m pytest -q $(PARALLEL) -m "$(UNIT)" $(OUTSIDE:%=--ignore=tests/%) --cov --cov-report= $(ARGS)
	$(PY) -m coverage report --omit='wsframework/cli/*'
	$(PY) -m coverage report --include='wsframework/_core/*' --fail-under=100

docs: $(VENV)/.all ## build the documentation; a warning is an error
	$(PY) -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

conformance: $(VENV)/.compiled ## Autobahn|Testsuite, where there is a Python 2.7: a sample; all cases with ARGS=--long
	$(PY) -m tests.conformance.run $(ARGS)

bench: $(VENV)/.bench $(VENV)/.compiled $(NODE)/node_modules/.installed ## measure this and its peers; ARGS="--quick" for a minute or two
	$(PY) -m benchmarks.run $(ARGS)

gate: lint types test cover docs ## everything that must hold before a commit

clean: ## remove everything that was made here
	rm -rf $(VENV) .cache build dist docs/_build $(NODE)/node_modules .coverage .coverage.* *.egg-info
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -f wsframework/*/*.so wsframework/*/*.pyd
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What is installed is remembered by empty files, so that a second run starts at once.

$(PY):
	@test -n "$(PYTHON)" || { echo "This needs Python 3.11 or newer with venv, and none was found." \
		"Name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.runtime: $(PACKAGING) | $(PY)
	WSFRAMEWORK_PURE=1 $(PY) -m pip install --quiet --disable-pip-version-check -e '.[twisted]'
	@touch $@

$(VENV)/.all: $(PACKAGING) | $(PY)
	WSFRAMEWORK_PURE=1 $(PY) -m pip install --quiet --disable-pip-version-check -e '.[all]'
	@touch $@ $(VENV)/.runtime

# Without a compiler the package stays pure Python, and says so.
$(VENV)/.compiled: $(HOT) setup.py | $(VENV)/.all
	$(PY) setup.py -q build_ext --inplace -j 2
	@touch $@

$(VENV)/.bench: $(PACKAGING) | $(PY)
	WSFRAMEWORK_PURE=1 $(PY) -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@ $(VENV)/.runtime

# Peers of the interop tests and a type checker, which pip cannot bring. Without one, the tests that need it are skipped
# and say so.

$(NODE)/node_modules/.installed: $(NODE)/package.json
	@if command -v npm >/dev/null 2>&1; then \
		npm install --prefix $(NODE) --no-package-lock --no-audit --no-fund --loglevel=error && touch $@ \
			|| echo "npm could not install ws and pyright: the tests with them are skipped"; \
	else echo "npm not found: the tests with Node's ws and with pyright are skipped"; fi

chromium:
	@if command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium \
			>/dev/null || echo "apt-get could not install chromium: the browser tests are skipped"; \
	else echo "chromium not found: the browser tests are skipped"; fi

firefox: chromium
	@if command -v firefox >/dev/null 2>&1 || command -v firefox-esr >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends firefox-esr \
			>/dev/null || echo "apt-get could not install firefox-esr: the tests with it are skipped"; \
	else echo "firefox not found: the tests with it are skipped"; fi
