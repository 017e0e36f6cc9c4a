# make test   installs what the tests need, and runs them all
# make bench  measures, beside the peers in the same run
# make tools  only the installation

PYTHON ?= python3
VENV   := build/venv
GO     ?= go

SUDO   := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: test tools chromium bench lint update clean

test: tools lint
	CELLAR_TEST_PYTHON=$(CURDIR)/$(VENV)/bin/python $(GO) test -timeout 30m ./...

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go' | grep -v testdata))" || { gofmt -l $$(git ls-files '*.go' | grep -v testdata); echo 'run gofmt -w on these files'; exit 1; }
	$(GO) vet ./...

tools: $(VENV)/.installed web/test/node_modules/.installed chromium

# The Python packages of the tests, pinned; made again when the lock changes.
$(VENV)/.installed: python/requirements-test.lock
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r python/requirements-test.lock
	touch $@

# What drives the browser, pinned.
web/test/node_modules/.installed: web/test/package-lock.json
	cd web/test && npm ci --no-audit --no-fund --loglevel=error
	touch $@

# A browser for the tests of JupyterLab: the system's, else Debian's package.
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	{ $(SUDO) apt-get -q update && $(SUDO) apt-get -q install -y --no-install-recommends chromium; }

bench: tools
	CELLAR_TEST_PYTHON=$(CURDIR)/$(VENV)/bin/python ./bench/run

# Rewrites the golden files.
update: tools
	CELLAR_TEST_PYTHON=$(CURDIR)/$(VENV)/bin/python $(GO) test ./extract/... ./assetlib/... ./papermill/... ./kernel/session ./kernel/commands ./kernel/corpus ./display ./display/widget ./e2e -update

clean:
	rm -rf build
