"""Dynamic ranges reach the tensors that they name, and what they do not reach is told."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node
from hypothesis import given
from hypothesis import strategies as st

from trtflow.errors import BackendError
from trtflow.trt.capabilities import Capabilities
from trtflow.trt.ranges import Coverage, constant_ranges, cover, float_tensors, require_implicit, set_ranges

NAMES = st.lists(st.text("abc_", min_size=1, max_size=4), unique=True)


@dataclass
class Tensor:
    """One tensor of a network; TensorRT refuses its range where ``refuses``."""

    name: str
    kind: str = "FLOAT"
    is_execution_tensor: bool = True
    refuses: bool = False
    range: tuple[float, float] | None = None

    @property
    def dtype(self) -> Any:
        return SimpleNamespace(name=self.kind)

    def set_dynamic_range(self, low: float, high: float) -> bool:
        self.range = low, high
        return not self.refuses


@dataclass
class Network:
    """Inputs, and layers as the tensors that each gives; ``constants`` are names of those that hold one."""

    inputs: list[Tensor]
    layers: list[list[Tensor | None]] = field(default_factory=list)
    constants: dict[int, str] = field(default_factory=dict)

    @property
    def num_inputs(self) -> int:
        return len(self.inputs)

    @property
    def num_layers(self) -> int:
        return len(self.layers)

    def get_input(self, index: int) -> Tensor:
        return self.inputs[index]

    def get_layer(self, index: int) -> Any:
        outputs = self.layers[index]
        kind = SimpleNamespace(name="CONSTANT" if index in self.constants else "ACTIVATION")
        name = self.constants.get(index, "")
        return SimpleNamespace(name=name, type=kind, num_outputs=len(outputs), get_output=outputs.__getitem__)

    def __iter__(self) -> Iterator[Tensor]:
        yield from self.inputs
        yield from (tensor for layer in self.layers for tensor in layer if tensor is not None)


def able(implicit: bool, version: str = "11.4.0") -> Capabilities:
    return Capabilities("tensorrt", version, True, implicit, implicit, implicit, True, True, True, True)


def test_ranges_are_symmetric_and_on_the_tensors_of_exactly_their_names() -> None:
    network = Network([Tensor("x")], [[Tensor("a"), Tensor("a_1")], [Tensor("y", kind="HALF")]])
    found = set_ranges(network, {"x": 1.5, "a": 2.0, "y": 0.25, "A": 9.0, "a_": 9.0})
    assert {tensor.name: tensor.range for tensor in network} == {
        "x": (-1.5, 1.5),
        "a": (-2.0, 2.0),
        "a_1": None,
        "y": (-0.25, 0.25),
    }
    assert found == Coverage(given=("x", "a", "y"), without=("a_1",), unmatched=("A", "a_"))


def test_an_input_that_the_parser_renamed_is_found_by_its_onnx_name() -> None:
    network = Network([Tensor("__x"), Tensor("__own")])
    found = set_ranges(network, {"x": 1.0, "__own": 2.0})
    assert [tensor.range for tensor in network] == [(-1.0, 1.0), (-2.0, 2.0)]
    assert found == Coverage(("__x", "__own"), (), ())


@pytest.mark.parametrize(
    "tensor",
    [Tensor("t", kind="INT32"), Tensor("t", kind="BOOL"), Tensor("t", is_execution_tensor=False), None],
    ids=["integers", "booleans", "a shape", "an optional output"],
)
def test_only_floats_on_the_device_have_a_range(tensor: Tensor | None) -> None:
    network = Network([Tensor("x")], [[tensor]])
    assert [found.name for found in float_tensors(network)] == ["x"]
    assert set_ranges(network, {"t": 1.0}) == Coverage((), ("x",), ("t",))
    assert tensor is None or tensor.range is None


def test_constants_have_the_range_of_their_values_under_the_networks_name() -> None:
    network = Network([], [[Tensor("w_output")], [Tensor("k_output")], [Tensor("w")]], {0: "w", 1: "k"})
    constants = {"w": np.float32([[-2, 1]]), "k": np.int64([7]), "empty": np.zeros(0, np.float32)}
    assert constant_ranges(network, constants) == {"w_output": 2.0}


@pytest.mark.parametrize("values", [np.zeros(3, np.float32), np.zeros(0, np.float32)], ids=["zero", "empty"])
def test_a_constant_that_is_zero_has_no_range(values: np.ndarray[Any, Any]) -> None:
    assert constant_ranges(Network([], [[Tensor("w_output")]], {0: "w"}), {"w": values}) == {}


def test_a_range_that_tensorrt_refuses_is_an_error() -> None:
    with pytest.raises(BackendError, match="refuses the range ±0 of 'x'; expected a positive finite number"):
        set_ranges(Network([Tensor("x", refuses=True)]), {"x": 0.0})


@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
def test_a_real_parser_has_tensors_that_onnx_lacks_and_they_are_told() -> None:
    import tensorrt_rtx as trt

    nodes = [node("Gemm", "x w b", "h", "gemm"), node("Relu", "h", "y", "relu"), node("Shape", "y", "n", "size")]
    outputs = [info("y", [2, 3]), info("n", [2], onnx.TensorProto.INT64)]
    logger = trt.Logger(trt.Logger.ERROR)
    network = trt.Builder(logger).create_network()
    weights = [f32("w", [[0.5] * 3] * 4), f32("b", [1, 2, 3])]
    parsed = model(nodes, [info("x", [2, 4])], outputs, weights)
    assert trt.OnnxParser(network, logger).parse(parsed.SerializeToString())
    constants = {"w": np.full((4, 3), -0.5, np.float32), "b": np.float32([1, -3, 2]), "dead": np.zeros(2)}
    assert constant_ranges(network, constants) == {"w_output": 0.5, "b_output": 3.0}
    found = cover({"x": 1.0, "h": 1.0, "y": 1.0, "n": 1.0}, [tensor.name for tensor in float_tensors(network)])
    assert found.given == ("x", "h", "y")
    assert {*found.without} == {"w_output", "b_output", "gemm_output", "ONNXTRT_Broadcast_output"}
    assert found.unmatched == ("n",)


def test_coverage_is_told_in_a_sentence() -> None:
    assert Coverage(("a",), (), ()).says == "1 of 1 float tensor have a range"
    assert Coverage(("a",), ("b", "c"), ("d",)).says == (
        "1 of 3 float tensors have a range; TensorRT computes in floats at the rest (b, c); 1 range of no tensor (d)"
    )


@given(NAMES, NAMES)
def test_every_tensor_is_covered_or_told_and_every_range_used_or_told(ranges: list[str], tensors: list[str]) -> None:
    found = cover(ranges, tensors)
    assert sorted(found.given + found.without) == sorted(tensors)
    assert set(ranges) - set(found.unmatched) == {n if n in ranges else n.removeprefix("__") for n in found.given}


def test_implicit_int8_is_refused_where_it_ended_with_what_to_do_instead() -> None:
    require_implicit(able(True, "10.16.1"), "calibrators")
    with pytest.raises(BackendError) as refused:
        require_implicit(able(False), "calibrators")
    assert "TensorRT 11.4.0 takes no calibrators" in str(refused.value)
    assert "Q/DQ pairs" in str(refused.value)
