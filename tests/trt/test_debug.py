"""Debug tensors of any float type come to the host as FP32, under the names of the ONNX file."""

from __future__ import annotations

import ctypes
import importlib.util
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.errors import BackendError
from trtflow.trt.debug import DebugTensors, debug_listener, onnx_names
from trtflow.trt.inspector import EngineLayer, EngineTensor

HOST, DEVICE = SimpleNamespace(name="HOST"), SimpleNamespace(name="DEVICE")


class Binding:
    """A module with a listener that must be initialised, as the real ones."""

    class IDebugListener:
        def __init__(self) -> None:
            self.started = True


def host_memory(address: int, size: int, on_host: bool, stream: int) -> bytes:
    assert (on_host, stream) == (False, 7)
    return ctypes.string_at(address, size)


def told(listener: Any, name: str, kind: str, array: Any, location: Any = DEVICE) -> None:
    """What TensorRT does for each tensor, positionally."""
    listener.process_debug_tensor(array.ctypes.data, location, SimpleNamespace(name=kind), array.shape, name, 7)


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("FLOAT", np.float32),
        ("HALF", np.float16),
        ("BF16", ml_dtypes.bfloat16),
        ("FP8", ml_dtypes.float8_e4m3fn),
    ],
)
def test_every_float_comes_as_fp32(kind: str, dtype: Any) -> None:
    listener = debug_listener(Binding, host_memory)
    values = np.array([[1.0, -2.5, 0.0], [240.0, 0.015625, -0.5]], dtype)
    told(listener, "t", kind, values)
    found = listener.take()["t"]
    assert (found.dtype, found.tolist()) == (np.float32, values.astype(np.float32).tolist())


@given(st.integers(0, 0xFFFF))
def test_bf16_is_the_upper_half_of_fp32_bit_for_bit(bits: int) -> None:
    listener = debug_listener(Binding, host_memory)
    told(listener, "t", "BF16", np.array([bits], np.uint16))
    (found,) = listener.take()["t"]
    expected = np.array([bits << 16], np.uint32).view(np.float32)[0]
    assert np.isnan(found) if np.isnan(expected) else found == expected


def test_no_elements_and_no_dimensions_are_shapes_too() -> None:
    listener = debug_listener(Binding, host_memory)
    told(listener, "none", "FLOAT", np.zeros((0, 3), np.float32))
    told(listener, "scalar", "HALF", np.array(2.0, np.float16))
    found = listener.take()
    assert (found["none"].shape, found["scalar"].shape, float(found["scalar"])) == ((0, 3), (), 2.0)


@pytest.mark.parametrize("kind", ["INT32", "INT8", "BOOL", "FP4", "E8M0"])
def test_what_holds_no_values_of_the_network_is_told_and_not_read(kind: str) -> None:
    listener = debug_listener(Binding, host_memory)
    told(listener, "t", kind, np.zeros(1, np.int32))
    assert (listener.take(), listener.unread) == ({}, {"t": kind})


def test_what_was_taken_is_forgotten() -> None:
    listener = debug_listener(Binding, host_memory)
    told(listener, "t", "FLOAT", np.ones(1, np.float32))
    assert [*listener.take()] == ["t"]
    assert listener.take() == {}


def test_a_tensor_of_the_host_is_copied_as_such() -> None:
    seen: list[bool] = []

    def copy(address: int, size: int, on_host: bool, stream: int) -> bytes:
        seen.append(on_host)
        return ctypes.string_at(address, size)

    told(debug_listener(Binding, copy), "t", "FLOAT", np.ones(1, np.float32), HOST)
    assert seen == [True]


def test_a_copy_that_fails_is_an_error_after_the_run_and_not_within_it() -> None:
    def broken(*_: Any) -> bytes:
        raise RuntimeError("illegal memory access")

    listener = debug_listener(Binding, broken)
    told(listener, "t", "FLOAT", np.ones(1, np.float32))
    with pytest.raises(BackendError, match=r"illegal memory access.*`capture: outputs`"):
        listener.take()
    assert listener.take() == {}


@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
def test_the_real_bindings_take_the_listener_for_one_of_theirs() -> None:
    import tensorrt_rtx as trt

    listener = debug_listener(trt, host_memory)
    assert isinstance(listener, trt.IDebugListener)
    assert isinstance(listener, DebugTensors)
    values = np.array([1.5, -3.0], ml_dtypes.bfloat16)
    arguments = (values.ctypes.data, trt.TensorLocation.DEVICE, trt.DataType.BF16, trt.Dims([2]), "t", 7)
    listener.process_debug_tensor(*arguments)
    assert listener.take()["t"].tolist() == [1.5, -3.0]


def layer(nodes: str, inputs: str, outputs: str, kind: str = "kgen") -> EngineLayer:
    tensors = (tuple(EngineTensor(name, "fp16", (1,)) for name in names.split()) for names in (inputs, outputs))
    return EngineLayer(nodes, kind, *tensors, tuple(nodes.split()))


WRITTEN = {"conv": ["c"], "relu": ["r"], "gemm": ["g"], "split": ["s0", "s1"], "add": ["y"]}
READ = {"conv": ["x"], "relu": ["c"], "gemm": ["r"], "split": ["g"], "add": ["s0", "s1"]}


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ([layer("conv relu", "x", "__myl_1")], {"__myl_1": "r"}),
        ([layer("conv", "x", "c"), layer("relu", "c", "r")], {"c": "c", "r": "r"}),
        ([layer("gemm", "r", "__mm"), layer("gemm", "__mm", "__bias")], {"__bias": "g"}),
        ([layer("gemm split", "r", "__0 __1")], {}),
        ([layer("split", "g", "s0 s1")], {"s0": "s0", "s1": "s1"}),
        ([layer("split add", "g", "out")], {"out": "y"}),
        ([layer("conv relu", "x", "__myl", kind="Reformat")], {}),
        ([layer("conv", "x", "__a"), layer("conv", "x", "__b")], {}),
        ([layer("conv", "x", "__a"), layer("conv", "x", "c")], {"c": "c"}),
        ([layer("stranger", "x", "__a")], {}),
        ([], {}),
    ],
    ids=[
        "fused",
        "kept",
        "a node in two layers",
        "two ways out",
        "several outputs",
        "an output of the network",
        "a copy",
        "two claims",
        "two claims, one by name",
        "no node of the file",
        "nothing",
    ],
)
def test_names_of_the_engine_lead_back_to_the_file_where_that_is_sure(
    layers: list[EngineLayer], names: dict[str, str]
) -> None:
    assert onnx_names(layers, WRITTEN, READ) == names
