"""What flags and scripts can set, for which versions, and of which file."""

from __future__ import annotations

import pytest
from decisions import cured_decision, decision, int8_decision

from trtflow.files.exports.decision import Decision
from trtflow.files.exports.weak_typing import flags, is_rescaled, notes, settable

VALID = "TensorRT 8.4 to 10.16, weakly typed, on the"


@pytest.mark.parametrize(
    ("made", "model", "lost"),
    [
        (decision("b"), "original ONNX.", []),
        (int8_decision(), "original ONNX.", []),
        (cured_decision(), "cured ONNX, which the run left", ["Only the mixed ONNX has the weight clipping."]),
        (decision("b", a="fp8"), "original", ["Only the mixed ONNX has the FP8 layers, which need Q/DQ pairs."]),
    ],
)
def test_the_file_that_the_ranges_are_of_is_named_and_what_is_lost(
    made: Decision, model: str, lost: list[str]
) -> None:
    first, *others = notes(made.constraints)
    assert first.startswith(f"{VALID} {model}")
    assert others == lost


def test_fp8_cannot_be_set_and_has_no_flag() -> None:
    mixed = decision("b", a="fp8", c="int8").constraints
    assert settable(mixed) == {"c": "int8", "b": "fp32"}
    assert flags(mixed) == ["--fp16", "--int8"]


@pytest.mark.parametrize(("made", "rescaled"), [(int8_decision(), False), (cured_decision(), True)])
def test_a_range_that_moved_makes_another_network(made: Decision, rescaled: bool) -> None:
    assert is_rescaled(made.constraints) is rescaled
