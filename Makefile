# Every target sets itself up: it needs Python 3.11 or newer with its venv module, and nothing else.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test test-slow lint venv

demo: $(READY)
	$(BIN)/closedloop demo

test: $(READY)
	$(BIN)/python -m pytest -m "not slow" -n logical --maxprocesses 4 --dist worksteal

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

venv: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c "import ensurepip" || { echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv"; exit 1; }
	@echo "Installing into .venv (the first time takes some minutes) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,postgres,dask]'
	@touch $@
