"""PyTorch moves numbers as ONNX says."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from onnx import TensorProto
from torch_cases import Case, check_equal, numbers

X = numbers(2, 3, 4)
FAR = np.iinfo(np.int64)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


CASES: list[Case] = [
    ("Cast", [3 * X], {"to": TensorProto.INT64}),
    ("Cast", [X], {"to": TensorProto.BOOL}),
    ("Shape", [X], {}),
    ("Shape", [X], {"start": 1, "end": -1}),
    ("Size", [X], {}),
    ("Reshape", [X, ints(0, -1)], {}),
    ("Flatten", [X], {"axis": 2}),
    ("Flatten", [X], {"axis": 0}),
    ("Flatten", [X], {"axis": -1}),
    ("Squeeze", [numbers(1, 3, 1)], {}),
    ("Squeeze", [numbers(1, 3, 1), ints(-1)], {}),
    ("Unsqueeze", [X, ints(0, -1)], {}),
    ("Transpose", [X], {}),
    ("Transpose", [X], {"perm": [1, 0, 2]}),
    ("Expand", [numbers(3, 1), ints(2, 1, 4)], {}),
    ("Tile", [X, ints(2, 1, 3)], {}),
    ("Concat", [X, numbers(2, 1, 4, seed=1)], {"axis": -2}),
    ("Slice", [X, ints(1), ints(FAR.max), ints(2), ints(2)], {}),
    ("Slice", [X, ints(0, 1), ints(1, 3)], {}),
    ("Slice", [X, ints(-1), ints(FAR.min), ints(-1), ints(-2)], {}),
    ("Slice", [X, ints(3), ints(1), ints(1)], {}),
    ("Pad", [X, ints(0, 1, 2, 0, 0, 1), np.array(2.5, np.float32)], {}),
    ("Pad", [X, ints(1, 2), None, ints(-1)], {}),
    ("Pad", [X, ints(0, -1, 0, 0, 0, -1)], {}),
    ("Pad", [X, ints(0, 2, 1, 0, 0, 3)], {"mode": "reflect"}),
    ("Pad", [X, ints(0, 2, 1, 0, 0, 3)], {"mode": "edge"}),
    ("Pad", [X, ints(0, 2, 1, 0, 0, 3)], {"mode": "wrap"}),
    ("Gather", [X, ints(2, -1)], {"axis": 1}),
    ("Gather", [X, np.array(-1)], {"axis": 2}),
    ("Gather", [X, np.array([[0, 1], [1, 0]], np.int32)], {}),
    ("GatherElements", [numbers(2, 3), np.array([[0, -1, 1]])], {"axis": 1}),
    ("GatherND", [X, np.array([[0, 1], [1, -1]])], {}),
    ("ScatterElements", [numbers(2, 3), np.array([[-1, 0]]), numbers(1, 2, seed=1)], {"axis": 1}),
    ("ScatterND", [X, np.array([[0, 1], [1, 2]]), numbers(2, 4, seed=1)], {}),
    ("Trilu", [numbers(4, 4)], {"upper": 0}),
    ("Trilu", [numbers(4, 4), np.array(1)], {}),
    ("DepthToSpace", [numbers(1, 8, 2, 3)], {"blocksize": 2}),
    ("DepthToSpace", [numbers(1, 8, 2, 3)], {"blocksize": 2, "mode": "CRD"}),
    ("Where", [X > 0, X, np.array(0, np.float32)], {}),
]


@pytest.mark.parametrize(("op", "inputs", "attributes"), CASES)
def test_numbers_are_moved(op: str, inputs: list[object], attributes: dict[str, object]) -> None:
    check_equal(op, inputs, attributes)


@pytest.mark.parametrize(
    ("sizes", "attributes"), [([ints(1, 3)], {}), ([], {"num_outputs": 2})], ids=["by sizes", "in equal parts"]
)
def test_a_tensor_is_split(sizes: list[object], attributes: dict[str, object]) -> None:
    check_equal("Split", [X, *sizes], {"axis": 2, **attributes}, outputs=2)
