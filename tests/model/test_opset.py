"""Raising the opset from 13 on changes form, never numbers."""

from __future__ import annotations

import contextlib

import numpy as np
import onnx
import pytest
from graph_models import accepted, conv_net, f32, i64, info, model, node, random, run

from trtflow.errors import ModelError
from trtflow.model.opset import lower_opset, raise_opset, refuse_old_scans

X = info("x", [2, 4, 3])

CASES = {
    "ReduceMean": ([node("ReduceMean", "x", "y", axes=[1])], 17, []),
    "ReduceMax of all": ([node("ReduceMax", "x", "y", keepdims=0)], 13, []),
    "ReduceL2 without axes": ([node("ReduceL2", "x", "y")], 13, []),
    "Split without sizes": ([node("Split", "x", "y z", axis=1)], 13, []),
    "Split with sizes": ([node("Split", "x sizes", "y z", axis=1)], 13, [i64("sizes", [1, 3])]),
    "GroupNormalization": (
        [node("GroupNormalization", "x g b", "y", num_groups=2)],
        18,
        [f32("g", [2, 3]), f32("b", [0.5, -1])],
    ),
    "DFT": ([node("Unsqueeze", "x axis", "u"), node("DFT", "u", "y", axis=1)], 17, [i64("axis", [3])]),
}


@pytest.mark.parametrize(("nodes", "opset", "weights"), CASES.values(), ids=CASES)
def test_operators_that_changed_their_form(
    nodes: list[onnx.NodeProto], opset: int, weights: list[onnx.TensorProto]
) -> None:
    outputs = [info(name, None) for name in nodes[-1].output]
    net = model(nodes, [X], outputs, weights, opset)
    raised = raise_opset(net, 22)
    assert raised.opset_import[0].version == 22
    assert [n.name for n in raised.graph.node if n.name.startswith("n_")] == [n.name for n in nodes]
    for a, b in zip(run(raised, {"x": random(2, 4, 3)}), run(net, {"x": random(2, 4, 3)}), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [[2, 3], [2, 3, 4], [2, 3, 4, 3]], ids=str)
def test_slopes_of_an_old_prelu_stay_on_their_channels(shape: list[int]) -> None:
    net = model([node("PRelu", "x s", "y")], [info("x", shape), info("s", [3])], [info("y", shape)], opset=6)
    net.graph.initializer.append(f32("s", [0.5, 0.25, 2.0]))
    net.ir_version = 3
    x = random(*shape)
    slopes = np.reshape([0.5, 0.25, 2.0], (3, *[1] * (len(shape) - 2)))
    (y,) = run(accepted(raise_opset(net, 13)), {"x": x})
    np.testing.assert_array_equal(y, np.where(x < 0, x * slopes, x).astype(np.float32))


def test_grid_sample_modes_are_renamed() -> None:
    nodes = [node("GridSample", "x g", "y", mode="bicubic")]
    net = model(nodes, [info("x", [1, 1, 4, 4]), info("g", [1, 3, 3, 2])], [info("y", [1, 1, 3, 3])], opset=16)
    raised = accepted(raise_opset(net, 22))
    assert raised.graph.node[0].attribute[0].s == b"cubic"
    feed = {"x": random(1, 1, 4, 4), "g": np.clip(random(1, 3, 3, 2), -1, 1)}
    np.testing.assert_array_equal(run(raised, feed)[0], run(net, feed)[0])


def test_everything_else_stays_byte_for_byte() -> None:
    net = conv_net()
    raised = raise_opset(net, 22)
    assert raised.graph == net.graph
    assert raise_opset(net, 13) == net


def test_bodies_are_raised_as_well() -> None:
    then = onnx.helper.make_graph([node("ReduceMax", "x", "o", axes=[1], keepdims=0)], "t", [], [info("o", [2, 3])])
    orelse = onnx.helper.make_graph(
        [node("ReduceMin", "x", "o", "n_2", axes=[1], keepdims=0)], "e", [], [info("o", [2, 3])]
    )
    nodes = [node("If", "c", "y", then_branch=then, else_branch=orelse)]
    net = model(nodes, [X, info("c", [], onnx.TensorProto.BOOL)], [info("y", [2, 3])])
    feed = {"x": random(2, 4, 3), "c": np.array(True)}
    np.testing.assert_array_equal(run(accepted(raise_opset(net, 22)), feed)[0], run(net, feed)[0])


def test_an_operator_that_is_gone_is_refused_by_name() -> None:
    net = model(
        [node("Scatter", "x i u", "y")], [info(n, [3]) for n in "xu"], [info("y", [3])], [i64("i", [0, 1, 2])]
    )
    with pytest.raises(ModelError, match="node n_y: Scatter does not exist in opset 22"):
        raise_opset(net, 22)


