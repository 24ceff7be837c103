# `make digits` and `make test` install what they need into .venv and node_modules, here in the checkout.
# ARGS goes on to pipetrace or pytest: make digits ARGS="--epochs 2", make test ARGS="-k store".
# PYTHON names the Python to build .venv with: make digits PYTHON=/opt/python3.12/bin/python3.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
ARGS ?=
export PYTHON

# Start times count here, so byte-code files are wanted whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH
unexport PYTHONHOME

# The stamp names the checkout it was made in. One that was moved or copied, or whose Python went away, starts anew.
MADE_IN := $(shell [ -x $(BIN)/python ] && cat $(VENV)/.installed 2>/dev/null)
HERE := $(shell pwd -P)

.PHONY: help digits test test-all test-oldest test-backend test-trackers test-onnx test-scale accept accept-facts lint format docs clean FORCE

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

digits: $(VENV)/.installed ## Record the digits training and write its page
	$(BIN)/pipetrace digits --force $(ARGS)

test: $(VENV)/.installed-tests ## Run every check, and all tests but the long ones
	@$(BIN)/python tools/check.py test $(ARGS)

test-all: $(VENV)/.installed-tests ## Run them with the long ones, such as all examples at all budgets
	@$(BIN)/python tools/check.py test-all $(ARGS)

lint: $(VENV)/.installed-tests ## Run the checks alone: ruff, mypy, tsc
	@$(BIN)/python tools/check.py lint

test-oldest: .venv-oldest/.installed ## Run the tests of capturing and layers with the oldest Keras and TensorFlow
	.venv-oldest/bin/python -m pytest tests/capture tests/explain/layers -m "not slow" $(ARGS)

test-onnx: .venv-onnx/.installed ## Run the tests that write ONNX models and compare them with runs
	.venv-onnx/bin/python -m pytest tests/comparison/test_saved.py $(ARGS)

test-scale: .venv-scale/.installed ## Run the tests of many files, on a Dask cluster and on object storage
	.venv-scale/bin/python -m pytest tests/scale $(ARGS)

test-trackers: .venv-trackers/.installed ## Read exports back with TensorBoard, MLflow, W&B, pandas, polars and pyarrow
	.venv-trackers/bin/python -m pytest tests/trackers $(ARGS)

accept: $(VENV)/.installed-tests ## Run the tests and take what they make as the new snapshots
	@$(BIN)/python tools/check.py accept $(ARGS)

accept-facts: $(VENV)/.installed-tests ## Take the golden traces' numbers, kinds and codes as they are now
	@$(BIN)/python tools/check.py accept-facts $(ARGS)

format: $(VENV)/.installed-tests ## Put the Python files into ruff's format
	$(BIN)/ruff check --select I --fix
	$(BIN)/ruff format

docs: $(VENV)/.installed-docs ## Build the documentation site into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "Open build/site/index.html."

clean: ## Remove what make installed and what the checks left; recordings and pages stay
	rm -rf $(VENV) .venv-oldest .venv-jax .venv-torch .venv-trackers .venv-onnx .venv-scale node_modules build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find $(wildcard src tests benchmarks tools) -name __pycache__ -type d -prune -exec rm -rf {} +

ifneq ($(MADE_IN),$(HERE))
$(VENV)/.installed: FORCE
endif

$(VENV)/.installed: pyproject.toml constraints.txt
	@sh tools/setup.sh run

$(VENV)/.installed-tests: $(VENV)/.installed
	@sh tools/setup.sh tests

test-backend: .venv-$(KERAS_BACKEND)/.installed ## Run the tests of another backend: make test-backend KERAS_BACKEND=jax (or torch)
	KERAS_BACKEND=$(KERAS_BACKEND) .venv-$(KERAS_BACKEND)/bin/python -m pytest tests/backend $(ARGS)

.venv-oldest/.installed: pyproject.toml constraints.txt constraints-oldest.txt
	@sh tools/setup.sh oldest

.venv-jax/.installed .venv-onnx/.installed .venv-scale/.installed .venv-torch/.installed .venv-trackers/.installed: pyproject.toml constraints.txt
	@sh tools/setup.sh $(patsubst .venv-%/.installed,%,$@)

$(VENV)/.installed-docs: $(VENV)/.installed
	@sh tools/setup.sh docs

FORCE:
