"""The sides of a comparison that are read inside: each can be started with some of its tensors handed out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from trtflow.data import Sample
from trtflow.emulation.emulate import Rounding
from trtflow.errors import BackendError
from trtflow.model.edit import clone, fresh_names
from trtflow.model.scopes import scopes
from trtflow.model.types import infer
from trtflow.plan import PrecisionPlan
from trtflow.precision import FLOAT_TYPES, FP32, ROWS, Accumulation
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.backend import Runner
from trtflow.runners.batches import batch_tensors, sizes_of
from trtflow.runners.quantized import Ranges, emulate
from trtflow.runners.reference import ReferenceRunner
from trtflow.runners.registry import EMULATED, Execute

REFERENCE = "onnxruntime"
_ONE_A_PROCESS = frozenset({"tensorrt", "tensorrt-rtx"})


class Side(Protocol):
    """What computes a network, and its tensors inside by the names of the ONNX file."""

    @property
    def observed(self) -> bool:
        """Whether reading tensors may change what it computes, as marks do on an engine."""
        ...

    def batches(self, tensors: Sequence[str]) -> Sequence[Sequence[str]]:
        """Those of ``tensors`` that can be read, in batches that can be read at a time, in their order."""
        ...

    def start(self, tensors: Sequence[str]) -> Runner:
        """What computes the outputs, and one batch of ``tensors`` beside them, in FP32."""
        ...


@dataclass(frozen=True)
class GraphSide:
    """What executes ONNX graphs, so that a tensor is read as a further output of ``model``, as it is typed.

    Behind a low tensor stands a Cast to FP32: what writes it stays as low as it is in ``model``. ``sizes``: bytes of
    the tensors that may be read; ``memory``: bytes that a batch may take.
    """

    model: ModelProto
    execute: Execute
    sizes: Mapping[str, int]
    memory: int
    observed: bool = False

    def batches(self, tensors: Sequence[str]) -> Sequence[Sequence[str]]:
        """Of what the graph still holds as a float, batches within the memory."""
        types = _float_types(self.model)
        return batch_tensors({name: self.sizes[name] for name in tensors if name in types}, self.memory)

    def start(self, tensors: Sequence[str]) -> Runner:
        """The graph with ``tensors`` handed out."""
        model, names = handed_out(self.model, tensors)
        return _Renamed(self.execute(model), names)


def handed_out(model: ModelProto, tensors: Sequence[str]) -> tuple[ModelProto, dict[str, str]]:
    """A copy of ``model`` that returns ``tensors`` in FP32, and the names of outputs that stand for low ones."""
    types, fresh, marked = _float_types(model), fresh_names(model), clone(model)
    present, names = {value.name for value in model.graph.output}, dict[str, str]()
    for tensor in tensors:
        if tensor in present:
            continue
        if types[tensor] == ROWS[FP32].onnx_type:
            marked.graph.output.append(ValueInfoProto(name=tensor))
            continue
        output = fresh(tensor, "cast")
        names[output] = tensor
        marked.graph.node.append(helper.make_node("Cast", [tensor], [output], output, to=TensorProto.FLOAT))
        marked.graph.output.append(ValueInfoProto(name=output))
    inferred = infer(marked).of
    main = scopes(marked)[0]
    for value in marked.graph.output:
        if not value.HasField("type"):
            shape = inferred(main, value.name).shape
            value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, shape))
    return marked, names


def _float_types(model: ModelProto) -> dict[str, int]:
    """Float tensors that nodes of the main graph write → element type."""
    types, main = infer(model), scopes(model)[0]
    found = {name: types.of(main, name).elem for node in model.graph.node for name in node.output if name}
    return {name: elem for name, elem in found.items() if elem in FLOAT_TYPES}


@dataclass
class _Renamed:
    """``runner`` with some outputs under other names."""

    runner: Runner
    names: Mapping[str, str]
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.runner.name

    def __enter__(self) -> _Renamed:
        self.runner.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self.runner.__exit__(*raised)

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        return {self.names.get(name, name): array for name, array in self.runner(feed).items()}


def side_maker(
    model: ModelProto,
    runners: Sequence[str],
    samples: Sequence[Sample],
    tensors: Sequence[str],
    memory: int,
    execute_on: Callable[[str], Execute],
    log: Callable[[str], None] = lambda _: None,
    accumulation: Accumulation = FP32,
) -> Callable[[str, PrecisionPlan, Ranges, Rounding], Side]:
    """What makes the side of ``model`` on a runner, all of ``runners``, under a plan.

    ``execute_on`` gives what executes typed models on an engine. ``samples`` size the tensors; ``memory``: bytes of
    ``tensors`` in a batch, of all sides together. ``log`` is told what no engine can have as the plan has it.
    ``accumulation``: what the emulator adds products in FP16 up in.

    Raises:
        BackendError: two runners cannot be in one process.
    """
    if {*runners} >= _ONE_A_PROCESS:
        raise BackendError("tensorrt and tensorrt-rtx cannot be in one process: compare each in a step of its own.")
    sizes = sizes_of(model, tensors, samples[0].feed) if samples else {}
    share = memory // max(len(runners), 1)

    def make(runner: str, plan: PrecisionPlan, ranges: Ranges, rounding: Rounding) -> Side:
        if runner == EMULATED:
            return GraphSide(emulate(model, plan, ranges, rounding, accumulation), ReferenceRunner, sizes, share)
        if runner == REFERENCE:
            _require_fp32(plan)
            return GraphSide(model, ReferenceRunner, sizes, share)
        quantized = ranges.quantize(model, plan)
        typed = rewrite(quantized.model, quantized.plan)
        for node, why in {**quantized.skipped, **typed.promoted}.items():
            log(f"{runner}: {node} stays in higher precision than asked: {why}")
        return GraphSide(typed.model, execute_on(runner), sizes, share, observed=True)

    return make


def _require_fp32(plan: PrecisionPlan) -> None:
    low = {plan.default, *plan.nodes.values()} - {FP32}
    if low:
        raise BackendError(
            f"onnxruntime executes {', '.join(sorted(low))} in FP32 on a CPU and so hides what it breaks; expected "
            f"a plan of {FP32} alone. `runner: {EMULATED}` rounds, an engine computes."
        )
