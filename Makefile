# Greenlight. `make` on its own lists all targets.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
# The emulator's packages need other versions than ours, so it has its own environment.
CLOUD_VENV := build/local-cloud-venv
# Only `make docs` needs what builds the site, so it's not in the environment of everything else.
DOCS_VENV := build/docs-venv

SOURCE ?= sample
RATINGS ?=
OUT ?= build/bundle

# One thread per process: threaded numeric libraries slow each other down on a small, busy machine.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

.PHONY: help
help: ## list all targets
	@echo "Greenlight picks the best film to make. Start with: make demo"; echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# ---------------------------------------------------------------- set-up

# Installed without compiling: Python compiles what it imports, which is only a small part.

define make_venv
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Greenlight needs Python 3.11 to 3.13; name one: make PYTHON=python3.11 ..." >&2; exit 1; }
	@test -x $(1)/bin/pip || { \
	  rm -rf $(1); \
	  $(PYTHON) -m venv $(1) >/dev/null 2>&1 || { \
	    echo "    (this Python lacks venv: using virtualenv)"; rm -rf $(1) build/bootstrap; \
	    $(PYTHON) locks/run_pip.py build/pip-bootstrap.log install -r locks/bootstrap.txt --target build/bootstrap && \
	    PYTHONPATH=build/bootstrap $(PYTHON) -m virtualenv --quiet $(1); }; }
endef

$(VENV)/ready: locks/dev.txt pyproject.toml
	@echo "==> Setting up $(VENV) from locks/dev.txt (one to three minutes, once; then the local cloud's)"
	$(call make_venv,$(VENV))
	@$(RUN)/python locks/run_pip.py build/pip-dev.log install -r locks/dev.txt --no-compile
	@$(RUN)/python locks/run_pip.py build/pip-greenlight.log install --no-build-isolation --editable .
	@touch $@

$(CLOUD_VENV)/ready: locks/local-cloud.txt
	@echo "==> Setting up the local cloud in $(CLOUD_VENV) from locks/local-cloud.txt"
	@mkdir -p $(dir $(CLOUD_VENV))
	$(call make_venv,$(CLOUD_VENV))
	@$(CLOUD_VENV)/bin/python locks/run_pip.py build/pip-local-cloud.log install -r locks/local-cloud.txt --no-compile
	@touch $@

$(DOCS_VENV)/ready: locks/docs.txt
	@echo "==> Setting up what builds the documentation site in $(DOCS_VENV) from locks/docs.txt"
	@mkdir -p $(dir $(DOCS_VENV))
	$(call make_venv,$(DOCS_VENV))
	@$(DOCS_VENV)/bin/python locks/run_pip.py build/pip-docs.log install -r locks/docs.txt --no-compile
	@touch $@

.PHONY: setup
setup: $(VENV)/ready $(CLOUD_VENV)/ready ## create the environments from the hashed locks

