# Naru: everything a developer and CI run. Logic beyond a line or two is in deploy/dev.
SHELL := /bin/bash
.DEFAULT_GOAL := help
GO ?= go
BIN := bin
TOOLS := .tools
# Nobody debugs the tools.
STRIPPED := -ldflags='-s -w'

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: postgres
postgres: ## Install PostgreSQL's server binaries where they are missing (root on Debian)
	@deploy/dev/install-postgres.sh

.PHONY: chromium
chromium: ## Install Chromium for the browser tests where it is missing (root on Debian)
	@deploy/dev/install-chromium.sh

.PHONY: verifiers
verifiers: ## Install openssl, unzip, qpdf, pdfsig and certutil for tests where they are missing (root on Debian)
	@deploy/dev/install-verifiers.sh

.PHONY: vectors-full
vectors-full: ## Change every byte of a small bundle, one at a time: none is accepted
	$(GO) test -count=1 -v -run TestNoChangedByteIsAccepted ./e2e/vectors -args -full

.PHONY: build
build: ## Build narud, naru and every unit into bin/
	@mkdir -p $(BIN)
	$(GO) build -o $(BIN)/ ./services/*/cmd/*

# What runs a whole relay, without the programs of single units.
.PHONY: relay
relay:
	@mkdir -p $(BIN)
	@echo 'building narud and naru; the first time everything is compiled, package by package …' >&2
	@$(GO) build -v -o $(BIN)/ ./services/allinone/cmd/narud ./services/cli/cmd/naru

# The path goes through the environment as it was written: neither make nor the shell may read quotes and $ in it.
demo: export NARU_DEMO_DOC := $(value DOC)
demo: export NARU_DEMO_MODEL := $(value MODEL)
unexport DOC MODEL
.PHONY: demo
demo: postgres relay ## Run the whole path once: send, inbox, view, hub, certificate (DOC=/path/to/any.pdf MODEL=system|platform)
	@$(BIN)/naru demo --narud $(BIN)/narud $${NARU_DEMO_DOC:+--doc "$$NARU_DEMO_DOC"} $${NARU_DEMO_MODEL:+--model "$$NARU_DEMO_MODEL"}

.PHONY: run
run: postgres build $(TOOLS)/grpcurl ## Keep a relay with its sandbox running, and print how to send a document
	@$(BIN)/narud -seed

.PHONY: test
test: postgres chromium verifiers $(TOOLS)/grpcurl ## Run every test: unit, store, service, contract, and journeys in both modes
	@$(GO) run ./deploy/dev/testlevels

.PHONY: bench
bench: ## Measure the relay next to its floor; stdout is one JSON document (QUICK=1: three minutes; docs/performance.md)
	@$(MAKE) --no-print-directory postgres relay >&2
	@$(GO) run ./e2e/bench

.PHONY: crash
crash: postgres ## Kill units, bus and database under load; its last line is the verdict (SEED=1 KILLS=5 DURATION=60 REPLICAS=1 CLUSTER=1 FULL=1 CLOCK=1)
	@mkdir -p $(BIN)
	@$(GO) build -o $(BIN)/crash ./e2e/crash
	@cd e2e && ../$(BIN)/crash -seed $(or $(SEED),1) -kills $(or $(KILLS),5) -duration $(or $(DURATION),60) -replicas $(or $(REPLICAS),1) $(if $(CLUSTER),-cluster) $(if $(FULL),-full) $(if $(CLOCK),-clock)

.PHONY: fuzz
fuzz: ## Fuzz every parser of outside bytes, 10 s each (FUZZTIME=10s)
	@deploy/dev/fuzz.sh $(or $(FUZZTIME),10s)

.PHONY: tools
tools: $(TOOLS)/.stamp
$(TOOLS)/.stamp: tools/go.mod tools/go.sum tools/thirdparty/go.mod tools/thirdparty/main.go tools/webbuild/go.mod tools/webbuild/main.go
	@mkdir -p $(TOOLS)
	cd tools && GOWORK=off $(GO) build $(STRIPPED) -o ../$(TOOLS)/ $$(GOWORK=off $(GO) list tool)
	cd tools/thirdparty && GOWORK=off $(GO) build $(STRIPPED) -o ../../$(TOOLS)/thirdparty .
	cd tools/webbuild && GOWORK=off $(GO) build $(STRIPPED) -o ../../$(TOOLS)/webbuild .
	@touch $@

$(TOOLS)/grpcurl: tools/grpcurl/go.mod tools/grpcurl/go.sum
	@mkdir -p $(TOOLS)
	cd tools/grpcurl && GOWORK=off $(GO) build $(STRIPPED) -o ../../$(TOOLS)/grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl

.PHONY: gen
gen: tools ## Generate Go and OpenAPI from the protos, and the pages
	@rm -rf .third_party && $(TOOLS)/thirdparty .third_party
	@$(TOOLS)/buf format proto -w && $(TOOLS)/buf lint && $(TOOLS)/buf generate
	@$(MAKE) --no-print-directory pages

.PHONY: pages
pages: tools ## Generate the pages' Go, and what browsers load
	@$(TOOLS)/templ generate -log-level error -path services/web/internal/ui
	@$(TOOLS)/webbuild services/web/assets services/web/assets/dist

.PHONY: unit
unit: ## Lay a new unit (NAME=ferry): its folder, its lines in the registry, its places in every list
	@$(GO) run ./deploy/dev/newunit -name "$(NAME)"
	@$(MAKE) --no-print-directory lists

.PHONY: lists
lists: ## Write what is written from the list of units
	@$(GO) run ./deploy/dev/lists -write

.PHONY: lint
lint: tools ## Lint protos and Go
	@$(TOOLS)/buf lint
	@$(TOOLS)/golangci-lint run ./...
	@cd e2e && ../$(TOOLS)/golangci-lint run --config ../.golangci.yml ./...

.PHONY: verify
verify: tools ## Check generated code, lint, tidy modules, builds without workspace, and the README's tables
	@deploy/dev/verify.sh
