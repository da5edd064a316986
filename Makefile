# What a person types. `make` alone lists it all.

PYTHON ?= python3
BIN := .venv/bin
UV := .tools/uv/bin/uv
# Tests with real servers that take no more than a few seconds.
QUICK := $(addprefix tests/integration/test_,object_store.py s3_store.py servers.py http_server.py)
# Test files at a time: most of them wait for a server more than they compute.
WORKERS ?= 3
EXTRAS := ingest transcriber stream train local dev

.DEFAULT_GOAL := help
.PHONY: airgap-check help demo up dev stop test test-fast soak storm lint format lock bench bench-stream bench-engine bench-engine-latency bench-engine-load bench-history bench-page chaos images images-check install clean .local .dev

help: ## List what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .local ## Start everything, transcribe the samples or AUDIO=path, show the words
	@exec $(BIN)/echobase demo

up: .local ## Serve on the configured ports until Ctrl-C
	@exec $(BIN)/echobase up

dev: .dev ## Serve, and restart a service as soon as its code is saved
	@exec $(BIN)/echobase up --reload

stop: .local ## Stop the stack that runs in the data folder
	@exec $(BIN)/python -m deploy.local.stop

test: lint ## Run every test, against real servers and in a real browser
	@$(BIN)/python -m tests.support.install_chromium
	@$(BIN)/python -m tests.support.install_kustomize
	@$(BIN)/python -m tests.support.install_systemd
	@$(BIN)/python -m tests.support.install_go
	@exec $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

test-fast: .dev ## Run the tests of the everyday loop, in less than a minute
	@exec $(BIN)/python -m pytest -q -n 2 tests/unit $(QUICK)

soak: .dev ## Send a thousand pieces of bad input to a stack of its own
	@exec $(BIN)/python -m tests.soak

storm: .dev ## Let a thousand readers come and go, and see that each is sent everything once
	@exec $(BIN)/python -m tests.storm $(if $(CLIENTS),--clients $(CLIENTS)) \
		$(if $(EVENTS),--events $(EVENTS))

lint: .dev ## Check form and types
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/pyright

format: .dev ## Correct the form
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

bench: .dev ## Compare the whole path's speed with faster-whisper alone
	@exec $(BIN)/python -m benchmarks.first_words

bench-stream: .dev ## Compare the fan-out of events with a bare writer, and with nchan
	@exec $(BIN)/python -m benchmarks.stream

bench-engine: .dev ## Compare many short calls, and long audio, with faster-whisper alone [CLIPS=500 LONG=3600 MODELS=..]
	@exec $(BIN)/python -m benchmarks.engine $(if $(CLIPS),--clips $(CLIPS)) \
		$(if $(LONG),--long $(LONG)) $(if $(MODELS),--models $(MODELS))

bench-engine-latency: .dev ## Measure an upload's way to its first segment, idle and behind a backlog
	@exec $(BIN)/python -m benchmarks.engine_latency

bench-engine-load: .dev ## Measure memory, the event loop's lag and the start of a transcriber [RECORDINGS=5000]
	@exec $(BIN)/python -m benchmarks.engine_load $(if $(RECORDINGS),--recordings $(RECORDINGS))

bench-history: .dev ## Measure search in 100,000 recordings, and how quickly their history is made
	@exec $(BIN)/python -m benchmarks.history $(if $(RECORDINGS),--recordings $(RECORDINGS))

bench-page: .dev ## Measure how smoothly ten thousand rows of the page scroll
	@exec $(BIN)/python -m benchmarks.page

chaos: .dev ## Kill everything at random for minutes: SEED=n [RECORDINGS=300 KILLS=42 MINUTES=8]
	@exec $(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) \
		$(if $(RECORDINGS),--recordings $(RECORDINGS)) \
		$(if $(KILLS),--kills $(KILLS)) $(if $(MINUTES),--minutes $(MINUTES))

images: .dev ## Build the container images and their archives [BASE=image WHEELS=folder NAMES=...]
	@exec $(BIN)/python -m deploy.images build $(if $(BASE),--base $(BASE)) \
		$(if $(WHEELS),--wheels $(WHEELS)) $(NAMES)

images-check: .dev ## As root: build the images twice, once without a network, and use them [CUDA=1]
	@exec $(BIN)/python -m deploy.images check $(if $(CUDA),--cuda)

airgap-check: .dev ## Measure what updates cost on a thin line; needs `make images` first
	@exec $(BIN)/python -m deploy.airgap.check

install: .dev ## Make or renew the environment, with what development needs

lock: ## Renew the locks from pyproject.toml
	@$(PYTHON) deploy/local/bootstrap.py uv > /dev/null
	@for extra in $(EXTRAS); do $(call compile,$$extra,--extra $$extra pyproject.toml) || exit 1; done
	@for group in uv cuda; do $(call compile,$$group,--group $$group) || exit 1; done

clean: ## Stop the stack; remove its data, caches and what tests left
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m deploy.local.stop; fi
	@rm -rf data artifacts .cache .hypothesis .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.tools/*' -prune -exec rm -rf {} +

# Names, versions and hashes, for every system, and no address.
compile = $(UV) pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.11 \
	--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	$(2) --output-file requirements/$(1).txt

.local:
	@$(PYTHON) deploy/local/bootstrap.py local

.dev:
	@$(PYTHON) deploy/local/bootstrap.py dev
