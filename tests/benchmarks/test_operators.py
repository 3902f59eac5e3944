"""The table of operators says what TensorRT-RTX does, but for the differences that are named."""

from __future__ import annotations

import importlib.util

import onnx
import pytest
from operator_models import lowered, operators, small_cases, variants
from operators import KNOWN, NO_FORM, NO_MODEL, UNKNOWN, Row, rows, taken

from trtflow.precision import BF16, FP16, FP32, Precision


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
def test_engine_and_table_differ_only_where_somebody_says_why() -> None:
    answers = list(rows())
    assert {row.operator for row in answers if row.refused == NO_MODEL} == {"NonZero", "RoiAlign"}
    found = {(row.operator, row.precision) for row in answers if row.differs}
    assert found == {(operator, precision) for operator, reasons in KNOWN.items() for precision in reasons}


@pytest.mark.parametrize(
    ("refused", "table", "differs"),
    [("", True, False), ("", False, True), ("no", True, True), ("no", False, False), (NO_FORM, True, True)],
)
def test_a_row_differs_where_one_takes_what_the_other_refuses(refused: str, table: bool, differs: bool) -> None:
    assert Row("Relu", FP16, refused, table).differs is differs


@pytest.mark.parametrize(
    "row",
    [Row("Relu", FP32, "no", True), Row("Relu", FP16, NO_MODEL, True), Row("Relu", FP16, UNKNOWN, True)],
    ids=str,
)
def test_a_row_that_no_engine_was_asked_about_does_not_differ(row: Row) -> None:
    assert not row.differs


@pytest.mark.parametrize(
    ("operator", "precision", "expected"),
    [("Relu", FP16, True), ("HannWindow", FP16, False), ("EyeLike", FP16, False), ("GlobalLpPool", BF16, False)],
)
def test_what_the_table_says(operator: str, precision: Precision, expected: bool) -> None:
    assert taken(operator, precision) is expected


def test_only_operators_on_sequences_have_no_model() -> None:
    without = {
        "ConcatFromSequence",
        "Optional",
        "OptionalHasElement",
        "SequenceAt",
        "SequenceConstruct",
        "SequenceInsert",
    }
    assert set(operators()) - set(small_cases()) == without


@pytest.mark.parametrize("operator", ["Gemm", "Resize", "EyeLike", "HannWindow", "BatchNormalization"])
def test_low_models_are_valid_and_keep_their_inputs_and_outputs(operator: str) -> None:
    for net in variants(small_cases()[operator][0]):
        low = lowered(net, FP16)
        assert low is not None
        onnx.checker.check_model(low, full_check=True)
        assert (low.graph.input, low.graph.output) == (net.graph.input, net.graph.output)


def test_outputs_that_an_engine_may_not_know_are_left_out_in_the_end() -> None:
    found = [(len(net.graph.node[0].output), len(net.graph.output)) for net in _variants("LayerNormalization")]
    assert found == [(3, 3)] * 3 + [(1, 1)] * 3


@pytest.mark.parametrize("operator", ["Relu", "Conv"])
def test_an_operator_of_one_output_has_each_model_once(operator: str) -> None:
    assert len(_variants(operator)) == 3


def _variants(operator: str) -> list[onnx.ModelProto]:
    return list(variants(small_cases()[operator][0]))
