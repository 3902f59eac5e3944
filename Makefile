# Every chore is one command, the same for people and for CI. `make help` lists them.
PYTHON ?= python3
CONFIG ?= configs/unet.yaml
BIN := .venv/bin

.PHONY: help run debug-fp16 debug-int8 examples test test-all test-ratio lint types format tree fetch fetch-ppocr clean
.PHONY: conformance conformance-cli conformance-cli-tenth conformance-cli-sample operators hard-cases bench-search
.PHONY: bench-compare bench-int8 fidelity
.PHONY: bench-calibration bench-engines bench-memory real-networks
.PHONY: bench-recurrent bench-unseen bench-nan bench-optimisers bench-rewrite bench-scaling bench-statistics

help:  ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "%-22s %s\n", $$1, $$2}'

run: .venv/run  ## install, then find and fix what FP16 breaks in the example U-Net
	$(BIN)/trtflow run configs/unet.yaml

debug-fp16: .venv/run  ## the FP16 workflow on CONFIG=configs/unet.yaml
	$(BIN)/trtflow run $(CONFIG) --workflow debug-fp16

debug-int8: .venv/run  ## the INT8 workflow on CONFIG=configs/unet.yaml
	$(BIN)/trtflow run $(CONFIG) --workflow debug-int8

examples: fetch-ppocr  ## every config in configs/
	$(BIN)/trtflow run configs/unet.yaml
	$(BIN)/trtflow run configs/ppocr-det.yaml

test: .venv/dev  ## the fast tests (a few minutes on 2 cores)
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: .venv/dev  ## all tests, the slow ones too
	$(BIN)/python -m pytest -n 2

test-ratio:  ## lines of tests and of sources, room by room
	$(PYTHON) scripts/test_ratio.py

lint: .venv/dev  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev  ## mypy --strict
	$(BIN)/mypy

format: .venv/dev  ## rewrite the sources in ruff's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

tree:  ## the tree of files in CONTRIBUTING.md, from their docstrings
	$(PYTHON) scripts/tree.py

conformance: .venv/dev  ## rewrite ONNX's own backend tests to FP16, BF16 and mixed plans, and check each
	$(BIN)/python benchmarks/conformance.py --build

real-networks: .venv/dev  ## networks that PyPI packages ship through the whole path, each published file checked
	$(BIN)/python benchmarks/real_networks.py

fidelity: .venv/bench  ## emulator against GPU on real networks, where CUDA is (docs/gpu.md); elsewhere STAND_IN=1
	$(BIN)/python benchmarks/fidelity_networks.py
	$(BIN)/python benchmarks/fidelity.py $(if $(STAND_IN),--stand-in)

operators: .venv/dev  ## each ONNX operator in FP32, FP16 and BF16: TensorRT-RTX against trtflow's table
	$(BIN)/python benchmarks/operators.py

conformance-cli: .venv/dev  ## the same models and ../shared/cases through the whole path, in FP16, BF16 and INT8
	$(BIN)/python benchmarks/conformance_cli.py --command 200

conformance-cli-tenth: .venv/dev  ## a tenth of it
	$(BIN)/python benchmarks/conformance_cli.py --share 10 --command 10

conformance-cli-sample: .venv/dev  ## every 40th of the FP16 runs, for CI: a few minutes on 2 cores
	$(BIN)/python benchmarks/conformance_cli.py --low fp16 --share 40 --command 5

hard-cases: .venv/dev  ## what other converters break on, row by row
	$(BIN)/python benchmarks/hard_cases.py

bench-rewrite: .venv/dev  ## rewrite time against the number of nodes
	$(BIN)/python benchmarks/rewrite.py

bench-search: .venv/dev  ## evaluations and kept cost: trtflow and what others do
	$(BIN)/python benchmarks/search.py

bench-nan: .venv/dev  ## NaN, infinities and -0.0 through operators that select, against IEEE 754, and what guards cost
	$(BIN)/python benchmarks/nan_table.py
	$(BIN)/python benchmarks/nan_cost.py

bench-unseen: .venv/dev  ## whether what is accepted holds on samples that nobody has seen
	$(BIN)/python benchmarks/unseen.py

bench-compare: .venv/dev  ## time and memory of comparing all layers, against Polygraphy
	$(BIN)/python benchmarks/compare.py

bench-memory: .venv/dev  ## peak memory of a comparison against its budget, five networks
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/memory_judging.py

bench-scaling: .venv/dev  ## time and memory against nodes, tensor size and samples
	$(BIN)/python benchmarks/scaling.py

bench-statistics: .venv/dev  ## the statistics kernel, against memcpy and Polygraphy
	$(BIN)/python benchmarks/statistics_kernel.py

bench-optimisers: .venv/dev  ## ONNX Runtime's optimisers, and where each changes a result
	$(BIN)/python benchmarks/optimisers.py

bench-int8: .venv/bench  ## INT8 accuracy, against ONNX Runtime and ModelOpt (MODELOPT=a python that has it)
	$(BIN)/python benchmarks/int8.py $(if $(MODELOPT),--modelopt $(MODELOPT))

bench-recurrent: .venv/dev  ## LSTM, GRU and RNN on a GPU against the emulator (GPU=--stand-in without one)
	$(BIN)/python benchmarks/fidelity_recurrent.py $(GPU)

bench-engines: .venv/bench  ## three networks through TensorRT-RTX's parser and builder: names, marks, mixed builds
	$(BIN)/python benchmarks/engines.py

bench-calibration: .venv/bench  ## time and memory of calibration, against ONNX Runtime's calibrators
	$(BIN)/python benchmarks/calibration.py

fetch-ppocr: .venv/dev  ## fetch PP-OCRv4 text detection for configs/ppocr-det.yaml
	$(BIN)/python scripts/networks.py ppocr-det

fetch: .venv/dev  ## fetch the real networks and data of the benchmarks (scripts/networks.py lists them)
	$(BIN)/python scripts/networks.py

clean:  ## remove the environment and what runs left in out/
	rm -rf .venv out

.venv/run: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[rtx]'
	touch $@

.venv/dev: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[rtx,dev]'
	touch .venv/run $@

.venv/bench: .venv/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	touch $@
