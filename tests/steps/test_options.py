"""Options refuse before anything runs what can never work."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from trtflow.steps import options
from trtflow.steps.bisect import With as BisectOptions
from trtflow.steps.contract import CodeReference
from trtflow.steps.options import Executed


@pytest.mark.parametrize(
    ("accept", "message"),
    [
        ({"iuo": {"drop": 0.1}}, "did you mean 'iou'"),
        ({"iou": {"dorp": 0.1}}, "'drop', 'rise', 'min' or 'max'"),
        ({}, "at least 1 item"),
    ],
)
def test_a_condition_that_cannot_be_measured_is_refused(accept: dict[str, dict[str, float]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        options.Judged(accept=accept)


@pytest.mark.parametrize("where", ["output", "weights"])
def test_non_finite_values_are_allowed_by_place(where: str) -> None:
    assert options.Data(source="a.npz", allow_nonfinite=["inputs", "outputs"]).allow_nonfinite == (
        "inputs",
        "outputs",
    )
    with pytest.raises(ValidationError, match="'inputs' or 'outputs'"):
        options.Data(source="a.npz", allow_nonfinite=[where])


def test_a_function_of_the_users_may_have_metrics_of_any_name() -> None:
    judged = options.Judged(metric="mine.py:score", accept={"hmean": {"drop": 0.01}})
    assert judged.accept == {"hmean": {"drop": 0.01}}


def test_a_name_that_no_registry_has_is_refused_with_those_it_has() -> None:
    with pytest.raises(ValidationError, match="Input should be 'emulated', 'cuda', "):
        BisectOptions(model="m.onnx", data={"source": "x.npz"}, runner="onnxruntime")


@pytest.mark.parametrize(
    ("written", "found"),
    [("null", ()), ('"a.so"', ("a.so",)), ('["a.so", "b.so"]', ("a.so", "b.so")), ("[]", ())],
)
def test_libraries_are_one_path_several_or_none(written: str, found: tuple[str, ...]) -> None:
    options = Executed.model_validate_json(f'{{"custom-ops": {written}}}', strict=True)
    assert options.custom_ops == tuple(map(Path, found))


@pytest.mark.parametrize("written", ["3", "[3]", "{}"])
def test_what_is_no_path_is_no_library(written: str) -> None:
    with pytest.raises(ValidationError):
        Executed.model_validate_json(f'{{"custom-ops": {written}}}', strict=True)


@pytest.mark.parametrize(("written", "found"), [("a/b.py", "a/b.py:load_runner"), ("b.py:mine", "b.py:mine")])
def test_a_script_is_a_file_with_load_runner_or_a_function_that_is_named(written: str, found: str) -> None:
    script = options.Decided(runner="polygraphy-script", script=written).script
    assert script == found
    assert isinstance(script, CodeReference)


@pytest.mark.parametrize("written", ["b.txt", "b.py:", "b.py:two words"])
def test_what_is_no_python_file_is_no_script(written: str) -> None:
    with pytest.raises(ValidationError, match=r"expected file\.py, or file\.py:function"):
        options.Decided(runner="polygraphy-script", script=written)


def test_a_runner_of_the_users_own_needs_a_script() -> None:
    with pytest.raises(ValidationError, match=r"expected `script: file\.py` beside `runner: polygraphy-script`"):
        options.Decided(runner="polygraphy-script")
    assert options.Decided(runner="emulated").script is None
