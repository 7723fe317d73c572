# Everything a newcomer needs: `make demo`. Needs Python 3.11 or newer and pip; nothing else is downloaded.

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install --quiet --disable-pip-version-check --only-binary=pygraphviz

# several at once, so none may have more threads than its own for long
TEST := OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1 $(RUN) -m pytest -n auto --dist worksteal

.PHONY: demo test lint kernels parity gallery bench gpu-check labs clean

demo: $(VENV)/viz
	$(RUN) -m minigrad demo

test: $(VENV)/dev
	$(TEST) tests --ignore=tests/parity

lint: $(VENV)/dev
	$(RUN) -m ruff check --output-format concise .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

# the kernels of oneDNN and Numba; needs them in the environment: .venv/bin/pip install '.[fast]'
kernels: $(VENV)/dev
	$(TEST) tests/test_providers.py tests/test_onednn_*.py tests/test_numba.py tests/test_safety.py tests/test_determinism.py \
		--deselect tests/test_safety.py::test_200_000_deep --deselect tests/test_safety.py::test_100_000_wide

# the same numbers as PyTorch; needs it in the environment: .venv/bin/pip install torch
parity: $(VENV)/dev
	$(TEST) tests/parity

gallery: $(VENV)/viz
	$(RUN) -m minigrad.gallery

bench: $(VENV)/viz
	$(RUN) -m benchmarks

# the suites and the benchmarks on the GPU; needs CuPy: .venv/bin/pip install cupy-cuda13x. Exits with 2 where no GPU is
gpu-check: $(VENV)/dev
	$(RUN) -m benchmarks.gpu_check

labs: $(VENV)/viz
	$(RUN) -m minigrad lab all

clean:
	rm -rf $(VENV) build dist runs *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: a second call finds the environment as it is, until the metadata changes.

$(VENV)/made:
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(sys.version_info < (3, 11) and \
		f"minigrad needs Python 3.11 or newer, $(PYTHON) is {v}. Hint: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

# pygraphviz has wheels for the common platforms only; without it pictures are written as DOT text unless `dot` is there
$(VENV)/viz: $(VENV)/made setup.cfg pyproject.toml
	@echo "installing minigrad and what draws its pictures into $(VENV) ..."
	@$(INSTALL) --editable '.[viz]' 2>$(VENV)/log || { \
		$(INSTALL) --editable . graphviz matplotlib || { cat $(VENV)/log; exit 1; }; \
		echo "pygraphviz has no wheel here: install Graphviz's dot program to get pictures instead of DOT text"; }
	@touch $@

$(VENV)/dev: $(VENV)/viz
	@echo "installing the tools of the tests into $(VENV) ..."
	@$(INSTALL) --editable '.[dev]'
	@touch $@
