"""The built-in workflows stay short and serve the same configs."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml

from trtflow.config.workflows import builtins
from trtflow.steps import STEPS
from trtflow.steps.options import Executed

WORKFLOWS = sorted(builtins().items())


@pytest.mark.parametrize(("name", "path"), WORKFLOWS)
def test_a_workflow_fits_on_a_screen_and_says_what_it_is_for(name: str, path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 90
    assert lines[0].startswith("# ")


def test_all_workflows_take_the_same_inputs() -> None:
    inputs = {name: set(yaml.safe_load(path.read_text())["inputs"]) for name, path in WORKFLOWS}
    assert set(inputs) == {"debug-fp16", "debug-int8"}
    assert inputs["debug-fp16"] == inputs["debug-int8"]


@pytest.mark.parametrize(("name", "path"), WORKFLOWS)
def test_the_data_are_checked_and_what_is_found_goes_into_the_decision_and_the_report(name: str, path: Path) -> None:
    steps = yaml.safe_load(path.read_text())["steps"]
    assert steps["check-data"]["with"]["data"] == "${inputs.data}"
    assert steps["constrain"]["with"]["data-facts"] == "${check-data.facts}"
    assert "check-data" in steps["report"]["with"]["of"]


@pytest.mark.parametrize(("name", "path"), WORKFLOWS)
def test_every_step_that_can_is_given_the_libraries_of_operators(name: str, path: Path) -> None:
    steps = yaml.safe_load(path.read_text())["steps"]
    knowing = {
        step
        for step, entry in steps.items()
        if issubclass(importlib.import_module(STEPS[entry["uses"]]).With, Executed)
    }
    given = {step for step, entry in steps.items() if entry["with"].get("custom-ops") == "${inputs.custom-ops}"}
    assert given == knowing


def test_one_input_says_which_sixteen_bits_are_compared_explained_and_searched() -> None:
    steps = yaml.safe_load(builtins()["debug-fp16"].read_text())["steps"]
    assert {name for name, step in steps.items() if step["with"].get("low") == "${inputs.low}"} == {
        "compare",
        "diagnose",
        "bisect",
    }
