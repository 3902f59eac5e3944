"""Recurrent operators spelt out: a Scan of steps that round what a GPU's kernel stores in the low format.

ONNX Runtime's LSTM, GRU and RNN keep their state in FP32 between steps, a GPU's in the format of the network, so
that rounding the inputs and outputs alone shows an error that is several times too small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import onnx
from onnx import TensorProto, helper

from trtflow.emulation.activations import activations
from trtflow.emulation.cells import GATES, STEPS, Cell, Point
from trtflow.emulation.chained import chained
from trtflow.emulation.writer import Writer
from trtflow.model.edit import FreshNames
from trtflow.model.scopes import STANDARD_DOMAINS
from trtflow.precision import FP16, FP32, Accumulation, Precision

RoundedAs = Literal["tensor", "unit"]

FUSED: frozenset[Point] = frozenset({"input", "state"})
"""Of a kernel that computes a step in FP32: PyTorch's cuDNN, to the bit in 98 % and more of a first step."""

STORED: frozenset[Point] = frozenset({"input", "hidden", "gates", "activations", "cell", "state"})
"""Of kernels that compute in FP32 and store every tensor of a step."""

ARITHMETIC: frozenset[Point] = frozenset(
    {"input", "hidden", "adds", "squash", "activations", "products", "cell", "state"}
)
"""Of a kernel that computes a step in the low format: ONNX Runtime's cuDNN, which sums products in it as well."""

FIRST_SCAN = 9
"""The opset of the Scan that this module writes."""


def rounded_at(rounding: RoundedAs, precision: Precision, accumulation: Accumulation = FP32) -> frozenset[Point]:
    """Where a step in ``precision`` is rounded: ``unit`` is the least that a GPU does, ``tensor`` the most.

    Arithmetic in the low format was found in FP16 alone; in BF16 ``tensor`` rounds what a kernel may store.
    """
    points = FUSED
    if rounding == "tensor":
        points = ARITHMETIC if precision == FP16 else STORED
    return points | {"sums"} if precision == accumulation else points


def can_spell_out(node: onnx.NodeProto, version: int) -> bool:
    """Whether ``node`` is a recurrent operator that ``spelt_out`` takes in opset ``version``."""
    recurrent = node.op_type in GATES and node.domain in STANDARD_DOMAINS and version >= FIRST_SCAN
    return recurrent and activations(node, 2) is not None


def spelt_out(
    node: onnx.NodeProto, precision: Precision, points: frozenset[Point], version: int, fresh: FreshNames
) -> list[onnx.NodeProto]:
    """Nodes that compute what ``node``, which ``can_spell_out``, computes, rounded to ``precision`` at ``points``.

    They read and write the tensors of ``node``, all in FP32.
    """
    write = Writer(node.name, version, fresh)
    operator = _Operator.of(node, precision, points)
    x = write("Transpose", operator.input(0), perm=[1, 0, 2]) if operator.batch_first else operator.input(0)
    made = [_direction(write, operator, x, index) for index in range(operator.directions)]
    for slot, (name, parts) in enumerate(zip(node.output, zip(*made, strict=True), strict=False)):
        if name:
            _stack(write, operator, slot, parts, name)
    return write.nodes


@dataclass(frozen=True)
class _Operator:
    """A recurrent node, as its attributes say."""

    node: onnx.NodeProto
    attributes: Mapping[str, Any]
    precision: Precision
    points: frozenset[Point]

    @staticmethod
    def of(node: onnx.NodeProto, precision: Precision, points: frozenset[Point]) -> _Operator:
        return _Operator(node, {a.name: helper.get_attribute_value(a) for a in node.attribute}, precision, points)

    def input(self, index: int) -> str:
        return self.node.input[index] if index < len(self.node.input) else ""

    @property
    def states(self) -> tuple[int, ...]:
        """The inputs that hold the states before the first step."""
        return (5, 6) if self.node.op_type == "LSTM" else (5,)

    @property
    def direction(self) -> str:
        return str(self.attributes.get("direction", b"forward").decode())

    @property
    def directions(self) -> int:
        return 2 if self.direction == "bidirectional" else 1

    @property
    def batch_first(self) -> bool:
        return bool(self.attributes.get("layout", 0))

    @property
    def hidden(self) -> int:
        return int(self.attributes["hidden_size"])

    def cell(self, write: Writer, index: int, biases: Sequence[str], reset_bias: str) -> Cell:
        every = activations(self.node, self.directions) or ()
        each = len(every) // self.directions
        return Cell(
            hidden=self.hidden,
            precision=self.precision,
            points=self.points,
            activations=every[index * each : (index + 1) * each],
            clip=self.attributes.get("clip"),
            recurrence=write("Transpose", write.element(self.input(2), index, 0), perm=[1, 0]),
            biases=biases,
            reset_bias=reset_bias,
            peepholes=write.element(self.input(7), index, 0) if self.input(7) else "",
            linear_before_reset=bool(self.attributes.get("linear_before_reset", 0)),
            input_forget=bool(self.attributes.get("input_forget", 0)),
        )


