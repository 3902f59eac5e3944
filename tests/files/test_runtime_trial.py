"""The sentence says what ONNX Runtime does by default, which setting helps, and how its figure is to be read."""

from __future__ import annotations

import math
from typing import Any

import pytest

from trtflow.files.runtime_trial import Attempt, RuntimeTrial, is_troubled, sentence

CRASH = Attempt(failed="crashes (SIGSEGV) on the file")
EXTENDED = Attempt(level="ORT_ENABLE_EXTENDED")
ADD = "MLFloat16 data type is not supported with ScatterElements opset 16 when reduction is 'add'."
LACKING = "NOT_IMPLEMENTED : Could not find an implementation for Det(11) node with name 'det'"


def trial(*attempts: Attempt, **fields: Any) -> RuntimeTrial:
    return RuntimeTrial(version="1.32.0", attempts=attempts, **fields)


def figures(sqnr: float, typed: float) -> dict[str, float]:
    return {"sample": 0, "sqnr": sqnr, "typed": typed}


@pytest.mark.parametrize(
    ("found", "said", "troubled"),
    [
        (trial(Attempt()), "loads the file at its default level", False),
        (
            trial(CRASH, EXTENDED),
            "crashes (SIGSEGV) on the file at its default level; it loads the file with optimization level extended",
            True,
        ),
        (
            trial(CRASH, CRASH, Attempt(disabled=("One",))),
            "crashes (SIGSEGV) on the file at its default level; "
            "it loads the file with the optimisers disabled that change results",
            True,
        ),
        (
            trial(CRASH, CRASH),
            "crashes (SIGSEGV) on the file at its default level, and no other level helps: "
            "try its CUDA or TensorRT provider",
            True,
        ),
        (
            trial(Attempt(failed=f"refuses the file ({ADD})")),
            "has no kernel on the CPU for ScatterElements(add) as the file types it: "
            "try its CUDA or TensorRT provider",
            True,
        ),
        (
            trial(Attempt(failed=f"refuses the file ({LACKING})")),
            "has no kernel on the CPU for Det as the file types it: try its CUDA or TensorRT provider",
            True,
        ),
        (trial(skipped="it has 3.0 GB"), "was not tried on the file: it has 3.0 GB", False),
    ],
    ids=["loads", "extended helps", "optimisers", "nothing helps", "no FP16 kernel", "no kernel at all", "too large"],
)
def test_the_sentence_names_the_failure_and_what_helps(found: RuntimeTrial, said: str, troubled: bool) -> None:
    assert sentence(found) == f"ONNX Runtime 1.32.0 {said}"
    assert is_troubled(found) is troubled


@pytest.mark.parametrize(
    ("sqnr", "typed", "said", "troubled"),
    [
        (69.3, 69.5, "agrees on sample 0 with the measured figure within 0.2 dB", False),
        (math.inf, math.inf, "agrees on sample 0 with the measured figure within 0.1 dB", False),
        (80.0, 30.0, "its CPU computes FP16 in FP32 in places, which is no evidence", False),
        (80.0, -math.inf, "(80.0 dB, measured as typed -inf dB)", False),
        (
            64.4,
            68.3,
            "(64.4 dB, measured as typed 68.3 dB): it folds constants in FP16 and so rounds otherwise",
            False,
        ),
        (30.0, 60.0, "is worse on sample 0 than measured (30.0 dB, measured as typed 60.0 dB)", True),
        (-math.inf, 60.0, "it does not compute what the file says", True),
    ],
)
def test_only_a_figure_that_is_far_worse_troubles(sqnr: float, typed: float, said: str, troubled: bool) -> None:
    found = trial(Attempt(), **figures(sqnr, typed))
    assert said in sentence(found)
    assert is_troubled(found) is troubled


@pytest.mark.parametrize(
    ("attempts", "works"),
    [((), None), ((CRASH,), None), ((CRASH, EXTENDED), EXTENDED), ((Attempt(),), Attempt())],
)
def test_the_setting_that_works_is_the_one_that_did_not_fail(
    attempts: tuple[Attempt, ...], works: Attempt | None
) -> None:
    assert trial(*attempts).works == works


def test_it_reads_back_as_it_was_written() -> None:
    found = trial(CRASH, EXTENDED, **figures(-math.inf, 3.0))
    assert RuntimeTrial.model_validate_json(found.model_dump_json(by_alias=True)) == found
