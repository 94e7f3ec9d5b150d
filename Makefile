# make help lists what there is.
PYTHON ?= python3
BIN := .venv/bin

NPM := $(shell command -v npm)
NO_NPM := echo "npm is not installed: the JavaScript client is NOT checked and NOT tested." >&2; test "$$CI" != true

# Debian's packages, as root or by sudo; elsewhere the command fails and what needs them says so.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
INSTALL := $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq >/dev/null

.DEFAULT_GOAL := help
.PHONY: help run check test bench screenshots api-reference lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# Development only where nobody has said anything: with a .env, what it says and the defaults of production hold. The
# settings read that one by themselves; flask would take one of any folder above, too.
run: .venv/installed ## Set everything up and serve on http://localhost:8000
	@test -e .env || export APP_ENV="$${APP_ENV:-development}"; \
	FLASK_SKIP_DOTENV=1 $(BIN)/flask --app wsgi prepare && exec $(BIN)/gunicorn wsgi:app

CORES := $(shell $(PYTHON) -c "import os; print(os.cpu_count() or 1)")
# Three for two cores: while one waits for a browser or a server the others compute. With more they drive each other out
# of the caches: with six on two cores the same tests take a fifth longer. Those that put a server under load run by
# themselves.
WORKERS := $(shell expr 3 \* $(CORES) / 2)
LOADS := tests/faults tests/deploy
# A process that has ended, by a test that hangs or crashes, gets no successor: that one would be given the same test.
IN_TURN := --dist=loadfile --no-loadscope-reorder --max-worker-restart=0
unexport PYTHONDONTWRITEBYTECODE  # tests are rewritten as they are imported, by each process anew if that is not kept

NODE_FOLDERS := tests/js tests/clients tests/examples
NODE_PACKAGES := $(NODE_FOLDERS:%=%/node_modules/installed)

check: .venv/installed-tests tests/js/node_modules/installed ## Style, types, import rules, templates, JavaScript types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint --quiet templates
	$(if $(NPM),npm --prefix tests/js run --silent check,@$(NO_NPM))

test: check /usr/bin/chromium-headless-shell /usr/bin/strace .venv/proxies $(NODE_PACKAGES) ## Set everything up, check, and run every test
	$(if $(NPM),npm --prefix tests/js test --silent,@$(NO_NPM))
	$(BIN)/pytest --numprocesses=$(WORKERS) $(IN_TURN) $(LOADS:%=--ignore=%)
	$(BIN)/pytest --numprocesses=$(WORKERS) $(IN_TURN) $(LOADS)

bench: .venv/installed-tests bench/.venv/installed ## Measure, beside others: an hour and more, into bench/RESULTS.md
	$(BIN)/python -m bench.compare --write

screenshots: .venv/installed-tests /usr/bin/chromium ## Take the README's pictures anew, into docs/img
	$(BIN)/python -m tests.browser.screenshots

api-reference: .venv/installed-tests ## Write docs/api.md, out of what the API says of itself
	$(BIN)/python -m tests.support.api_reference

lock: .venv/installed-tests ## Pin the newest versions that pyproject.toml allows, with their hashes
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  --group test --constraint requirements.txt pyproject.toml --output-file tests/requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate --python-version 3.11 \
	  bench/requirements.in --output-file bench/requirements.txt

clean: ## Remove what the targets above installed; instance/ (your data) stays
	rm -rf .venv bench/.venv $(NODE_FOLDERS:%=%/node_modules) examples/*/node_modules bench/*/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ...")'
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { rm -rf .venv; $(INSTALL) python3-venv && $(PYTHON) -m venv .venv; } \
	  || { rm -rf .venv; echo "Install Python's venv module (Debian: apt install python3-venv), then try again." >&2; exit 1; }

.venv/installed: .venv/bin/python requirements.txt
	@echo "Installing into .venv, which takes a minute or two ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@touch $@

.venv/installed-tests: .venv/installed tests/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/requirements.txt
	@touch $@

bench/.venv/installed: .venv/bin/python bench/requirements.txt
	@$(PYTHON) -m venv bench/.venv
	@bench/.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement bench/requirements.txt
	@touch $@

$(NODE_PACKAGES): %/node_modules/installed: %/package-lock.json
	$(if $(NPM),npm --prefix $* ci --silent && touch $@,@$(NO_NPM))

/usr/bin/chromium:
	@$(INSTALL) chromium || { echo "Chromium is not installed: the browser tests will NOT run." >&2; test "$$CI" != true; }

/usr/bin/chromium-headless-shell: | /usr/bin/chromium
	@$(INSTALL) chromium-headless-shell || echo "The browser tests run in the whole of Chromium, which takes twice as long." >&2

/usr/bin/strace:
	@$(INSTALL) strace || { echo "strace is not installed: the test of syncing to disk will NOT run." >&2; test "$$CI" != true; }

# Unpacked, not installed: installed, they would serve on port 80 of this machine, now and from each start on.
.venv/proxies: | .venv/bin/python
	@rm -rf $@.new && mkdir $@.new && cd $@.new \
	  && { apt-get download -qq nginx caddy 2>/dev/null || { $(SUDO) apt-get update -qq && apt-get download -qq nginx caddy; }; } \
	  && for package in *.deb; do dpkg --extract $$package . || exit 1; done && rm *.deb && mv ../proxies.new ../proxies \
	  || { echo "nginx and Caddy are not there: the tests behind them will NOT run." >&2; test "$$CI" != true; }
