# Each target sets up .venv by itself and does its job. `make demo` and `make test` are all a fresh clone needs.
# The first Python that really runs and is of a version barkbot is made for (a name on the PATH may be an empty shim).
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c '$(FITS)' >/dev/null 2>&1 && echo $$p && break; done)
export ONCE
BIN := .venv/bin
FOX := the quick brown fox jumps over the lazy dog
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint fuzz audit bench picture soak test-gpu test-browser page-pictures clean

help:  ## what there is to do
	@awk -F ':.*## *' '/^[a-z-]+:.*##/ { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo 'barkbot needs Python 3.11, 3.12 or 3.13; install one, or say make PYTHON=/path/to/python3'; exit 1; }
	$(PYTHON) -m venv .venv || { echo 'Python cannot make a virtual environment here: on Debian and Ubuntu, apt install python3-venv'; exit 1; }
	$(BIN)/python -m pip install --quiet --progress-bar on -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)  ## one /bark, end to end, on this machine: make demo ONCE="hello there"
	@$(BIN)/barkbot demo $(if $(ONCE),--once "$$ONCE")

test: $(READY)  ## the tests (under 10 minutes on 2 cores)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not gpu and not slow and not browser" -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(READY)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

soak: $(READY)  ## the long suite: random kills, faults
	$(BIN)/python -m pytest -m slow --timeout 1800 -s $(ARGS)

test-gpu: $(READY)  ## tests that need a CUDA device
	$(BIN)/python -m pytest -m gpu $(ARGS)

BROWSER := .venv/.browser
$(BROWSER): $(READY)
	$(BIN)/python -m pip install --quiet --progress-bar on -c constraints.txt -e '.[browser]'
	@touch $@

test-browser: $(BROWSER)  ## the demo's page in a real Chromium (from the system)
	$(BIN)/python -m pytest -m browser $(ARGS)

page-pictures: $(BROWSER)  ## the README's pictures of the demo's page
	$(BIN)/python -m tests.bot.page_pictures

FUZZ ?= 100000
fuzz: $(READY)  ## hostile input to every parser: make fuzz FUZZ=1000
	$(BIN)/python -m tests.fuzz --inputs $(FUZZ) $(ARGS)

AUDIT := .venv/.audit
$(AUDIT): $(READY)
	$(BIN)/python -m pip install --quiet --progress-bar on -c constraints.txt -e '.[audit]'
	@touch $@

audit: $(AUDIT)  ## known holes in what barkbot is built on (asks a public database)
	$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt $(ARGS)

bench: $(READY)  ## speed and memory beside their floors, as ratios measured in one run
	$(BIN)/python -m benchmarks $(ARGS)

picture: $(READY)  ## the README's picture: what the demo received, and how a recogniser reads it
	@$(BIN)/barkbot demo --once "$(FOX)" | tee /dev/stderr | tail -n 1 | xargs -I FILE \
		$(BIN)/python -m synth.pup.evaluation picture "$(FOX)" --file FILE --out docs/pup/quick-brown-fox.png

clean:  ## remove what the build made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache *.egg-info build dist
