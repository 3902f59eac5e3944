"""The step carries out the decision on disk and counts what it wrote."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from decisions import decision
from parsed import needs_rtx
from stepping import overflowing_project, run_step

from trtflow.errors import PlanError
from trtflow.files.constraints import write_constraints
from trtflow.files.document import read_document
from trtflow.files.names import read_names
from trtflow.files.outcomes import RewriteOutcome
from trtflow.steps import rewrite


def test_the_mixed_file_and_its_notes_are_written(tmp_path: Path) -> None:
    given = overflowing_project(tmp_path)
    write_constraints(decision("up", "down").constraints, tmp_path / "constraints.yaml")
    done = run_step(rewrite, tmp_path / "rewrite", model=given["model"], constraints=tmp_path / "constraints.yaml")
    found = read_document(RewriteOutcome, done.folder / "rewrite.json")
    mixed = onnx.load(done.folder / "mixed.onnx")
    assert found.casts == sum(node.op_type == "Cast" for node in mixed.graph.node) == 2
    assert done.result.metrics == {"casts": 2, "pairs": 0}
    assert done.result.summary == "2 Casts, 0.00 MB"


def test_a_decision_for_another_model_is_refused(tmp_path: Path) -> None:
    given = overflowing_project(tmp_path)
    write_constraints(decision("upp").constraints, tmp_path / "constraints.yaml")
    with pytest.raises(PlanError, match="there is no node upp; did you mean 'up'"):
        run_step(rewrite, tmp_path / "rewrite", model=given["model"], constraints=tmp_path / "constraints.yaml")


@needs_rtx
def test_the_layers_of_the_mixed_file_are_named(tmp_path: Path) -> None:
    given = overflowing_project(tmp_path)
    write_constraints(decision("up", "down").constraints, tmp_path / "constraints.yaml")
    done = run_step(rewrite, tmp_path / "rewrite", model=given["model"], constraints=tmp_path / "constraints.yaml")
    found = {row.layer: row.nodes for row in read_names(done.folder / "names.csv").rows if row.role == "own"}
    assert {"up", "down", "add", "turn"} < found.keys()
    assert found["up"] == ("up",)
