# What a person does here: `make run` and `make test` are enough to begin. Every step sets up what it needs.
SHELL := /bin/sh
export PATH := $(CURDIR)/.venv/bin:$(PATH)
PYTHON3 := .venv/bin/python
STATE ?= ./state
ARGS ?=
DIR ?= ../shared/vectors
PROTOS := $(wildcard proto/yubin/v1/*.proto)
NATS_LATEST := nats-latest github.com/nats-io/nats-server/v2@latest
VERSITYGW := versitygw github.com/versity/versitygw/cmd/versitygw@latest

.DEFAULT_GOAL := help
.PHONY: help setup proto fmt check test chaos chaos-mailbox imaptest idle fuzz bench run vectors docs test-nats-latest test-s3 test-imapflow clean

help: ## this list
	@echo "Yubin: make TARGET"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  %-18s %s\n' "$$name" "$$text"; done
	@echo "Then: .venv/bin/yubin --help"

setup: ## install what is missing: Debian packages (as root), .venv from requirements.lock
	@./scripts/setup

proto: setup ## generate yubin/v1 from proto/
	@$(PYTHON3) -m grpc_tools.protoc -I proto --python_out=. --grpc_python_out=. --mypy_out=quiet:. --mypy_grpc_out=quiet,only_async:. $(PROTOS)

fmt: setup ## format, and mend what ruff can mend
	@ruff check --fix-only --quiet . ; ruff format .

check: setup ## formatter, linter, types, the folder plan, and stubs that fit their protos
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	@$(MAKE) --no-print-directory proto
	git diff --exit-code -- yubin/v1

test: setup ## all tests, against real servers on free loopback ports (ARGS="-k name" for some)
	@./scripts/from-go $(NATS_LATEST) --if-possible
	@./scripts/from-go $(VERSITYGW) --if-possible
	$(PYTHON3) -m tests $(ARGS)

chaos: setup ## the submission pod killed 25 times at each crash point, under real clients (docs/chaos.md)
	$(PYTHON3) -m tests.e2e.crash_points $(or $(ARGS),25)

chaos-mailbox: setup ## 20 processes change one account while mailbox is killed, on SQLite and on PostgreSQL (ARGS=seconds)
	$(PYTHON3) -m tests.e2e.mailbox_chaos $(or $(ARGS),180)

imaptest: setup ## 50 IMAP clients on one mailbox for a minute, each of which checks all that it is told (ARGS="--kill --postgresql")
	$(PYTHON3) -m tests.imaptest $(ARGS)

idle: setup ## ten thousand IMAP clients that wait: memory, and how soon they hear (ARGS=2000)
	$(PYTHON3) -m tests.e2e.idle_load $(or $(ARGS),10000)

fuzz: setup ## the parsers against octets that nobody wrote (ARGS="session --seconds 600")
	$(PYTHON3) -m tests.fuzz $(ARGS)

bench: setup ## CPU per letter, beside the peer's where Postfix is installed (ARGS="--help")
	$(PYTHON3) -m bench $(ARGS)

run: setup ## the whole system on this machine, with a demo domain and a pretend outside world (ARGS="--internet")
	@exec .venv/bin/yubin up --demo --state $(STATE) $(ARGS)

docs: setup ## write settings.md, metrics.md and the paths in cases.md (in docs/) from code and tests
	$(PYTHON3) -m scripts.settings
	$(PYTHON3) -m scripts.metrics
	$(PYTHON3) -m scripts.cases

vectors: setup ## letters and headers that others wrote, from DIR
	$(PYTHON3) -m tests.conformance.vectors $(DIR)
	$(PYTHON3) -m tests.conformance.roundtrip $(DIR)

test-nats-latest: setup ## the contract of dispatch against the newest nats-server (needs Go)
	@./scripts/from-go $(NATS_LATEST)
	.cache/nats-latest/nats-server --version
	$(PYTHON3) -m pytest tests/contract/test_dispatch.py tests/contract/test_dispatch_jetstream.py -k latest

test-s3: setup ## the contracts of objects and mailboxes against versitygw, a real S3 server (needs Go)
	@./scripts/from-go $(VERSITYGW)
	.cache/versitygw/versitygw --version
	$(PYTHON3) -m pytest tests/contract -k s3

test-imapflow: setup ## the IMAP server against imapflow, a client of Node (needs npm)
	[ -d .cache/imapflow/node_modules/imapflow ] || npm install --silent --prefix .cache/imapflow --no-save imapflow@2.1.2
	$(PYTHON3) -m tests.e2e.imapflow .cache/imapflow

clean: ## remove what can be made again (never state/)
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
