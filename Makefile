# make test   installs what the tests need, and runs them all
# make bench  measures, beside the peers in the same run
# make tools  only the installation

PYTHON  ?= python3
VENV    := build/venv
KERNELS := build/kernels
GO      ?= go

SUDO    := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: test tools chromium irkernel bench lint update clean

test: tools lint
	CELLAR_TEST_PYTHON=$(CURDIR)/$(VENV)/bin/python $(GO) test -timeout 30m ./...
	cd cloud && $(GO) test -timeout 20m ./...

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go' | grep -v testdata))" || { gofmt -l $$(git ls-files '*.go' | grep -v testdata); echo 'run gofmt -w on these files'; exit 1; }
	$(GO) vet ./...
	cd cloud && $(GO) vet ./...

tools: $(VENV)/.installed $(KERNELS)/.installed web/test/node_modules/.installed cloud/test/node_modules/.installed chromium irkernel

# The Python packages of the tests, pinned; made again when the lock changes.
$(VENV)/.installed: python/requirements-test.lock
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r python/requirements-test.lock
	touch $@

# Kernels of other languages, in an environment of their own, pinned: 230 MB. Two of them have programs that write their kernelspecs.
$(KERNELS)/.installed: python/requirements-kernels.lock
	$(PYTHON) -m venv $(KERNELS)
	$(KERNELS)/bin/pip install --quiet --disable-pip-version-check -r python/requirements-kernels.lock
	$(KERNELS)/bin/python -m bash_kernel.install --prefix $(KERNELS)
	XDG_DATA_HOME=$(CURDIR)/$(KERNELS)/share NO_COLOR=1 $(KERNELS)/bin/deno jupyter --install --force
	touch $@

# R's kernel: Debian's package.
irkernel:
	@test -e /usr/share/jupyter/kernels/ir/kernel.json || \
	{ $(SUDO) apt-get -q update && $(SUDO) apt-get -q install -y --no-install-recommends r-cran-irkernel; }

# What drives the browser, and VS Code's widgets, pinned. The overrides in package.json leave out 300 MB: what VS Code's bundle holds
# already, and what the tests do not use.
web/test/node_modules/.installed: web/test/package-lock.json
	cd web/test && npm ci --no-audit --no-fund --loglevel=error
	touch $@

# Azure's blobs for the test of cellar-cloud, pinned. The overrides leave out 130 MB: clients of databases, telemetry and sign-in, which
# the emulator does without.
cloud/test/node_modules/.installed: cloud/test/package-lock.json
	cd cloud/test && npm ci --no-audit --no-fund --loglevel=error
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