# Keeps the locked versions; UPGRADE=1 takes newer ones of everything, UPGRADE=numpy of one package.
UPGRADE ?=
LOCK = $(RUN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
  --no-header --no-annotate $(if $(UPGRADE),$(if $(filter 1,$(UPGRADE)),--upgrade,--upgrade-package $(UPGRADE)))

.PHONY: lock
lock: $(VENV)/ready ## rewrite the locks from pyproject.toml (UPGRADE=1 or UPGRADE=package for newer versions)
	@for role in edge sync training cloud; do \
	  $(LOCK) --extra $$role pyproject.toml -o locks/$$role.txt || exit 1; done
	@$(LOCK) --extra training --extra cluster pyproject.toml -o locks/cluster.txt
	@$(LOCK) --extra edge --extra sync --extra training --extra cluster --extra cloud --extra dev \
	  pyproject.toml -o locks/dev.txt
	@for name in local-cloud docs bootstrap pip-oldest pip-newest; do \
	  $(LOCK) locks/$$name.in -o locks/$$name.txt || exit 1; done

# ---------------------------------------------------------------- the two promises

.PHONY: demo
demo: setup ## the whole story on this machine: train, press, rate, sync, retrain (FAST=1: no training)
	@$(if $(FAST),test -f "$(OUT)/manifest.json" -a -f "$(OUT).report/arrays.npz" || $(MAKE) --no-print-directory train-export)
	@$(RUN)/python -m local_cloud.demo $(if $(FAST),--bundle "$(OUT)")

.PHONY: play
play: $(VENV)/ready ## the appliance on this machine: keys, light and page (LAN=1: a QR code for a phone)
	@test -f "$(OUT)/manifest.json" || $(MAKE) --no-print-directory train-export
	@$(RUN)/greenlight play --bundle "$(OUT)" $(if $(LAN),--lan)

# Three workers keep two cores busy: each often waits for a process, a socket or a disk.
PYTEST = $(RUN)/python -m pytest -n 3 --dist loadfile

.PHONY: test
test: setup ## run the tests on two cores
	@$(PYTEST) $(ARGS)

# ---------------------------------------------------------------- the gate

.PHONY: check
check: lint types architecture coverage ## check everything before a change: format, lint, types, architecture, tests with coverage

.PHONY: lint
lint: setup
	@$(RUN)/ruff format --check . && $(RUN)/ruff check .

.PHONY: types
types: setup
	@$(RUN)/mypy

.PHONY: architecture
architecture: setup
	@$(RUN)/lint-imports

.PHONY: coverage
coverage: setup
	@$(PYTEST) --cov --cov-report=term

.PHONY: states
states: $(VENV)/ready ## write docs/states.md from the transition tables
	@$(RUN)/python -m edge.appliance.diagram docs/states.md

.PHONY: rights
rights: $(VENV)/ready ## write the template's rights into docs/security.md
	@$(RUN)/python -m tests.lambdas.rights

# Internal links are checked, anchors too; the site needs no network and no server.
.PHONY: docs
docs: $(VENV)/ready $(DOCS_VENV)/ready ## build the documentation site: open build/site/index.html
	@$(RUN)/python docs/site/build.py build/site-source
	@cd build/site-source && ../docs-venv/bin/zensical build --strict --clean
	@rm -rf build/site && mv build/site-source/site build/site
	@echo "The site: file://$(CURDIR)/build/site/index.html"

.PHONY: pictures
pictures: $(VENV)/ready ## take the pictures in README.md and docs again (needs chromium and train-export)
	@GREENLIGHT_TAKE_PICTURES=1 $(RUN)/python -m pytest -q tests/edge/page/test_pictures.py tests/edge/page/test_animation.py

# The examples' pictures are of terminals, so they need no browser.
pictures: example-pictures
.PHONY: example-pictures
example-pictures: $(VENV)/ready
	@GREENLIGHT_TAKE_PICTURES=1 $(RUN)/python -m pytest -q tests/examples/test_gallery.py

.PHONY: mutants
mutants: setup ## break each promise on purpose and check that its test fails (GATE=1: a quick dozen)
	@$(RUN)/python -m tests.mutants $(if $(GATE),--gate) $(ARGS)

# ---------------------------------------------------------------- models

# Newer than what the sample needs, so it's fetched as a file and never installed.
WIKIDATA := data/films/wikidata

.PHONY: wikidata
wikidata: $(VENV)/ready ## fetch Wikidata's films (CC0), by their hash; train-export SOURCE=wikidata does it too
	@test -n "$$(find $(WIKIDATA) -name 'bokeh_sampledata-2026.1-*.whl' 2>/dev/null)" || \
	  $(RUN)/python locks/run_pip.py build/pip-wikidata.log download -r locks/wikidata.txt --dest $(WIKIDATA)

.PHONY: train-export
train-export: $(VENV)/ready $(if $(filter wikidata,$(SOURCE)),wikidata) ## films -> model -> signed bundle (SOURCE=sample RATINGS= OUT=build/bundle)
	@$(RUN)/greenlight-train export --source $(SOURCE) $(if $(RATINGS),--ratings "$(RATINGS)") --out "$(OUT)"

.PHONY: report
report: $(VENV)/ready ## the model's report over five random splits and one in time (SOURCE= RATINGS= OUT=)
	@$(RUN)/greenlight-train report --source $(SOURCE) $(if $(RATINGS),--ratings "$(RATINGS)") --bundle "$(OUT)"

.PHONY: big-data-test
big-data-test: $(VENV)/ready ## read ten million made-up titles as IMDb's files, within 2 GB
	@$(RUN)/python tests/campaigns/big_data.py

.PHONY: many-objects
many-objects: $(VENV)/ready ## compact a million feedback objects within 1 GB, killed along the way
	@$(RUN)/python -m tests.campaigns.many_objects $(ARGS)

# ---------------------------------------------------------------- measured and proved at length

SEED ?= 1

.PHONY: bench
bench: $(VENV)/ready ## run every benchmark (ARGS=scale for one group): a table, and build/bench.json
	@$(RUN)/python -m tests.bench $(ARGS)

.PHONY: prove
prove: $(VENV)/ready ## check the search against a sweep of all billions of combinations (minutes)
	@$(RUN)/python -m tests.campaigns.prove $(ARGS)

.PHONY: scale
scale: setup ## update, press and search with 20,000 and 100,000 directors in a Pi's memory (as root)
	@$(RUN)/python -m tests.campaigns.scale $(ARGS)

.PHONY: learn
learn: $(VENV)/ready ## measure what retraining and exploring gain in a simulated studio; build/learn/plot.png
	@$(RUN)/python -m tests.campaigns.learn $(ARGS)

.PHONY: gate-errors
gate-errors: $(VENV)/ready ## simulate how often the gate accepts a worse model or refuses a better one
	@$(RUN)/python -m tests.campaigns.gate $(ARGS)

.PHONY: soak
soak: setup ## 100,000 ratings through 500 faults on real parts (SEED=1 replays)
	@$(RUN)/python tests/campaigns/soak.py --seed $(SEED)

.PHONY: soak-cloud
soak-cloud: setup ## a smaller soak on the local cloud
	@$(RUN)/python tests/campaigns/soak.py --local-cloud --ratings 500 --faults 30 --seed $(SEED)

.PHONY: numeric
numeric: $(VENV)/ready ## run the tests marked numeric as on other processors
	@$(RUN)/python -m tests.campaigns.processors $(if $(GENERIC),--generic) $(ARGS)

.PHONY: faults
faults: $(VENV)/ready ## try every fault with every command: exit codes, light, status and doctor must agree
	@$(RUN)/python -m tests.campaigns.faults $(ARGS)

.PHONY: large-journal
large-journal: $(VENV)/ready ## start with a million picks kept, within systemd's limit
	@$(RUN)/python -m tests.campaigns.large_journal $(ARGS)

.PHONY: crash
crash: $(VENV)/ready ## replay 10,000 power cuts from recorded writes (SEED=1 replays)
	@$(RUN)/python tests/campaigns/crash.py --seed $(SEED)

.PHONY: failing-calls
failing-calls: $(VENV)/ready ## fail every write, fsync, rename and removal once (SEED=1 replays)
	@$(RUN)/python tests/campaigns/failing_calls.py --seed $(SEED)

.PHONY: fuzz
fuzz: $(VENV)/ready ## send a million messages from a hostile cloud (SEED=1 replays)
	@$(RUN)/python tests/campaigns/fuzz.py --seed $(SEED)

.PHONY: fuzz-graph
fuzz-graph: setup ## a million changed models: the graph rule against protobuf's parser (SEED=1)
	@$(RUN)/python tests/campaigns/graph_fuzz.py --seed $(SEED)

.PHONY: reconnects
reconnects: setup ## a device that reconnects a thousand times, and a network that goes on and off
	@$(RUN)/python tests/campaigns/reconnects.py

.PHONY: fleet
fleet: $(VENV)/ready ## a simulated day of 10,000 devices whose broker is interrupted
	@$(RUN)/python -m tests.campaigns.fleet $(ARGS)

.PHONY: updates
updates: setup ## model updates while sync service and appliance are killed (SEED=1 replays)
	@$(RUN)/python tests/campaigns/updates.py --seed $(SEED)

.PHONY: open-pages
open-pages: setup ## ten open pages for an hour of simulated events
	@$(RUN)/python -m tests.campaigns.open_pages $(ARGS)

.PHONY: siege
siege: setup ## flood page and control socket while someone presses and rates
	@$(RUN)/python -m tests.campaigns.siege

# ---------------------------------------------------------------- the local cloud

.PHONY: cloud
cloud: setup ## run the local cloud in the foreground until Ctrl-C
	@$(RUN)/greenlight-cloud local run

# ---------------------------------------------------------------- AWS (docs/aws.md)

THING ?=
ARCHITECTURE ?= arm64
# More options for deploy and destroy, as ARGS="--alarm-email you@example.org".
ARGS ?=
LOCAL ?=

.PHONY: lambdas
lambdas: $(VENV)/ready ## package the functions for AWS (ARCHITECTURE=arm64)
	@$(RUN)/greenlight-cloud functions package --architecture "$(ARCHITECTURE)"

.PHONY: deploy
deploy: $(VENV)/ready ## create or update the stack in AWS (ARCHITECTURE=arm64 ARGS=...)
	@$(RUN)/greenlight-cloud stack up --architecture "$(ARCHITECTURE)" $(ARGS)

.PHONY: provision
provision: $(VENV)/ready ## create a device's thing, certificate and folder (THING=name LOCAL=build/local-cloud)
	@test -n "$(THING)" || { echo "name the device: make provision THING=MovieSelector" >&2; exit 2; }
	@$(RUN)/greenlight-cloud device provision "$(THING)" --out "build/devices/$(THING)" $(if $(LOCAL),--local "$(LOCAL)")

.PHONY: retrain
retrain: $(VENV)/ready ## start a retraining now and show its outcome (LOCAL=build/local-cloud)
	@$(RUN)/greenlight-cloud model retrain --wait $(if $(LOCAL),--local "$(LOCAL)") $(ARGS)

.PHONY: destroy
destroy: $(VENV)/ready ## delete the stack in AWS; ratings, models and the signing key stay
	@$(RUN)/greenlight-cloud stack down $(ARGS)

# ---------------------------------------------------------------- the film table in AWS

SAMPLE_FILMS := data/films/movie_ratings_simple.csv
FILMS ?= $(SAMPLE_FILMS)

$(SAMPLE_FILMS): | $(VENV)/ready
	@$(RUN)/greenlight-train dataset --source sample --out "$@"

.PHONY: films
films: $(SAMPLE_FILMS) ## write the sample as a film table

.PHONY: import-films
import-films: $(VENV)/ready $(filter $(SAMPLE_FILMS),$(FILMS)) ## import a film table into S3 and DynamoDB (FILMS=... LOCAL=build/local-cloud)
	@$(RUN)/greenlight-cloud films import "$(FILMS)" $(if $(LOCAL),--local "$(LOCAL)")

# ---------------------------------------------------------------- a release

RELEASE ?= build/release
BUNDLE ?= $(OUT)
WHEELS ?=

# Reproducible: the same sources and bundle give the same bytes.
.PHONY: release
release: $(VENV)/ready ## wheel, Pi bundle and checksums (BUNDLE= the model, WHEELS=arm64-3.13)
	@rm -rf "$(RELEASE)" && mkdir -p "$(RELEASE)"
	@BUNDLE="$(abspath $(BUNDLE))" WHEELS="$(WHEELS)" sh systemd/pack.sh "$(RELEASE)/greenlight-pi" >/dev/null
	@cp "$(RELEASE)"/greenlight-pi/greenlight-*.whl "$(RELEASE)/"
	@tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@1700000000 -C "$(RELEASE)" \
	  -cf - greenlight-pi | gzip -n >"$(RELEASE)/greenlight-pi.tar.gz"
	@cd "$(RELEASE)" && sha256sum *.whl *.tar.gz >SHA256SUMS && cat SHA256SUMS

# ---------------------------------------------------------------- the appliance (docs/appliance.md)

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
CAMPAIGN = $(SUDO) env PATH="$(PATH)" HOME="$(HOME)" $(RUN)/python -m pytest -p no:cacheprovider -v -rs

.PHONY: install
install: release ## install the appliance on this machine (a Pi, or Debian for testing)
	@$(SUDO) "$(RELEASE)/greenlight-pi/systemd/install.sh" install

.PHONY: upgrade
upgrade: release ## upgrade the appliance; rolled back automatically if the new release fails
	@$(SUDO) "$(RELEASE)/greenlight-pi/systemd/install.sh" upgrade

.PHONY: uninstall
uninstall: ## remove the appliance but keep its state (PURGE=1 removes that too)
	@$(SUDO) systemd/install.sh uninstall $(if $(PURGE),--purge)

# These need build/bundle (make train-export), root, and the Debian packages they name.
.PHONY: boot-test
boot-test: setup ## boot the appliance in a container (apt: systemd-container mmdebstrap openssl)
	@$(CAMPAIGN) tests/campaigns/boot_campaign.py

.PHONY: image-test
image-test: setup ## turn a simulated SD card into the appliance (apt: also fdisk dosfstools)
	@$(CAMPAIGN) tests/campaigns/image_campaign.py

.PHONY: vm-test
vm-test: setup ## power cuts on an emulated machine with real lgpio (apt: also qemu-system-x86 qemu-utils ...)
	@$(CAMPAIGN) -s tests/campaigns/vm_campaign.py

.PHONY: clean
clean: ## remove build results (environments, bundles, local state); data/films stays
	@rm -rf build $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