@pytest.mark.parametrize("name", ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"])
@pytest.mark.parametrize("axes", [[-1], [0, 2], None], ids=str)
def test_every_reduction_reads_its_axes_from_18_on(name: str, axes: list[int] | None) -> None:
    attributes = {} if axes is None else {"axes": axes}
    net = model([node(f"Reduce{name}", "x", "y", **attributes)], [X], [info("y", None)], opset=13)
    raised = raise_opset(net, 18)
    assert len(raised.graph.node[-1].input) == (1 if axes is None else 2)
    feed = {"x": np.abs(random(2, 4, 3)) + 0.5}
    np.testing.assert_allclose(run(raised, feed)[0], run(net, feed)[0], rtol=1e-6)


@pytest.mark.parametrize(("target", "changed"), [(17, False), (18, True), (22, True)])
def test_an_operator_is_adapted_only_where_its_change_lies_on_the_way(target: int, changed: bool) -> None:
    net = model([node("ReduceMean", "x", "y", axes=[1])], [X], [info("y", None)], opset=13)
    assert [n.op_type for n in raise_opset(net, target).graph.node] == ["Constant"] * changed + ["ReduceMean"]


@pytest.mark.parametrize(
    ("mode", "renamed"), [("bilinear", b"linear"), ("bicubic", b"cubic"), ("nearest", b"nearest"), (None, None)]
)
def test_grid_sample_keeps_what_is_called_as_before(mode: str | None, renamed: bytes | None) -> None:
    attributes = {} if mode is None else {"mode": mode, "align_corners": 1}
    nodes = [node("GridSample", "x g", "y", **attributes)]
    net = model(nodes, [info("x", [1, 1, 4, 4]), info("g", [1, 3, 3, 2])], [info("y", None)], opset=16)
    found = {a.name: a.s for a in raise_opset(net, 20).graph.node[0].attribute}
    assert found.get("mode") == renamed
    assert ("align_corners" in found) == (mode is not None)


def test_operators_of_others_are_left_alone() -> None:
    nodes = [node("ReduceMean", "x", "a", domain="own", axes=[1]), node("Neg", "a", "y")]
    net = model(nodes, [X], [info("y", None)], opset=13)
    net.opset_import.append(onnx.helper.make_opsetid("own", 3))
    raised = raise_opset(net, 22)
    assert raised.graph == net.graph
    assert {entry.domain: entry.version for entry in raised.opset_import} == {"": 22, "own": 3}


@pytest.mark.parametrize(("target", "ir"), [(13, 8), (21, 10), (22, 10)])
def test_the_version_of_the_format_follows_where_it_must(target: int, ir: int) -> None:
    net = model([node("Relu", "x", "y")], [X], [info("y", None)], opset=13, ir_version=8)
    assert raise_opset(net, target).ir_version == ir


def test_a_model_is_never_lowered_and_never_changed_in_place() -> None:
    net = model([node("ReduceMean", "x", "y", axes=[1])], [X], [info("y", None)], opset=17)
    before = net.SerializeToString(deterministic=True)
    assert raise_opset(net, 14).opset_import[0].version == 17
    raise_opset(net, 22)
    assert net.SerializeToString(deterministic=True) == before


def test_new_constants_take_no_name_that_is_there() -> None:
    nodes = [node("ReduceMean", "x", "y", axes=[1]), node("Neg", "x", "y__axes")]
    net = model(nodes, [X], [info("y", None), info("y__axes", None)], opset=13)
    names = [name for n in raise_opset(net, 22).graph.node for name in n.output]
    assert len(names) == len({*names}) == 3


def old(nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto], opset: int) -> onnx.ModelProto:
    return model(nodes, [info("x", [1, 2, 4, 4])], [info("y", None)], weights, opset, ir_version=6)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_upsample_becomes_a_resize_that_computes_the_same(mode: str) -> None:
    nodes = [node("Upsample", "x s", "u", mode=mode), node("Neg", "u", "y")]
    net = old(nodes, [f32("s", [1, 1, 2, 2])], 9)
    raised = raise_opset(net, 13)
    assert [(n.name, n.op_type, n.domain) for n in raised.graph.node] == [("n_u", "Resize", ""), ("n_y", "Neg", "")]
    assert [entry.domain for entry in raised.opset_import] == [""]
    feed = {"x": random(1, 2, 4, 4)}
    np.testing.assert_allclose(run(raised, feed)[0], run(net, feed)[0], rtol=1e-6)


def test_nodes_that_the_converter_adds_are_named_after_their_output() -> None:
    net = old([node("Squeeze", "x", "y", axes=[0])], [], 11)
    raised = raise_opset(net, 13)
    assert "n_y" in [n.name for n in raised.graph.node]
    assert all(n.name for n in raised.graph.node)


def test_metadata_outlives_the_converter() -> None:
    net = old([node("Clip", "x", "y", min=0.0, max=1.0)], [], 9)
    onnx.helper.set_model_props(net, {"stride": "32"})
    assert {p.key: p.value for p in raise_opset(net, 13).metadata_props} == {"stride": "32"}