def _direction(write: Writer, operator: _Operator, x: str, index: int) -> list[str]:
    """Y [steps, batch, hidden] and the last states [batch, hidden] of one direction."""
    given, biases, reset_bias = _projected(write, operator, x, index)
    cell = operator.cell(write, index, biases, reset_bias)
    states = [_initial(write, operator, x, index, slot) for slot in operator.states]
    backwards = index == 1 or operator.direction == "reverse"
    lengths = ""
    if operator.input(4):
        lengths = write("Reshape", write("Cast", operator.input(4), to=TensorProto.INT64), write.ints(-1, 1))
        states.append(_first_step(write, x, backwards))
    ends = [write.name() for _ in states]
    y = write.name()
    write.several(
        "Scan",
        [*states, given],
        [*ends, y],
        body=_body(write.inner(), operator, cell, lengths, -1 if backwards else 1),
        num_scan_inputs=1,
        scan_input_directions=[int(backwards)],
        scan_output_directions=[int(backwards)],
    )
    return [y, *ends[: len(operator.states)]]


def _body(write: Writer, operator: _Operator, cell: Cell, lengths: str, towards: int) -> onnx.GraphProto:
    """A step: the states, the number of the step where there are ``lengths``, and x·W + b, to states and Y."""
    states = [write.name() for _ in operator.states]
    x, step = write.name(), write.name()
    made = list(STEPS[operator.node.op_type](write, cell, x, *states))
    y = made[0]
    if lengths:
        inside = write("Less", step, lengths)
        y = write("Where", inside, y, write.number(0))
        made = [write("Where", inside, new, old) for new, old in zip(made, states, strict=True)]
    counter = [write("Add", step, write.ints(towards))] if lengths else []
    floats = partial(helper.make_tensor_value_info, elem_type=TensorProto.FLOAT, shape=[None, operator.hidden])
    steps = partial(helper.make_tensor_value_info, elem_type=TensorProto.INT64, shape=[1])
    x_info = floats(x, shape=[None, GATES[operator.node.op_type] * operator.hidden])
    inputs = [*map(floats, states), *map(steps, [step] if lengths else []), x_info]
    outputs = [*map(floats, made), *map(steps, counter), floats(write("Identity", y))]
    return helper.make_graph(write.nodes, "step", inputs, outputs)


def _first_step(write: Writer, x: str, backwards: bool) -> str:
    """The number [1] of the step that comes first."""
    if not backwards:
        return write.ints(0)
    return write("Sub", write("Gather", write("Shape", x), write.ints(0)), write.ints(1))


def _stack(write: Writer, operator: _Operator, slot: int, parts: Sequence[str], target: str) -> None:
    """Put the directions' ``parts`` of an output side by side."""
    axis = 0
    if slot == 0 and operator.batch_first:
        parts = [write("Transpose", part, perm=[1, 0, 2]) for part in parts]
    if slot == 0:
        axis = 2 if operator.batch_first else 1
    elif operator.batch_first:
        axis = 1
    write("Concat", *(write.unsqueeze(part, axis) for part in parts), axis=axis, into=target)


def _projected(write: Writer, operator: _Operator, x: str, index: int) -> tuple[str, Sequence[str], str]:
    """x·W of all steps [steps, batch, gates · hidden] with the biases that come first, those that come after h·R, and
    the one that waits for the reset gate.
    """
    weight = write("Transpose", write.element(operator.input(1), index, 0), perm=[1, 0])
    if "sums" in operator.points:
        made = chained(write, x, weight, 3, operator.precision)
    else:
        made = write("MatMul", x, weight)
        made = write.rounded(made, operator.precision) if "input" in operator.points else made
    if not operator.input(3):
        return made, (), ""
    size = GATES[operator.node.op_type] * operator.hidden
    biases = write.split(write.element(operator.input(3), index, 0), 0, size, size)
    if operator.node.op_type == "GRU":
        return _gru_biased(write, operator, made, biases)
    return (made, biases, "") if "adds" in operator.points else (_added(write, operator, made, *biases), (), "")


def _gru_biased(
    write: Writer, operator: _Operator, made: str, biases: Sequence[str]
) -> tuple[str, Sequence[str], str]:
    """As ``_projected``: a candidate's biases never come after h·R, but the second may wait for the reset gate."""
    sizes = 2 * operator.hidden, operator.hidden
    (own, own_h), (recurrent, recurrent_h) = (write.split(bias, 0, *sizes) for bias in biases)
    waits = bool(operator.attributes.get("linear_before_reset", 0))
    of_zr, of_h = write.split(made, -1, *sizes)
    of_h = _added(write, operator, of_h, own_h, *([] if waits else [recurrent_h]))
    late = (own, recurrent) if "adds" in operator.points else ()
    if not late:
        of_zr = _added(write, operator, of_zr, own, recurrent)
    return write("Concat", of_zr, of_h, axis=2), late, recurrent_h if waits else ""


def _added(write: Writer, operator: _Operator, total: str, *biases: str) -> str:
    """``total`` and the ``biases``."""
    for bias in biases:
        total = write("Add", total, bias)
        total = write.rounded(total, operator.precision) if "adds" in operator.points else total
    return total


def _initial(write: Writer, operator: _Operator, x: str, index: int, slot: int) -> str:
    """The state [batch, hidden] before the first step."""
    if operator.input(slot):
        return write.element(operator.input(slot), index, 1 if operator.batch_first else 0)
    batch = write("Gather", write("Shape", x), write.ints(1))
    return write("ConstantOfShape", write("Concat", batch, write.ints(operator.hidden), axis=0))
