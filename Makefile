# Everything a person runs, one target each; 'make' or 'make help' lists them.
# Each target makes the environment it needs in .venv: demo and serve the light one, others more.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Settings of single targets, e.g. make train DATA=labels.jsonl CATALOG=my.toml OUT=build/mine
DATA ?= data/outcomes
CATALOG ?= data/catalog.toml
OUT ?= build/artifact
ARTIFACT ?= router/artifacts/default
SEED ?= 0
FROM ?= ../shared/outcomes
ADDRESS ?= 127.0.0.1:50051
KIND ?= static
PEERS ?= data/peers/scores.parquet
TRAIN_FLAGS ?=
SERVE_FLAGS ?=
ROUTE_FLAGS ?=
ONBOARD_FLAGS ?=
CALIBRATE_FLAGS ?=
LOG ?= router-decisions.jsonl
OUTCOMES ?= router-outcomes.sqlite3
OPE_FLAGS ?=
PLAN_CATALOG ?= data/catalog.pools.toml
PLAN_FLAGS ?=
TEST ?= kills
HARD_FLAGS ?=
MINUTES ?= 20

# The compiled kernel: built again where it changed.
KERNEL := hatch_build.py $(wildcard router/compiled/*.p* router/compiled/*.h)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.serve ## start the server, route sample prompts through a real client, stop
	$(BIN)/python -m router demo

.PHONY: serve
serve: $(VENV)/.serve ## serve ARTIFACT and CATALOG on ADDRESS until stopped
	$(BIN)/python -m router serve --address $(ADDRESS) --artifact $(ARTIFACT) --catalog $(CATALOG) $(SERVE_FLAGS)

.PHONY: route
route: $(VENV)/.serve ## decide one prompt: make route PROMPT="..." [ROUTE_FLAGS="--quality-target 0.8"]
	@$(BIN)/python -m router route --artifact $(ARTIFACT) --catalog $(CATALOG) $(ROUTE_FLAGS) -- "$(PROMPT)"

.PHONY: train
train: $(VENV)/.train ## train on DATA for CATALOG; promoted to OUT if not worse than the champion
	$(BIN)/python -m training train --data $(DATA) --catalog $(CATALOG) --out $(OUT) --seed $(SEED) $(TRAIN_FLAGS)

.PHONY: crossval
crossval: $(VENV)/.train ## judge every prompt of DATA by an artifact trained without it; report in build/crossval
	$(BIN)/python -m training crossval --data $(DATA) --catalog $(CATALOG) --seed $(SEED)

.PHONY: peers
peers: $(VENV)/.train ## crossval with routers of others beside, from their stored scores; report in build/peers
	$(BIN)/python -m training crossval --data $(DATA) --catalog $(CATALOG) --seed $(SEED) --peers $(PEERS) --report build/peers
	$(BIN)/python -m eval.peers shipped --scores $(PEERS)
	$(BIN)/python -m eval.peers pairs --scores $(PEERS)

.PHONY: peers-scores
peers-scores: .venv-peers/.done ## score the texts in FROM with the peers' packages into PEERS
	.venv-peers/bin/python -m eval.peers scores --texts $(FROM) --seed $(SEED) --out $(PEERS)

.PHONY: calibrate
calibrate: $(VENV)/.train ## fit ARTIFACT's contract on 200 or more labels in DATA; written to OUT
	$(BIN)/python -m training calibrate --data $(DATA) --catalog $(CATALOG) --artifact $(ARTIFACT) --out $(OUT) $(CALIBRATE_FLAGS)

.PHONY: onboard
onboard: $(VENV)/.train ## add a tier for MODEL from 50 or more labels in DATA, without training; written to OUT
	$(BIN)/python -m training onboard --data $(DATA) --catalog $(CATALOG) --artifact $(ARTIFACT) --out $(OUT) --model "$(MODEL)" $(if $(TIER),--tier "$(TIER)") $(ONBOARD_FLAGS)

.PHONY: review
review: $(VENV)/.train ## fit ARTIFACT's second look, written to OUT, and measure it (trains ten times)
	$(BIN)/python -m training review --data $(DATA) --catalog $(CATALOG) --artifact $(ARTIFACT) --out $(OUT) --seed $(SEED)
	$(BIN)/python -m eval.review --data $(DATA) --catalog $(CATALOG) --seed $(SEED)

.PHONY: compare
compare: $(VENV)/.train ## print training runs side by side
	$(BIN)/python -m training compare

.PHONY: eval
eval: $(VENV)/.train ## evaluate ARTIFACT on held-out DATA; report in build/eval
	$(BIN)/python -m eval run --artifact $(ARTIFACT) --catalog $(CATALOG) --data $(DATA) --out build/eval --seed $(SEED)

.PHONY: ope
ope: $(VENV)/.train ## estimate ARTIFACT's quality and cost from a server's decision LOG and its OUTCOMES
	$(BIN)/python -m eval.ope --log $(LOG) --outcomes $(OUTCOMES) --artifact $(ARTIFACT) --catalog $(CATALOG) $(OPE_FLAGS)

.PHONY: simulate
simulate: $(VENV)/.train ## replay LOG, or made-up traffic without one, through ways to price a pool: docs/planning.md
	$(BIN)/python -m eval.planning simulate $(if $(findstring command,$(origin LOG)),$(LOG) --catalog $(PLAN_CATALOG)) --picture build/simulate.png $(PLAN_FLAGS)

.PHONY: break-even
break-even: $(VENV)/.train ## whether the pool of PLAN_CATALOG pays over the traffic in LOG, and what that hangs on
	$(BIN)/python -m eval.planning break-even $(LOG) --catalog $(PLAN_CATALOG) --picture build/break-even.png $(PLAN_FLAGS)

.PHONY: data
data: $(VENV)/.train ## rebuild data/outcomes and what belongs to it (numbers only) from the outcome texts in FROM
	$(BIN)/python -m training.sources bundle --from $(FROM) --encoder $(ARTIFACT) --out data/outcomes --answers data/answers/zeroeval.parquet --otherwise data/otherwise

.PHONY: encoder
encoder: $(VENV)/.all ## build an encoder into build/encoder: KIND=static or KIND=transformer
	$(BIN)/python -m training.encoder $(KIND) --out build/encoder

.PHONY: bench
bench: $(VENV)/.serve ## latency, throughput, size and start-up beside the floor of the same stack
	$(BIN)/python -m bench

.PHONY: hard
hard: $(VENV)/.serve ## one hard test of a real server: make hard TEST=kills [HARD_FLAGS="--times 10"]; report in build/hard
	$(BIN)/python -m bench.hard $(TEST) $(HARD_FLAGS)

.PHONY: soak
soak: $(VENV)/.serve ## load for MINUTES, watching memory, descriptors and latency
	$(BIN)/python -m bench.hard soak --minutes $(MINUTES)

.PHONY: chaos
chaos: $(VENV)/.serve ## every hard test and the reloads, one report in build/hard/chaos.md; takes hours (HARD_FLAGS="--scale 0.01": minutes)
	$(BIN)/python -m bench.hard chaos $(HARD_FLAGS)

.PHONY: bench-native
bench-native: $(VENV)/.serve ## the same under h2load, at fixed rates, and with two workers (needs nghttp2-client)
	$(BIN)/python -m bench.native
	$(BIN)/python -m bench.native_workers

.PHONY: bench-peers
bench-peers: .venv-peers/.done ## our service and routers of others on the same prompts, in one run
	.venv-peers/bin/python -m bench.peers

.PHONY: bench-growth
bench-growth: $(VENV)/.train ## what a decision costs as prompts, messages, tiers and live pools grow (instructions need valgrind)
	$(BIN)/python -m bench.growth

.PHONY: proto
proto: .venv-proto/.done ## generate router/v1 from protos/ with the pinned generator
	PATH="$(CURDIR)/.venv-proto/bin:$$PATH" .venv-proto/bin/python protos/generate.py

.PHONY: proto-check
proto-check: .venv-proto/.done ## fail if router/v1 is not what protos/ generates
	PATH="$(CURDIR)/.venv-proto/bin:$$PATH" .venv-proto/bin/python protos/generate.py --check

.PHONY: test
test: $(VENV)/.all ## install what the tests need and run them all, a file at a time on each core
	env -u PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: lint
lint: $(VENV)/.all proto-check ## ruff, mypy --strict, import contracts, generated code up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: lint-deploy
lint-deploy: .venv-deploy/.done ## check deploy/ offline: YAML, Dockerfile, Compose and Kubernetes schemas
	.venv-deploy/bin/yamllint --strict -c deploy/yamllint.yaml deploy
	.venv-deploy/bin/hadolint deploy/Dockerfile
	.venv-deploy/bin/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
	for file in deployment service autoscaler disruption-budget network-policy pools/autoscaler; do \
	  .venv-deploy/bin/kubernetes-validate --strict --quiet deploy/kubernetes/$$file.yaml || exit 1; done

.PHONY: audit
audit: .venv-deploy/.done .venv-serving/.done ## look up what the server needs in the database of known vulnerabilities (network)
	.venv-deploy/bin/pip-audit --strict --vulnerability-service osv --path .venv-serving/lib/python*/site-packages

.PHONY: sbom
sbom: .venv-deploy/.done .venv-serving/.done ## list what the server needs as CycloneDX in build/sbom.json
	mkdir -p build
	.venv-deploy/bin/cyclonedx-py environment .venv-serving --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom.json

.PHONY: clean
clean: ## remove environments, build output and the local MLflow store
	rm -rf $(VENV) .venv-proto .venv-peers .venv-deploy .venv-serving build dist router/compiled/kernel.*.so mlflow.db mlruns .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: pyproject.toml constraints.txt $(KERNEL) | $(BIN)/python
	$(INSTALL) -e .
	@touch $@

$(VENV)/.train: pyproject.toml constraints.txt $(KERNEL) | $(BIN)/python
	$(INSTALL) -e '.[train]'
	@touch $@ $(VENV)/.serve

$(VENV)/.all: pyproject.toml constraints.txt $(KERNEL) | $(BIN)/python
	$(INSTALL) -e '.[train,encoder,dev]'
	@touch $@ $(VENV)/.serve $(VENV)/.train

.venv-peers/.done: pyproject.toml eval/peers/constraints.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -c eval/peers/constraints.txt -e '.[peers]'
	@touch $@

.venv-deploy/.done: deploy/requirements.txt
	$(PYTHON) -m venv .venv-deploy
	.venv-deploy/bin/python -m pip install --quiet --disable-pip-version-check -r deploy/requirements.txt
	@touch $@

# What deploy/Dockerfile installs, and nothing else.
.venv-serving/.done: pyproject.toml constraints.txt $(KERNEL)
	$(PYTHON) -m venv --without-pip .venv-serving
	$(PYTHON) -m pip --python .venv-serving install --quiet --disable-pip-version-check -c constraints.txt '.[sign]'
	@touch $@

.venv-proto/.done: protos/requirements.txt
	$(PYTHON) -m venv .venv-proto
	.venv-proto/bin/python -m pip install --quiet --disable-pip-version-check -r protos/requirements.txt
	@touch $@
