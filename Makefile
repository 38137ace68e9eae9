# The commands a person needs. Each installs what it misses first (scripts/setup).
SHELL := /bin/bash
TARGET := $(or $(CARGO_TARGET_DIR),target)
.DEFAULT_GOAL := help
.PHONY: help demo test check fmt bench

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)

demo: ## build the server, place a call to the sandbox, show it live, keep serving
	@scripts/setup demo
	cargo build --release -p lyrebird
	@exec $(TARGET)/release/lyrebird demo

test: ## run every test, with real telephony peers
	@scripts/setup test
	cargo nextest run --workspace
	@if grep -rqE '^\s*//[/!] ```(rust|no_run|should_panic)?$$' crates/*/src; then \
		echo "cargo test --doc --workspace"; cargo test --quiet --doc --workspace; fi

check: ## what the gate (.ci/run) checks besides the tests
	@.ci/run --no-tests

fmt: ## format all code
	cargo fmt --all

bench: ## measure: make bench NAME=media
	cargo xtask bench $(NAME)
