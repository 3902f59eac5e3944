"""Each row against the libraries that define it, and no precision described anywhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import ml_dtypes
import numpy as np
import onnx
import pytest

import trtflow
from trtflow.precision import (
    FLOAT_TYPES,
    FP8,
    FP16,
    FP32,
    INT8,
    LOW,
    LOW_TYPES,
    OF_TYPE,
    PRECISIONS,
    QUANTIZED,
    ROWS,
    Format,
    Precision,
    Quantized,
    label,
)  # fmt: skip

SOURCES = Path(trtflow.__file__).parent
FLOATING = [row for row in ROWS.values() if not row.uniform]
ALLOWED: dict[str, str] = {}
"""``file: literal`` → why it must stand there; empty as long as constants do."""


def test_there_is_a_row_for_every_precision_in_the_order_of_the_type() -> None:
    assert list(ROWS) == list(PRECISIONS) == list(get_args(Precision))
    assert all(name == row.name for name, row in ROWS.items())


def test_the_kinds_divide_the_precisions() -> None:
    assert set(get_args(Quantized)) == QUANTIZED
    assert {FP32, *LOW} == set(PRECISIONS) - QUANTIZED
    assert FP32 not in LOW


@pytest.mark.parametrize("row", FLOATING, ids=lambda row: row.name)
def test_floating_point_limits_are_those_of_ml_dtypes(row: Format) -> None:
    facts = ml_dtypes.finfo(row.dtype)
    found = row.lowest, row.largest, row.smallest_normal, row.smallest_subnormal, row.unit_roundoff
    limits = facts.min, facts.max, facts.smallest_normal, facts.smallest_subnormal, float(facts.eps) / 2
    assert found == tuple(float(limit) for limit in limits)


def test_the_codes_of_int8_are_those_of_numpy() -> None:
    row, facts = ROWS[INT8], np.iinfo(np.int8)
    assert (row.dtype, row.lowest, row.largest) == (np.int8, facts.min, facts.max)
    assert (row.smallest_normal, row.smallest_subnormal, row.unit_roundoff) == (1, 1, 0.5)


@pytest.mark.parametrize("row", FLOATING, ids=lambda row: row.name)
def test_what_is_flushed_becomes_zero_and_more_does_not(row: Format) -> None:
    kept = np.array([row.flushed, 1.01 * row.flushed], np.float64).astype(row.dtype).astype(np.float64)
    assert kept.tolist() == [0.0, row.smallest_subnormal]


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_onnx_and_numpy_mean_the_same_type(row: Format) -> None:
    assert onnx.helper.tensor_dtype_to_np_dtype(row.onnx_type) == row.dtype
    assert row.names.schema == f"tensor({onnx.TensorProto.DataType.Name(row.onnx_type).lower()})"
    assert OF_TYPE[row.onnx_type] == row.name


def test_element_types_are_told_apart_by_kind() -> None:
    types = onnx.TensorProto
    assert {types.FLOAT16, types.BFLOAT16} == LOW_TYPES
    assert {types.FLOAT, *LOW_TYPES} == FLOAT_TYPES


def _knows(operator: str, opset: int, kind: str) -> bool:
    try:
        schema = onnx.defs.get_schema(operator, max_inclusive_version=opset)
    except onnx.defs.SchemaError:
        return False
    return kind in schema.outputs[0].types


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_the_first_opset_is_the_one_whose_operators_list_the_type(row: Format) -> None:
    operator = "Cast" if row.kind == "float" else "QuantizeLinear"
    assert _knows(operator, row.opset, row.names.schema)
    assert not _knows(operator, row.opset - 1, row.names.schema)


@pytest.mark.parametrize(
    ("precision", "network", "bindings", "triton"),
    [
        ("fp32", "float", "float32", "TYPE_FP32"),
        ("fp16", "half", "float16", "TYPE_FP16"),
        ("bf16", "bf16", "bfloat16", "TYPE_BF16"),
        ("int8", "int8", "int8", "TYPE_INT8"),
        ("fp8", "fp8", "fp8", ""),
    ],
)
def test_names_are_those_of_the_other_tools(precision: Precision, network: str, bindings: str, triton: str) -> None:
    names = ROWS[precision].names
    assert (names.network, names.bindings, names.triton) == (network, bindings, triton)


def test_only_fp8_is_beyond_weakly_typed_networks() -> None:
    assert [row.name for row in ROWS.values() if not row.weakly_typed] == [FP8]


@pytest.mark.parametrize(("name", "expected"), [(FP16, "FP16"), (INT8, "INT8"), ("mixed", "mixed")])
def test_a_precision_is_written_in_capitals_and_nothing_else_is(name: str, expected: str) -> None:
    assert label(name) == expected


def _literals(tree: ast.AST, schemas: bool) -> Iterator[str]:
    """Precisions written out in ``tree``; the fields of classes are left out where they are option schemas."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Constant) and node.value in PRECISIONS:
            yield str(node.value)
        elif not (schemas and isinstance(tree, ast.ClassDef) and isinstance(node, ast.AnnAssign)):
            yield from _literals(node, schemas)


@pytest.mark.parametrize(
    ("code", "schemas", "found"),
    [
        ('x = {"int8": 127}', False, ["int8"]),
        ('def f(low="fp16"):\n    """In fp16."""', False, ["fp16"]),
        ('class With:\n    low: Literal["fp16"] = "fp16"', True, []),
        ('class With:\n    low: Literal["fp16"] = "fp16"', False, ["fp16", "fp16"]),
    ],
)
def test_a_written_out_precision_is_found(code: str, schemas: bool, found: list[str]) -> None:
    assert list(_literals(ast.parse(code), schemas)) == found


def test_no_module_but_this_one_writes_precisions_out() -> None:
    written = {
        f"{path.relative_to(SOURCES)}: {literal}"
        for path in SOURCES.rglob("*.py")
        if path != SOURCES / "precision.py"
        for literal in _literals(ast.parse(path.read_text(encoding="utf-8")), path.parent.name == "steps")
    }
    assert written == ALLOWED.keys()
