# make test   installs what the tests need, and runs them all
# make bench  measures, beside the peers in the same run
# make tools  only the installation

PYTHON ?= python3
VENV   := build/venv
GO     ?= go

.PHONY: test tools bench lint update clean

test: tools lint
	CELLAR_TEST_PYTHON=$(CURDIR)/$(VENV)/bin/python $(GO) test -timeout 30m ./...

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go' | grep -v testdata))" || { gofmt -l $$(git ls-files '*.go' | grep -v testdata); echo 'run gofmt -w on these files'; exit 1; }
	$(GO) vet ./...

# The Python packages of the tests, pinned; made again when the lock changes.
tools: $(VENV)/.installed

$(VENV)/.installed: python/requirements-test.lock
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r python/requirements-test.lock
	touch $@

bench: tools
	CELLAR_TEST_PYTHON=$(CURDIR)/$(VENV)/bin/python ./bench/run

# Rewrites the golden files.
update: tools
	CELLAR_TEST_PYTHON=$(CURDIR)/$(VENV)/bin/python $(GO) test ./extract/... ./assetlib/... ./papermill/... ./kernel/session ./e2e -update

clean:
	rm -rf build
