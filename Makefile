# make demo    set up and run the reference host with the simulator, on http://localhost:8365;
#              PORT=9000 moves it and the simulator's ports by the same distance
# make test    set up (system packages too, where it may) and run check and every test, on two
#              cores; JOBS=4 takes four
# make check   ruff, mypy --strict and the floors test
# make oauth-checklist
#              print the twenty points of the OAuth checklist with their tests
# make faults  try every fault on SQLite and PostgreSQL and print the table: expected, seen, holds
# make crowd   let 50 processes ask for one expired token at once, TIMES=20 times each
# make rotations
#              kill key rotations over 1,000 rows at KILLS=100 random moments
# make kills   send MAILS=1000 mails while workers are killed 1,000 times, on SQLite and PostgreSQL;
#              and the same without the point of no return, which must send some twice
# make round-trips
#              count the round trips to Dovecot and Postfix, ours beside the libraries'
# make simulator-rate
#              measure how many messages a second the simulator takes, with 5,000 mailboxes
# make simulator-words
#              turn each switch of the simulator and print what a client hears
# make fleet   test COUNT=500 simulated accounts, a tenth of them broken; print time and memory
# make bench   measure the plugin beside its peers and print the table: goal, ours, peer, ratio;
#              ONLY="B2 B4" measures some, ROUNDS=1 once; a quarter of an hour for all
# make bench-quick
#              the same at small sizes, to see that it runs; in two minutes
# make docs    build the site of the documentation in build/docs; a warning or dead link is an error
# make wheel   build the wheel twice, compare the two to the byte and put it into dist/
# make pythons
#              run the quick tests with every supported Python that is found; say which
# make lowest  run the quick tests with the lowest versions that setup.cfg allows
# make audit   look for known vulnerabilities in the newest and the lowest versions (needs the network)
# make sbom    write the bill of materials, CycloneDX, to build/salesorder-m365.cdx.json
# make clean   remove all that the targets above made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8365
JOBS ?= 2
TIMES ?= 20
KILLS ?= 100
MAILS ?= 1000
COUNT ?= 500
ROUNDS ?= 3
ONLY ?=
PACKAGES := schemas plugin hooks web simulator demo testing
# mypy needs a folder named as the package is, whatever the checkout is called.
TYPING := build/typing

.PHONY: test check demo oauth-checklist faults crowd rotations kills fleet simulator-rate simulator-words round-trips bench bench-quick docs wheel lowest pythons audit sbom clean

# Set up once; again only when the metadata changed. Needs no network if all is installed.
$(VENV)/.ready: setup.cfg pyproject.toml | $(BIN)/python
	@echo "Installing the package and what its tests need into $(VENV): about two minutes, once."
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/.ready-demo

# The demo needs less than the tests, and what they need serves it too.
$(VENV)/.ready-demo: setup.cfg pyproject.toml | $(BIN)/python
	@echo "Installing the package and what the demo needs into $(VENV): about a minute, once."
	@$(BIN)/python -m pip install --quiet --editable '.[demo]'
	touch $@

demo: $(VENV)/.ready-demo
	@echo "Starting the demo and its Microsoft 365; some seconds until it prints its address."
	@$(BIN)/python -m salesorder_m365.demo --port $(PORT) --state .demo

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 test" >&2; exit 1; }
	@echo "Making an environment in $(VENV) with $$($(PYTHON) --version)."
	@$(PYTHON) -m venv $(VENV)

check: $(VENV)/.ready
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	@mkdir -p $(TYPING) && ln -sfn ../.. $(TYPING)/salesorder_m365
	cd $(TYPING) && ../../$(BIN)/python -m mypy --config-file ../../pyproject.toml \
	  $(foreach p,$(PACKAGES),-p salesorder_m365.$(p))
	$(BIN)/python -m pytest -q -s tests/test_floors.py

test: check
	sh tests/system-packages
	sh tests/node-packages
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

oauth-checklist: $(VENV)/.ready
	@$(BIN)/python tests/tools/oauth_checklist.py

faults: $(VENV)/.ready
	@cd tests && ../$(BIN)/python -m faults

crowd: $(VENV)/.ready
	@cd tests && ../$(BIN)/python -m faults --crowds $(TIMES)

rotations: $(VENV)/.ready
	@cd tests && ../$(BIN)/python -m faults --rotations $(KILLS)

simulator-rate: $(VENV)/.ready
	@$(BIN)/python -m benchmarks.simulator_rate

simulator-words: $(VENV)/.ready
	@$(BIN)/python tests/tools/simulator_words.py

kills: $(VENV)/.ready
	sh tests/system-packages
	@cd tests && ../$(BIN)/python -m kills --messages $(MAILS) --kills $(MAILS) --control $(MAILS)

fleet: $(VENV)/.ready
	@cd tests && ../$(BIN)/python -m cli.five_hundred $(COUNT)

round-trips: $(VENV)/.ready
	@cd tests && ../$(BIN)/python -m servers.round_trips

# The peers come beside what the tests need; the same environment serves both.
$(VENV)/.ready-bench: setup.cfg $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

bench: $(VENV)/.ready-bench
	sh tests/system-packages
	@cd tests && ../$(BIN)/python -m salesorder_m365.benchmarks --rounds $(ROUNDS) $(ONLY)

bench-quick: $(VENV)/.ready-bench
	sh tests/system-packages
	@cd tests && ../$(BIN)/python -m salesorder_m365.benchmarks --quick $(ONLY)

docs: $(VENV)/.ready
	@# From scratch each time: a page that is not read again does not warn again.
	rm -rf build/docs build/doctrees
	$(BIN)/python -m sphinx -W --keep-going -q -c docs -d build/doctrees . build/docs
	@$(BIN)/python tests/tools/site_links.py build/docs

wheel lowest pythons audit sbom: $(VENV)/.ready
	@cd tests && ../$(BIN)/python -m supply.$@

clean:
	rm -rf $(VENV) .demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
