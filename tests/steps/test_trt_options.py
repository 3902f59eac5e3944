"""The option ``trt``: checked as all options are, and in the builder's units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from trtflow.steps.trt_options import Trt
from trtflow.trt.request import EngineSettings
from trtflow.trt.shapes import ShapeRange

PROFILE = {"min": [1, 3], "opt": [2, 3], "max": [8, 3]}


def test_every_option_reaches_the_builder_in_its_unit() -> None:
    options = Trt.model_validate(
        {
            "typing": "weak",
            "workspace": 256,
            "optimisation-level": 5,
            "tf32": True,
            "strict-nans": True,
            "timeout": 60,
            "profiles": {"x": PROFILE},
            "calibrator": "minmax",
            "capture": "debug",
            "memory": 7,
        }
    )
    assert options.settings(Path("timing.cache")) == EngineSettings(
        typing="weak",
        workspace=256_000_000,
        level=5,
        tf32=True,
        strict_nans=True,
        timeout=60.0,
        timing_cache=Path("timing.cache"),
        profiles={"x": ShapeRange((1, 3), (2, 3), (8, 3))},
        calibrator="minmax",
        capture="debug",
        memory=7_000_000,
    )
    assert options.batches == {"x": 8}


def test_nothing_asked_is_what_the_builder_does_by_itself() -> None:
    assert Trt().settings() == EngineSettings()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workspce": 1}, "Extra inputs"),
        ({"typing": "loose"}, "'strong' or 'weak'"),
        ({"optimisation-level": 6}, "less than or equal to 5"),
        ({"timeout": 0}, "greater than 0"),
        ({"workspace": 0}, "greater than or equal to 1"),
        ({"profiles": {"x": {**PROFILE, "max": [8]}}}, "as many dimensions in min, opt and max, not 2, 2, 1"),
        ({"profiles": {"x": {**PROFILE, "opt": [9, 3]}}}, "min ≤ opt ≤ max"),
        ({"profiles": {"x": {"min": [1, 3], "max": [8, 3]}}}, "Field required"),
        ({"profiles": {"x": {**PROFILE, "min": [-1, 3]}}}, "greater than or equal to 0"),
    ],
)
def test_what_is_wrong_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Trt.model_validate(options)
