# What people run. `make demo` shows the product, `make test` proves it; both need a Rust toolchain
# and install the rest themselves when run as root (scripts/prepare says what is missing otherwise).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
RELEASE := target/release/nephele
DATA_DIR ?= .demo/up

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: console ## Builds the release binary, with the console where npm is there
	@scripts/prepare compiler
	$(CARGO) build --release --locked -p nephele

console: ## Builds the console into console/dist
	@scripts/console

demo: build ## Starts the manager, installs the example service, shows it, runs until Ctrl-C (DEMO_EXIT=1: cleans up and ends)
	@scripts/demo $(RELEASE)

up: build ## Starts the manager on DATA_DIR (default .demo/up)
	$(RELEASE) up --data-dir $(DATA_DIR)

test: check cfy ## Runs every check and every test
	@scripts/prepare compiler postgresql slapd sshd schemathesis ansible terraform podman helm node chromium
	@scripts/test

fuzz: ## Reads made-up texts and broken blueprints for minutes (CASES=25600: a hundred times as many as `make test`)
	@scripts/fuzz $(CASES)

check: fmt clippy doc deny ## Formatting, lints, documentation, dependencies

fmt:
	$(CARGO) fmt --all --check

clippy:
	@scripts/prepare compiler
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

doc:
	@scripts/prepare compiler
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

deny:
	@scripts/prepare deny
	@$(CARGO) fetch --locked --quiet
	target/tools/bin/cargo-deny --offline --locked check licenses bans sources

cfy: ## Installs the unmodified cfy that the end-to-end tests run
	@scripts/prepare cfy

bench: build ## Measures, and writes docs/benchmarks.md (DB=postgres: on PostgreSQL)
	@scripts/prepare python wrk cfy node chromium $(if $(filter postgres,$(DB)),postgresql)
	$(CARGO) build --release --locked -p nephele-dsl --example time_blueprint
	@bench/run.py $(RELEASE) --write docs/benchmarks.md --command "make bench$(if $(DB), DB=$(DB))" $(if $(DB),--database $(DB))

bench-build: ## Measures a cold build, downloads included: minutes
	@scripts/prepare compiler python
	@bench/build.py docs/benchmarks.md

clean: ## Removes build output and the demo's data
	rm -rf target .demo console/node_modules
	find console/dist -mindepth 1 ! -name .gitignore -delete

.PHONY: help build console demo up test fuzz check fmt clippy doc deny cfy bench bench-build clean
