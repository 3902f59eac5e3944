"""Inputs and outputs of types that numpy lacks are fed and read as FP32, by every session."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto

from trtflow.model.numpy_types import in_numpy_types
from trtflow.model.session import create_session

KINDS = {
    TensorProto.BFLOAT16: ml_dtypes.bfloat16,
    TensorProto.FLOAT8E4M3FN: ml_dtypes.float8_e4m3fn,
    TensorProto.FLOAT8E5M2: ml_dtypes.float8_e5m2,
}
X = np.array([1.0, -0.3, 3.1, 200.0], np.float32)


def doubled(elem: int) -> onnx.ModelProto:
    """y = 2x and z = x, between ends of ``elem``."""
    nodes = [
        node("Cast", "x", "f", to=TensorProto.FLOAT),
        node("Mul", "f two", "d"),
        node("Cast", "d", "y", to=elem),
    ]
    return model(nodes, [info("x", [4], elem)], [info("y", [4], elem), info("x", [4], elem)], [f32("two", 2)], 19)


@pytest.mark.parametrize("elem", KINDS)
def test_a_session_takes_and_returns_the_same_numbers_in_fp32(elem: int) -> None:
    exact = X.astype(KINDS[elem]).astype(np.float32)
    doubles, again = create_session(doubled(elem)).run(None, {"x": exact})
    assert doubles.dtype == again.dtype == np.float32
    np.testing.assert_array_equal(again, exact)
    np.testing.assert_array_equal(doubles, (2 * exact).astype(KINDS[elem]).astype(np.float32))


def test_what_is_fed_and_returned_is_rounded_as_the_file_says() -> None:
    (rounded, *_) = create_session(doubled(TensorProto.BFLOAT16)).run(None, {"x": X})
    np.testing.assert_array_equal(rounded, (2 * X.astype(ml_dtypes.bfloat16).astype(np.float32)))
    assert (rounded != 2 * X).any()


def test_a_model_in_numpys_types_is_not_copied() -> None:
    net = doubled(TensorProto.FLOAT16)
    assert in_numpy_types(net) is net


def test_the_model_itself_is_left_alone() -> None:
    net = doubled(TensorProto.BFLOAT16)
    assert in_numpy_types(net) != net
    assert net == doubled(TensorProto.BFLOAT16)
