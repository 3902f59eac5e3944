"""trtflow on one task of the INT8 benchmark: calibration, cures, the two searches, the engine."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import onnx
from int8_task import Task
from trtflow.tasks.samples import shapes_of

from trtflow.calibration.calibrate import Calibration, Choice, calibrate
from trtflow.calibration.cure import cure
from trtflow.data import evenly
from trtflow.errors import TrtflowError
from trtflow.model.analysis import analyse
from trtflow.model.cost import costs
from trtflow.model.load import save
from trtflow.plan import PrecisionPlan
from trtflow.qdq.placement import LINEAR, site_units, suspicions
from trtflow.qdq.quantize import quantizable
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.backend import shape_ranges
from trtflow.runners.evaluate import Evaluator, Measurement
from trtflow.runners.oracle import EmulatedOracle
from trtflow.runners.quantized import QuantizedOracle, QuantizedRunner, Ranges
from trtflow.runners.registry import find_backend
from trtflow.runners.tensorrt import build_engine
from trtflow.search.joint import joint
from trtflow.search.ledger import Budget
from trtflow.search.run import search
from trtflow.tasks.search_problem import build_problem

EVALUATIONS = 128  # of each of the two searches; seconds would make the table hang on the machine


class Ours:
    """What trtflow makes of a task's model, and measures of what others make of it."""

    def __init__(self, task: Task, model: onnx.ModelProto, evaluator: Evaluator) -> None:
        self.task, self.model, self.evaluator = task, model, evaluator
        self.sites = quantizable(model)
        self.shapes = shapes_of(task.evaluation[0])
        ops = {node.name: node.op_type for node in model.graph.node}
        macs = {name: cost.macs for name, cost in costs(model, self.shapes).items()}
        total = sum(count for name, count in macs.items() if ops.get(name) in LINEAR | {"LSTM", "GRU", "RNN"})
        self.shares = {name: count / total for name, count in macs.items() if ops.get(name) in LINEAR}

    @property
    def everything(self) -> PrecisionPlan:
        """All that can be INT8, the rest in FP32."""
        return PrecisionPlan("fp32").assign([site.node for site in self.sites], "int8")

    def calibrate(self) -> Calibration:
        return calibrate(self.model, self.sites, self.task.calibration, Choice("auto"))

    def cure(self, found: Calibration) -> tuple[Ranges, str]:
        """Change the model where that helps; what was applied."""
        samples = evenly(self.task.calibration, found.samples, 4)
        cured = cure(self.model, found.tensors, self.task.calibration, samples)
        self.model = cured.model
        applied = Counter(cure.kind for cure in cured.cures)
        return cured.ranges, ", ".join(f"{count} x {kind}" for kind, count in applied.items()) or "none helps"

    def measure(self, plan: PrecisionPlan, ranges: Ranges) -> Measurement:
        return self.evaluator.measure(QuantizedRunner(self.model, plan, ranges))

    def share(self, plan: PrecisionPlan) -> float:
        """How much of the multiply-adds is INT8 under ``plan``."""
        nodes = [site.node for site in self.sites if plan.precision(site.node) == "int8"]
        return sum(self.shares.get(node, 0.0) for node in nodes)

    def share_in(self, quantized: onnx.ModelProto) -> float:
        """The same of a peer's model: multiply-adds whose two factors are dequantized."""
        nodes = quantized.graph.node
        integer = {name for node in nodes if node.op_type == "DequantizeLinear" for name in node.output}
        return sum(self.shares.get(node.name, 0.0) for node in nodes if integer.issuperset(node.input[:2]))

    def float_plan(self) -> PrecisionPlan:
        """FP16 but for what must stay FP32."""
        problem = build_problem(self.model, "fp16", "fp32", self.shapes, None)
        oracle = EmulatedOracle(self.model, self.evaluator)
        return search(problem, oracle, budget=Budget(EVALUATIONS)).plan

    def mixed(self, base: PrecisionPlan, ranges: Ranges) -> PrecisionPlan:
        """What can be INT8 on top of ``base``."""
        found = joint(base, site_units(analyse(self.model), self.sites), self.shares, priors=suspicions(self.sites))
        oracle = QuantizedOracle(ranges, self.model, self.evaluator)
        result = search(found.problem, found.oracle(oracle), budget=Budget(EVALUATIONS))
        return found.plan(result.plan)

    def counts(self, plan: PrecisionPlan) -> str:
        """How many nodes have which precision."""
        found = Counter(plan.precision(node.name) for node in analyse(self.model).candidates)
        return ", ".join(f"{count} {precision}" for precision, count in sorted(found.items()))

    def build(self, plan: PrecisionPlan, ranges: Ranges) -> tuple[bool, str]:
        """Whether TensorRT builds the model that ``plan`` makes, and what came out."""
        backend, why_not = find_backend()
        if backend is None:
            return False, why_not
        quantized = ranges.quantize(self.model, plan)
        shapes = [{name: array.shape for name, array in sample.feed.items()} for sample in self.task.evaluation]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mixed.onnx"
            save(rewrite(quantized.model, quantized.plan).model, file)
            try:
                built = build_engine(backend, file, shape_ranges(shapes), Path(folder) / "engine.plan")
            except TrtflowError as error:
                return False, f"not built: {error}"
        return True, f"{built.backend} {built.version}, {built.bytes / 1e6:.1f} MB, {built.seconds:.1f} s"
