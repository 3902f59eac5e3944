"""A probe: a one-operator model, what numpy makes of its input by IEEE 754, and what PyTorch computes instead.

Needs numpy and onnx alone, so that it runs beside whatever ONNX Runtime or PyTorch a machine has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]
VALUES = {"NaN": np.nan, "+inf": np.inf, "-inf": -np.inf, "-0.0": -0.0}
TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}


def floats(values: Any) -> Array:
    return np.asarray(values, np.float32)


def integers(values: Any) -> Array:
    return np.asarray(values, np.int64)


@dataclass(frozen=True)
class Probe:
    """``nodes`` read ``x`` of ``shape`` and make ``y``; ``torch`` takes the module and a tensor."""

    operator: str
    setting: str
    shape: tuple[int, ...]
    nodes: tuple[onnx.NodeProto, ...]
    expected: Callable[[Array], Array]
    torch: Callable[[Any, Any], Any] | None = None
    weights: Mapping[str, Array] = field(default_factory=dict)
    places: tuple[int, ...] = ()
    integer: bool = False

    def inputs(self, value: str) -> list[Array]:
        """The background with ``value`` at the first, the middle and the last place, one array each."""
        rng = np.random.default_rng(int(np.prod(self.shape)))
        x = rng.uniform(0.2, 2, self.shape) * rng.choice((-1, 1), self.shape)
        if value == "-0.0":  # so that a zero is what a selection selects
            x = np.abs(x) if "Min" in self.operator else -np.abs(x)
        places = self.places or (0, x.size // 2, x.size - 1)
        made = [x.astype(np.float16).astype(np.float32) for _ in dict.fromkeys(places)]
        for array, place in zip(made, dict.fromkeys(places), strict=True):
            array.flat[place] = VALUES[value]
        return made


def probe(
    nodes: str,
    setting: str,
    shape: tuple[int, ...],
    expected: Callable[[Array], Array],
    torch: Callable[[Any, Any], Any] | None = None,
    weights: Mapping[str, Any] | None = None,
    places: tuple[int, ...] = (),
    integer: bool = False,
    **attributes: Any,
) -> Probe:
    """A probe of ``nodes``, written "Conv x w -> h; Relu h -> y"; attributes go to the first node."""
    made: list[onnx.NodeProto] = []
    for text in nodes.split(";"):
        left, right = text.split("->")
        kind, *given = left.split()
        given = ["" if name == "-" else name for name in given]
        outputs = ["" if name == "-" else name for name in right.split()]
        name = f"{kind}{len(made)}"
        made.append(helper.make_node(kind, given, outputs, name, **({} if made else attributes)))
    operator = "+".join(node.op_type for node in made)
    arrays = {name: np.asarray(value) for name, value in (weights or {}).items()}
    return Probe(operator, setting, shape, tuple(made), expected, torch, arrays, places, integer)


def model_of(probe: Probe, dtype: str) -> onnx.ModelProto:
    """The probe in ``dtype`` ("float32" or "float16"), inputs and output included."""
    arrays = {name: w.astype(dtype) if w.dtype.kind == "f" else w for name, w in probe.weights.items()}
    output = TensorProto.INT64 if probe.integer else TYPES[dtype]
    graph = helper.make_graph(
        probe.nodes,
        "probe",
        [helper.make_tensor_value_info("x", TYPES[dtype], probe.shape)],
        [helper.make_tensor_value_info("y", output, None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


FAULTS = ("lost", "spread", "value", "sign")


def faults(expected: Array, found: Array) -> set[str]:
    """How ``found`` departs.

    lost     a NaN was expected and something else came
    spread   a NaN came where none was expected
    value    another infinity or number
    sign     the other zero
    """
    expected, found = np.broadcast_arrays(np.asarray(expected, np.float64), np.asarray(found, np.float64))
    wanted, got = np.isnan(expected), np.isnan(found)
    both = ~wanted & ~got
    with np.errstate(invalid="ignore"):
        near = np.isclose(expected, found, rtol=2e-2, atol=2e-2)
    zeros = both & (expected == 0) & (found == 0)
    seen = {
        "lost": wanted & ~got,
        "spread": got & ~wanted,
        "value": both & ~near,
        "sign": zeros & (np.signbit(expected) != np.signbit(found)),
    }
    return {name for name, mask in seen.items() if mask.any()}
