# Every command of the house. CI has none of its own. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

NI_STATE ?= .state
NI_PORT ?= 8080
export NI_STATE NI_PORT

# uv is taken from the PATH; where it is missing it is installed beside the checkout, from PyPI, once.
UV := $(shell command -v uv || echo .uv/bin/uv)
RUN := .venv/bin/

# The distribution's python3 where it is new enough: it is built with optimisations, which one built by hand often lacks.
PYTHON := $(shell /usr/bin/python3 -c 'import sys, venv; assert sys.version_info >= (3, 11)' 2>/dev/null && echo /usr/bin/python3 || echo python3)
export UV_PYTHON := $(PYTHON)

.PHONY: help setup up down status test check bench bench-litellm bench-pii proto matrix chaos fuzz lock pii-model bench-routing bench-router-street router-model

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 21

.uv/bin/uv:
	@echo "installing uv beside the checkout (once)"
	@$(PYTHON) -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.13' \
	  || { echo 'uv is not installed: it takes Python 3.11 with venv (Debian: python3-venv) and a way to PyPI' >&2; exit 1; }

.venv/.ready: pyproject.toml uv.lock $(filter .uv/bin/uv,$(UV))
	@$(UV) sync --locked --quiet
	@: > $@

setup: .venv/.ready ## install what the project needs (done by every other command too)

up: setup ## start the whole street on this machine (NI_PORT, NI_STATE; the rest: docs/settings.md)
	@$(RUN)ni up

down: setup ## stop a street that runs in the background
	@$(RUN)ni down

status: setup ## what runs, on which port
	@$(RUN)ni status

test: setup ## all tests: unit, contract, architecture, integration, clients, one short chaos pass
	@$(RUN)pytest tests -n 2 --dist loadfile --durations 12
check: setup ## ruff, mypy --strict, generated code, and what stands out
	@$(RUN)ruff check .
	@$(RUN)ruff format --check .
	@$(RUN)mypy libs services cli tests
	@$(RUN)python -m libs.contracts.generate --check
	@$(RUN)python -m tests.architecture.standing_out

proto: setup ## regenerate libs/contracts from proto/
	@$(RUN)python -m libs.contracts.generate

bench: setup ## CPU, latency and memory of the whole street, as a table
	@$(RUN)python -m tests.load.bench

LITELLM = litellm[proxy]==1.106.2
bench-litellm: setup ## CPU, latency and memory of the whole street beside LiteLLM's proxy, in one run (installs that on its own)
	@$(RUN)python -m tests.load.beside -- $(UV) tool run --quiet --from '$(LITELLM)' litellm

bench-pii: setup ## what the detector of personal data finds and how fast, beside Presidio's patterns
	@$(UV) run --quiet --isolated --locked --group presidio python -m tests.load.pii

pii-model: setup ## train the model for names and places from NI_DATA, the same each time (a quarter of an hour)
	@$(UV) sync --locked --quiet --inexact --group training
	@$(RUN)python -m services.pii.training

bench-routing: setup ## what the classifier of requests gets right and how fast, beside chance and length
	@$(RUN)python -m tests.load.routing
	@$(RUN)python -m tests.load.routing_speed

bench-router-street: setup ## what `auto` is worth on 2,000 prompts through a whole street, in each mode; quality is simulated
	@$(RUN)python -m tests.load.routing_street

router-model: setup ## train the classifier of requests from NI_DATA and our own prompts, the same each time (minutes)
	@OPENBLAS_NUM_THREADS=1 $(RUN)python -m services.router.training

matrix: setup ## both dialects on every provider's wire format, by the official SDKs, as a table
	@$(RUN)python -m tests.clients.matrix

chaos: setup ## 500 requests under random kill -9
	@$(RUN)pytest tests/chaos --chaos-requests=500

fuzz: setup ## every decoder against arbitrary bytes, guided by coverage (FUZZ_SECONDS each: 60)
	@$(UV) sync --locked --quiet --inexact --group fuzz
	@$(RUN)python -m tests.fuzz

lock: $(filter .uv/bin/uv,$(UV)) ## refresh uv.lock
	@$(UV) lock
