"""A session as trtflow opens it computes what the graph says: operators, Q/DQ kinds and float formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np
import onnx
import pytest
from numpy.typing import ArrayLike
from optimiser_cases import Case, float_cases, node_cases, pair_cases, quantized_cases, weight_only_cases
from optimisers import changed, log_of_runtime, outcome, truths, wrong

from trtflow.model.session import create_session

QUICK: dict[str, Callable[[], Iterable[Case]]] = {
    "floating point and FP16": lambda: (c for c in float_cases(["fp16"], ["normal"]) if "per unit" not in c.name),
    "INT8 and FP8": lambda: islice(quantized_cases(["int8", "e4m3"], ["chain"]), 0, None, 4),
    "two activations": lambda: (c for c in pair_cases() if "normal" in c.name),
    "weight-only": lambda: (c for c in weight_only_cases() if "normal" in c.name),
}
SWEEP: dict[str, Callable[[], Iterable[Case]]] = {
    "floating point, FP16 and BF16": float_cases,
    "every Q/DQ kind at every place": quantized_cases,
    "two activations": pair_cases,
    "weight-only": weight_only_cases,
    "onnx.backend.test": node_cases,
}


@pytest.mark.parametrize("kind", QUICK)
def test_a_session_computes_the_graph_as_it_is_written(kind: str) -> None:
    assert wrong(QUICK[kind]()) == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SWEEP)
def test_no_operator_kind_place_or_value_is_an_exception(kind: str) -> None:
    assert wrong(SWEEP[kind]()) == {}


@pytest.mark.parametrize(
    "name",
    [
        "MatMul, int8 weights per tensor, normal values",
        "Gemm, int8 weights per column, normal values",
        "MatMul, uint4 weights blocks of rows, normal values",
    ],
)
def test_the_comparison_sees_weight_only_products_whose_activations_are_quantized(name: str) -> None:
    assert _by_default(name, weight_only_cases()) == "changes"


@pytest.mark.parametrize(
    ("name", "does"),
    [
        ("Relu, e4m3 after, normal values", "changes"),
        ("Conv Clip, e4m3 after, normal values", "fails"),
        ("Conv, int8 around, normal values", "changes"),
        ("Conv MaxPool, e4m3 before, non-finite values", "changes"),
        ("Tanh, int8 around, normal values", ""),
    ],
)
def test_the_comparison_sees_what_default_sessions_do_to_pairs(name: str, does: str) -> None:
    kind, place = name.split(", ")[1].split()
    assert _by_default(name, quantized_cases([kind], [place])) == does


def _by_default(name: str, cases: Iterable[Case]) -> str:
    case, true = next(truths(case for case in cases if case.name == name))
    return outcome(case, true, [])


@pytest.mark.parametrize(
    ("found", "true", "differs"),
    [
        ([1.0, 2.0], [1.0, 2.000001], False),
        ([1.0, 2.0], [1.0, 2.01], True),
        ([np.nan, 2.0], [np.nan, 2.0], False),
        ([np.inf, 2.0], [-np.inf, 2.0], True),
        ([0.0, 2.0], [np.nan, 2.0], True),
        ([1.0], [1.0, 1.0], True),
        (np.r_[np.zeros(199), 0.1], np.r_[np.zeros(199), 0.2], False),
        (np.r_[np.zeros(199), np.inf], np.r_[np.zeros(199), 0.2], True),
        (np.float16([1.0, 2.0]), np.float16([1.0, 2.002]), False),
        ([], [], False),
    ],
)
def test_rounding_and_a_flipped_code_are_no_change_but_anything_non_finite_is(
    found: ArrayLike, true: ArrayLike, differs: bool
) -> None:
    assert changed(np.asarray(found), np.asarray(true)) is differs


@pytest.mark.parametrize("name", ["FP16", "BF16", "FP16 BF16", "BF16 FP16", "FP16 twice", "FP16 FP8", "double FP16"])
def test_no_pair_of_casts_is_dropped(name: str, roundings: dict[str, Sequence[str]]) -> None:
    case = next(case for case in float_cases((), ["wide"]) if case.name.startswith(f"{name}, "))
    expected = case.feed["x"]
    with np.errstate(over="ignore"):
        for dtype in roundings[name]:
            held = expected.clip(-448, 448) if "float8" in dtype else expected  # as Cast does
            expected = held.astype(dtype)
    (found,) = create_session(case.model).run(None, dict(case.feed))
    np.testing.assert_array_equal(found, expected.astype(np.float32))


@pytest.fixture
def roundings() -> dict[str, Sequence[str]]:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert ml_dtypes.bfloat16
    return {
        "FP16": ["float16"],
        "BF16": ["bfloat16"],
        "FP16 BF16": ["float16", "bfloat16"],
        "BF16 FP16": ["bfloat16", "float16"],
        "FP16 twice": ["float16"],
        "FP16 FP8": ["float16", "float8_e4m3fn"],
        "double FP16": ["float64", "float16"],
    }


def test_the_log_names_the_optimisers_of_a_session(overflowing: onnx.ModelProto) -> None:
    from optimisers import session

    with log_of_runtime() as said:
        session(overflowing, ["ConstantSharing"], severity=1)
    names = {line.split()[0] for line in said}
    assert "ConstantFolding" in names
    assert "ConstantSharing" not in names
