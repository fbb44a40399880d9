# make demo    set up and run the reference host with the simulator, on http://localhost:8365;
#              PORT=9000 moves it and the simulator's ports by the same distance
# make test    set up (system packages too, where it may) and run check and every test
# make check   ruff, mypy --strict and the floors test
# make oauth-checklist
#              print the twenty points of the OAuth checklist with their tests
# make faults  try every fault on SQLite and PostgreSQL and print the table: expected, seen, holds
# make crowd   let 50 processes ask for one expired token at once, TIMES=20 times each
# make clean   remove all that the targets above made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8365
TIMES ?= 20
PACKAGES := schemas plugin hooks simulator demo

.PHONY: test check demo oauth-checklist faults crowd clean

# Set up once; again only when the metadata changed. Needs no network if all is installed.
$(VENV)/.ready: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@# mypy needs a folder named as the package is, whatever the checkout is called.
	mkdir -p $(VENV)/typing && ln -sfn ../.. $(VENV)/typing/salesorder_m365
	touch $@ $(VENV)/.ready-demo

# The demo needs less than the tests, and what they need serves it too.
$(VENV)/.ready-demo: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	touch $@

demo: $(VENV)/.ready-demo
	@$(BIN)/python -m salesorder_m365.demo --port $(PORT) --state .demo

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 test" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd $(VENV)/typing && ../bin/mypy --config-file ../../pyproject.toml \
	  $(foreach p,$(PACKAGES),-p salesorder_m365.$(p))
	$(BIN)/python -m pytest -q tests/test_floors.py

test: check
	sh tests/system-packages
	$(BIN)/python -m pytest

oauth-checklist: $(VENV)/.ready
	@$(BIN)/python tests/oauth_checklist.py

faults: $(VENV)/.ready
	@cd tests && ../$(BIN)/python -m faults

crowd: $(VENV)/.ready
	@cd tests && ../$(BIN)/python -m faults --crowd $(TIMES)

clean:
	rm -rf $(VENV) .demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
