"""The step writes the normalised model and its facts, and counts what can be decided."""

from __future__ import annotations

from pathlib import Path

import onnx
import parsed
import pytest
from graph_models import info, model, node
from onnx import helper
from selecting import survivors
from stepping import overflowing_project, run_step

from trtflow.files.document import read_document
from trtflow.files.outcomes import ModelFacts
from trtflow.steps import inspect


def test_model_and_facts_are_written(tmp_path: Path) -> None:
    given = overflowing_project(tmp_path)
    done = run_step(inspect, tmp_path / "inspect", model=given["model"])
    assert onnx.load(done.folder / "model.onnx") == onnx.load(given["model"])
    facts = read_document(ModelFacts, done.folder / "facts.json")
    assert (facts.file, facts.nodes, facts.candidates) == ("model.onnx", 4, 4)
    assert done.result.summary == "4 nodes, 4 of them can take a low precision"
    assert done.result.metrics == {"nodes": 4, "candidates": 4}
    assert done.result.table is None


def test_notes_are_counted_in_the_summary_and_shown(tmp_path: Path) -> None:
    nodes = [helper.make_node("Neg", ["x"], ["y"])]
    onnx.save(model(nodes, [info("x", [4])], [info("y", [4])]), tmp_path / "net.onnx")
    done = run_step(inspect, tmp_path / "inspect", model=tmp_path / "net.onnx")
    assert done.result.summary.endswith(", 1 note")
    assert done.result.table is not None
    assert done.result.table.rows == (("1 node had no name and was named after its first output",),)
    assert onnx.load(done.folder / "model.onnx").graph.node[0].name == "node_of_y"


def test_what_is_selected_is_said_at_once(tmp_path: Path) -> None:
    onnx.save(survivors(), tmp_path / "net.onnx")
    done = run_step(inspect, tmp_path / "inspect", model=tmp_path / "net.onnx")
    assert done.result.summary.endswith("; kept, selected by NonMaxSuppression 'nms'")
    (found,) = read_document(ModelFacts, done.folder / "facts.json").selected
    assert found.outputs == ("kept", "selected")


def test_without_anything_to_lower_there_is_no_model_for_other_steps(tmp_path: Path) -> None:
    net = model([node("NonZero", "x", "y")], [info("x", [4])], [info("y", None, onnx.TensorProto.INT64)])
    onnx.save(net, tmp_path / "net.onnx")
    done = run_step(inspect, tmp_path / "inspect", model=tmp_path / "net.onnx")
    assert done.result.accepted is False
    assert {path.name for path in done.folder.iterdir()} == {"facts.json"}
    facts = read_document(ModelFacts, done.folder / "facts.json")
    assert (
        done.result.summary
        == facts.nothing
        == ("nothing in it can take a low precision: it computes nothing in FP32, only int64")
    )


@pytest.mark.parametrize(
    ("names", "published"),
    [(("a", "b"), None), (("", ""), None), (("d", "d"), ["d", "d_1"]), (("node_of_c", ""), None)],
)
def test_a_model_whose_nodes_share_a_name_is_left_with_names_of_their_own(
    names: tuple[str, str], published: list[str] | None, tmp_path: Path
) -> None:
    onnx.save(parsed.chain(*names), tmp_path / "model.onnx")
    done = run_step(inspect, tmp_path / "inspect", model=tmp_path / "model.onnx")
    file = done.folder / "named.onnx"
    assert ([node.name for node in onnx.load(file).graph.node] if file.exists() else None) == published
    assert read_document(ModelFacts, done.folder / "facts.json").renamed is (published is not None)
    told = [] if done.result.table is None else [row for (row,) in done.result.table.rows]
    assert (inspect.NAMED in told) is (published is not None)