def test_from_below_13_both_ways_are_gone() -> None:
    net = old([node("ReduceMean", "x", "y", axes=[1])], [], 11)
    raised = raise_opset(net, 22)
    assert raised.opset_import[0].version == 22
    feed = {"x": random(1, 2, 4, 4)}
    np.testing.assert_allclose(run(raised, feed)[0], run(net, feed)[0], rtol=1e-6)


def test_what_the_converter_refuses_is_an_error_that_says_what_to_do() -> None:
    net = old([node("Nobody", "x", "y")], [], 9)
    with pytest.raises(ModelError, match=r"cannot convert the model from opset 9 to 13: .*Export it again"):
        raise_opset(net, 13)


def test_a_node_that_the_converter_loses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(model: onnx.ModelProto, target: int) -> onnx.ModelProto:
        del model.graph.node[0]
        return model

    monkeypatch.setattr(onnx.version_converter, "convert_version", forgetful)
    with pytest.raises(ModelError, match="ONNX's opset converter lost the nodes n_a"):
        raise_opset(old([node("Neg", "x", "a"), node("Neg", "a", "y")], [], 9), 13)


def old_scan(opset: int) -> onnx.ModelProto:
    nodes = [node("Add", "s r", "n"), node("Identity", "n", "o")]
    body = onnx.helper.make_graph(nodes, "b", [info("s", [4]), info("r", [4])], [info("n", [4]), info("o", [4])])
    given = "- z x" if opset == 8 else "z x"
    scan = node("Scan", given, "f y", "scan", body=body, num_scan_inputs=1)
    return model([scan], [info("z", [1, 4]), info("x", [1, 3, 4])], [info("f", None), info("y", None)], (), opset)


def test_a_scan_of_opset_8_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"'scan' is a Scan of opset 8, .* opset 9 or newer"):
        refuse_old_scans(old_scan(8))
    refuse_old_scans(old_scan(9))


def test_roi_align_keeps_its_first_coordinates() -> None:
    rois = [f32("r", [[0.0, 0.0, 3.0, 2.0]]), i64("i", [0])]
    net = model([node("RoiAlign", "x r i", "y", output_height=2)], [info("x", [1, 1, 4, 4])], [info("y", None)], rois)
    net.opset_import[0].version = 13
    raised = raise_opset(net, 21)
    feed = {"x": random(1, 1, 4, 4)}
    np.testing.assert_array_equal(run(raised, feed)[0], run(net, feed)[0])


ADDED = {
    *("AveragePool.dilations", "BatchNormalization.training_mode", "Cast.saturate", "CastLike.saturate"),
    *(
        "DequantizeLinear.block_size",
        "GRU.layout",
        "GroupNormalization.stash_type",
        "LSTM.layout",
        "LpPool.ceil_mode",
    ),
    *("LpPool.dilations", "QuantizeLinear.block_size", "QuantizeLinear.output_dtype", "QuantizeLinear.saturate"),
    *("RNN.layout", "Reshape.allowzero", "Resize.antialias", "Resize.axes", "Resize.keep_aspect_ratio_policy"),
    *("RoiAlign.coordinate_transformation_mode", "ScatterElements.reduction", "ScatterND.reduction"),
    *("Shape.end", "Shape.start", "Split.num_outputs"),
}
"""Attributes that came after opset 13: each was judged; but for RoiAlign and Split the default is as before."""


def test_no_operator_got_an_attribute_that_nobody_judged() -> None:
    found = set()
    for schema in onnx.defs.get_all_schemas_with_history():
        if not schema.domain and 13 < schema.since_version <= 22 and not schema.name.startswith("Reduce"):
            with contextlib.suppress(onnx.defs.SchemaError):  # it is new itself
                before = onnx.defs.get_schema(schema.name, schema.since_version - 1)
                found |= {f"{schema.name}.{name}" for name in schema.attributes.keys() - before.attributes.keys()}
    assert found == ADDED


def forms(version: int) -> dict[str, tuple[object, ...]]:
    """Operator → the names of what it takes, in opset ``version``, of those that changed in opset 22."""
    changed = {s.name for s in onnx.defs.get_all_schemas_with_history() if not s.domain and s.since_version == 22}
    schemas = [onnx.defs.get_schema(name, version) for name in changed]
    return {s.name: (sorted(s.attributes), [(i.name, i.option) for i in s.inputs], len(s.outputs)) for s in schemas}


def test_opset_22_changed_no_operator_in_its_form() -> None:
    assert len(forms(22)) > 40
    assert forms(22) == forms(21)


@pytest.mark.parametrize(("version", "declared"), [(21, 21), (22, 21), (23, 23)])
def test_only_opset_22_is_lowered(version: int, declared: int) -> None:
    net = model([node("Neg", "x", "y")], [X], [info("y", [2, 4, 3])], opset=version)
    lower_opset(net)
    assert net.opset_import[0].version == declared
