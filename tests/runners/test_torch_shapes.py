"""PyTorch moves numbers as ONNX says."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto
from torch_cases import Case, check_equal, numbers

from trtflow.runners import torch_shapes

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


ENDS = st.one_of(st.integers(-9, 9), st.sampled_from([int(FAR.min), int(FAR.max)]))


@given(ENDS, ENDS, st.sampled_from([-3, -1, 1, 2]), st.integers(0, 6))
def test_a_slice_reads_what_pythons_does(start: int, end: int, step: int, length: int) -> None:
    expected = range(*slice(start, end, step).indices(length))
    assert torch_shapes.read_places(start, end, step, length) == expected


def test_a_slice_is_one_graph_to_the_compiler() -> None:
    compiled = torch.compile(
        lambda x: torch_shapes.cut(x, [-3], [FAR.max], [-1], [2]), backend="eager", fullgraph=True
    )
    np.testing.assert_array_equal(compiled(torch.arange(8.0).reshape(2, 4)), [[1, 3], [5, 7]])
