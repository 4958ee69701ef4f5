# Every target needs only python3, pip, make and git; the first one run makes .venv.
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help train test test-hydra-next test-slurm test-ray test-aa check lint types bench bench-sweep diagnosis-bench fuzz reliability claims zoo proof pictures notebook clean
help:            ## show the targets
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

train: $(INSTALLED)  ## train one network; make train ARGS="model=single5x5 init=xavier"
	$(BIN)/python -m cnnlab.train $(ARGS)

test: $(INSTALLED)  ## the fast tests, on every core with one thread each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto $(ARGS)

# The main environment's packages, seen through a .pth, behind Hydra's pre-release and what that needs.
NEXT := .venv-hydra-next
COMMANDS := tests/cli tests/e2e/test_train.py tests/training tests/test_*.py
HYDRA_NEXT := 'hydra-core>=1.4.0rc3,<1.5' 'omegaconf>=2.4.1rc1,<2.5'

test-hydra-next: $(INSTALLED)  ## the tests of the commands with the next Hydra, a pre-release
	$(BIN)/python -m venv --clear $(NEXT)
	$(BIN)/python -c "import sysconfig; print('$(CURDIR)/src', sysconfig.get_path('purelib'), sep='\n')" \
		> "$$($(NEXT)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/main.pth"
	$(NEXT)/bin/pip install --quiet --pre --no-deps $(HYDRA_NEXT)
	OMP_NUM_THREADS=1 $(NEXT)/bin/python -m pytest -n auto $(COMMANDS) $(ARGS)

test-aa: $(INSTALLED)  ## how often the report calls two groups of one arm different: at most 5 %
	OMP_NUM_THREADS=1 $(BIN)/python scripts/false_alarms.py $(ARGS)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/basedpyright

check: lint types test  ## what CI runs: ruff, types, tests

# airbench, and fastai with what it needs beside what is installed, where only this benchmark sees them.
PEERS := .venv-peers
PEERS_NEED := airbench==0.1.8 fastai==2.8.12 fastcore==2.2.41 fastprogress==1.1.6 fastdownload==0.0.8 fasttransform==0.0.5 \
	plum-dispatch==2.9.0 beartype==0.23.1 python-fasthtml==0.14.14 itsdangerous==2.2.0 starlette==1.10.0 \
	python-multipart==0.0.34

bench: $(INSTALLED)  ## cnnlab beside a bare loop, plain PyTorch, Lightning, fastai; writes docs/benchmarks.md
	-test -d $(PEERS) || $(BIN)/pip install --quiet --no-deps --target $(PEERS) $(PEERS_NEED)
	PYTHONPATH=$(CURDIR)/$(PEERS) $(BIN)/python scripts/benchmark.py $(ARGS)

# Hydra's joblib launcher, where only this benchmark sees it.
JOBLIB := .venv-joblib

bench-sweep: $(INSTALLED)  ## 12 runs with cnnlab's launcher and with Hydra's, side by side
	test -d $(JOBLIB) || $(BIN)/pip install --quiet --no-deps --target $(JOBLIB) hydra-joblib-launcher
	PYTHONPATH=$(CURDIR)/$(JOBLIB) $(BIN)/python scripts/bench_sweep.py $(ARGS)

# Two other tools, where only this benchmark sees them.
OTHERS := .venv-others

diagnosis-bench: $(INSTALLED)  ## how often the diagnosis is right, on known faults; writes docs/diagnosis.md
	test -d $(OTHERS) || $(BIN)/pip install --quiet --no-deps --target $(OTHERS) torchmortem==0.1.1 torch-audit==0.3.0
	OMP_NUM_THREADS=1 PYTHONPATH=$(CURDIR)/$(OTHERS) $(BIN)/python scripts/diagnosis_bench.py $(ARGS)

fuzz: $(INSTALLED)  ## 2,000 command lines, YAML files and pictures at random, which the fast tests do with 200
	CNNLAB_FUZZ=2000 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --timeout 3000 tests/e2e/test_fuzz.py $(ARGS)

reliability: $(INSTALLED)  ## kill runs at random moments, resume and compare them; writes docs/reliability.md
	OMP_NUM_THREADS=1 $(BIN)/python scripts/reliability.py $(ARGS)

zoo: $(INSTALLED)  ## check cnnlab against second methods on networks of torchvision and timm; writes docs/zoo.md
	OMP_NUM_THREADS=1 $(BIN)/python scripts/zoo.py $(ARGS)

proof: $(INSTALLED)  ## slow: trains on real MNIST and CIFAR-10 (CNNLAB_DATA=folder)
	OMP_NUM_THREADS=2 $(BIN)/python -m pytest -m slow $(ARGS)

claims: $(INSTALLED)  ## run and judge every claim, resumable; make claims ARGS="--help"
	OMP_NUM_THREADS=1 $(BIN)/python scripts/claims.py $(ARGS)

pictures: $(INSTALLED)  ## draw every picture of the README, by the command beside it; needs chromium
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[browser]'
	$(BIN)/python -m pytest -m browser $(ARGS)

SLURM_DAEMONS := slurmctld slurmd munged
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

test-slurm: $(INSTALLED)  ## sweeps on a real Slurm, two virtual nodes on this machine (Debian, Ubuntu)
	PATH=$$PATH:/usr/sbin; which $(SLURM_DAEMONS) > /dev/null || { $(SUDO) apt-get update && \
		$(SUDO) apt-get install --yes --no-install-recommends slurm-wlm munge; }
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[slurm]'
	PATH=$$PATH:/usr/sbin $(BIN)/python -m pytest -m cluster tests/e2e/test_slurm.py $(ARGS)

test-ray: $(INSTALLED)  ## sweeps on a real Ray cluster of two processes on this machine
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[ray]'
	$(BIN)/python -m pytest -m cluster tests/e2e/test_ray.py $(ARGS)

notebook: $(INSTALLED)  ## run docs/tour.ipynb and keep what it prints
	cd docs && OMP_NUM_THREADS=2 ../$(BIN)/jupyter execute --inplace tour.ipynb

clean:
	rm -rf $(VENV) $(NEXT) $(JOBLIB) $(OTHERS) $(PEERS) dist
