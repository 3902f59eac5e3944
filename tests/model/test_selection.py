"""Outputs that a selection decides are found in the graph, with the float tensors in front of it."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
import pytest
from graph_models import f32, i64, info, model, node
from onnx import TensorProto, helper
from selecting import best_queries, classes_of_pixels, peaks, survivors

from trtflow.model.selection import NOTHING, Selection, selection, tapped
from trtflow.numerics.matched import Group

INT64, BOOL = TensorProto.INT64, TensorProto.BOOL


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (
            best_queries(),
            Selection((Group("best", "TopK", {"scores": 1, "labels": 1, "rows": 1}, "scores"),), ("b", "f")),
        ),
        (peaks(), Selection((Group("best", "TopK", {"score": 1, "centers": 1}, "score"),), ("f",))),
        (classes_of_pixels(), Selection((Group("decide", "ArgMax", {"map": None}),), ("logits",))),
        (
            survivors(),
            Selection((Group("nms", "NonMaxSuppression", {"kept": 0, "selected": 0}),), ("b", "st")),
        ),
    ],
    ids=["best queries", "peaks", "classes of pixels", "survivors"],
)
def test_outputs_are_found_with_what_lies_before_the_selection(network: onnx.ModelProto, expected: Selection) -> None:
    found = selection(network)
    assert found.groups == expected.groups
    assert sorted(found.before) == sorted(expected.before)


def small(
    nodes: list[onnx.NodeProto], outputs: Mapping[str, tuple[list[int | str], int]], elem: int = TensorProto.FLOAT
) -> onnx.ModelProto:
    """A model over ``x`` [1, 8], with constants that the nodes may use."""
    ports = [info(name, *shape) for name, shape in outputs.items()]
    constants = [f32("w", [[1.0] * 8] * 8), f32("half", 0.5), i64("three", [3]), i64("one", [1]), i64("axes", [1])]
    return model(nodes, [info("x", [1, 8], elem)], ports, constants)


FLOAT = TensorProto.FLOAT
TOP = [node("MatMul", "x w", "a"), node("TopK", "a three", "v i", axis=1)]


@pytest.mark.parametrize(
    ("nodes", "outputs", "groups", "before"),
    [
        ([node("MatMul", "x w", "y")], {"y": ([1, 8], FLOAT)}, (), ()),
        ([*TOP, node("ReduceSum", "v axes", "y")], {"y": ([1, 1], FLOAT)}, (), ()),
        ([*TOP, node("ScatterElements", "a i v", "y", axis=1)], {"y": ([1, 8], FLOAT)}, (), ()),
        (
            [node("MatMul", "x w", "a"), node("TopK", "a one", "v i", axis=1)],
            {"i": ([1, 1], INT64)},
            (Group("n_v", "TopK", {"i": None}),),
            ("a",),
        ),
        (
            [node("MatMul", "x w", "a"), node("Greater", "a half", "b"), node("NonZero", "b", "y")],
            {"y": ([2, "found"], INT64)},
            (Group("n_y", "NonZero", {"y": 1}),),
            ("a",),
        ),
        (
            [node("MatMul", "x w", "a"), node("Round", "a", "r"), node("Cast", "r", "y", to=INT64)],
            {"y": ([1, 8], INT64)},
            (),
            ("r",),
        ),
        (
            [node("MatMul", "x w", "a"), node("ArgMax", "a", "i", axis=1), node("Gather", "w i", "y")],
            {"y": ([1, 1, 8], FLOAT)},
            (),
            (),
        ),
        (
            [
                *TOP,
                node("Neg", "v", "n"),
                node("TopK", "n one", "w2 j", axis=1),
                node("GatherElements", "v j", "y", axis=1),
            ],
            {"v": ([1, 3], FLOAT), "j": ([1, 1], INT64)},
            (Group("n_v", "TopK", {"v": 1}, "v"), Group("n_w2", "TopK", {"j": None})),
            ("a",),
        ),
    ],
    ids=["no selection", "summed", "put back", "the best one", "boolean", "rounded", "floats behind ArgMax", "twice"],
)
def test_what_counts_as_selected(
    nodes: list[onnx.NodeProto],
    outputs: dict[str, tuple[list[int | str], int]],
    groups: tuple[Group, ...],
    before: tuple[str, ...],
) -> None:
    assert selection(small(nodes, outputs)) == Selection(groups, before)


def test_a_choice_among_integers_that_are_fed_is_none() -> None:
    """A text encoder picks the position of its last token: no precision changes that."""
    nodes = [node("ArgMax", "x", "y", axis=1)]
    assert selection(small(nodes, {"y": ([1, 1], INT64)}, INT64)) == NOTHING


def test_sizes_are_nothing_that_precision_changes() -> None:
    nodes = [node("MatMul", "x w", "a"), node("Shape", "a", "s"), node("NonZero", "s", "y")]
    assert selection(small(nodes, {"y": ([1, "found"], INT64)})) == NOTHING


def test_a_selection_in_a_body_counts() -> None:
    bodies = {
        branch: helper.make_graph([node("NonZero", "a", name)], branch, [], [info(name, [2, "n"], INT64)])
        for branch, name in (("then_branch", "one"), ("else_branch", "other"))
    }
    nodes = [node("MatMul", "x w", "a"), node("If", "go", "y", **bodies)]
    network = small(nodes, {"y": ([2, "found"], INT64)})
    network.graph.input.append(info("go", [], BOOL))
    assert selection(network) == Selection((Group("n_y", "If", {"y": 1}),), ("a",))


def test_a_plugin_is_known_by_its_name() -> None:
    nodes = [
        node("MatMul", "x w", "a"),
        node("EfficientNMS_TRT", "a w", "num boxes", domain="nvinfer", max_output_boxes=5),
    ]
    network = small(nodes, {"num": ([1, 1], TensorProto.INT32), "boxes": ([1, 5, 4], FLOAT)})
    network.opset_import.append(helper.make_opsetid("nvinfer", 1))
    group = Group("n_num", "EfficientNMS_TRT", {"num": None, "boxes": 1})
    assert selection(network) == Selection((group,), ("a",))


def test_tapping_returns_what_is_there_behind_the_outputs() -> None:
    network = peaks()
    names = [value.name for value in tapped(network, ("f", "not there")).graph.output]
    assert names == ["score", "centers", "f"]
    assert tapped(network, ("not there",)) is network
