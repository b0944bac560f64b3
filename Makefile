# ReviewLens. Every target is a thin caller of scripts/ or of a command in .venv.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv/bin

.PHONY: help up down test test-fast coverage test-peers test-browser demo bench soak check newest docs env

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Daily actions: scripts/status.sh, ask.sh, doctor.sh, logs.sh, restart.sh, reload.sh, start_monitoring.sh, stop_monitoring.sh"
	@echo "  Ports and folders: REVIEWLENS_PORT, REVIEWLENS_PROMETHEUS_PORT, ... as listed in docs/reference/settings.md"

up: env ## Start the stack, wait until it is healthy, show what Prometheus says; MODE=otlp goes through the collector
	@scripts/stack.sh up $(if $(MODE),--mode '$(MODE)')

down: ## Stop everything; data and logs stay
	@scripts/stack.sh down

# Most of a test's time is waiting for servers: three at once on two cores take a third of the time.
test: env ## Run all tests, real servers included
	$(VENV)/pytest --numprocesses 3 --dist loadfile

# One process a core: nothing in these waits.
FAST := --numprocesses 2 --dist worksteal --hypothesis-profile fast -m fast tests/unit tests/laws tests/contract

test-fast: env ## Run the tests that need nothing but Python: no server, no other process; before a commit
	$(VENV)/pytest $(FAST)

# The two that are left out trace for themselves, as coverage does.
coverage: env ## Run the same, and say which lines of app/ and telemetry/ they leave out; fails below the floor
	$(VENV)/pytest --cov $(FAST) $(addprefix --ignore=tests/unit/telemetry/test_,interleavings.py operation_counts.py)

test-peers: env ## Run other projects' test suites with our telemetry in every application; FULL=1 for all of FastAPI's
	PEERS_FULL=$(FULL) $(VENV)/pytest -rA --show-capture=no -m peers tests/peers

test-browser: env ## Check the dashboards' page: types, lint, units, and a real Chromium; needs Node 20 and Chromium
	@scripts/test_browser.sh

demo: env ## Drive named scenarios against the running stack
	@scripts/stack.sh demo

bench: env ## Measure what telemetry costs, and its peers; ONLY="requests scrape" for parts, WRITE=1 keeps the page
	@$(VENV)/python -m benchmarks $(foreach part,$(ONLY),--only '$(part)') $(if $(WRITE),--write)

soak: env ## Serve under traffic, disturbed, and hold every number to its laws; SECONDS=60 for shorter or longer
	@$(VENV)/python -m soak $(if $(SECONDS),--seconds '$(SECONDS)')

check: env ## Lint, types, generated files fresh
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	scripts/generated.sh --check

newest: ## Pin the newest releases that pyproject.toml takes (requirements.newest); tests run on them too
	@scripts/newest.sh

docs: env ## Write the generated files: tables in the documentation, dashboards
	scripts/generated.sh

env: ## Make or refresh .venv; quick when nothing changed
	@scripts/make_env.sh
