from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_models import accepted, casts, conv_net, f32, i64, info, model, node, ops, random, run
from onnx import TensorProto, helper, numpy_helper

from trtflow.errors import ModelError
from trtflow.model import load as load_module
from trtflow.model.load import load, prepare, save


def nameless(op: str, inputs: str, outputs: str, name: str = "", **attributes: object) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), name, **attributes)


def test_missing_and_repeated_names_are_repaired_and_recorded() -> None:
    then = helper.make_graph([nameless("Exp", "a", "o", "dup")], "t", [], [info("o", [4])])
    orelse = helper.make_graph([nameless("Neg", "a", "o")], "e", [], [info("o", [4])])
    nodes = [
        nameless("Relu", "x", "a"),
        nameless("Neg", "a", "b", "dup"),
        nameless("Abs", "b", "d", "dup"),
        nameless("If", "c", "y", "dup_1", then_branch=then, else_branch=orelse),
    ]
    net = model(nodes, [info("c", [], TensorProto.BOOL), info("x", [4])], [info("y", [4]), info("d", [4])])
    prepared, notes = prepare(net)
    branches = [a.g.node[0].name for a in prepared.graph.node[3].attribute]
    assert [n.name for n in prepared.graph.node] + branches == [
        *("node_of_a", "dup", "dup_2", "dup_1", "node_of_o", "dup_3"),
    ]
    assert notes == (
        "2 nodes had no name and were named after their first output",
        "2 nodes repeated another's name (dup) and were numbered",
    )
    assert [n.name for n in net.graph.node] == ["", "dup", "dup", "dup_1"]


def test_a_clean_model_comes_back_as_it_is() -> None:
    net = model([node("Relu", "x", "y")], [info("x", [4])], [info("y", [4])])
    assert prepare(net) == (net, ())


@pytest.mark.parametrize("ir_version", [3, 4, 8])
def test_weights_listed_as_inputs_become_constants(ir_version: int) -> None:
    net = model(
        [node("Add", "x w", "y")], [info("x", [4]), info("w", [4])], [info("y", [4])], [f32("w", random(4))],
        ir_version=ir_version,
    )  # fmt: skip
    prepared, notes = prepare(net)
    assert [i.name for i in accepted(prepared).graph.input] == ["x"]
    assert notes == ("1 weights were listed as inputs and became constants",)


@pytest.mark.parametrize(("elem", "dtype"), [(TensorProto.FLOAT16, np.float16), (TensorProto.BFLOAT16, None)])
def test_a_low_model_becomes_exact_fp32_and_keeps_its_interface(elem: int, dtype: object) -> None:
    weight = helper.make_tensor("w", elem, [4], random(4).tolist())
    nodes = [
        node("Cast", "i", "f", to=elem),
        node("Constant", "", "k", value=helper.make_tensor("", elem, [], [0.1])),
        node("Add", "x w", "a"),
        node("Mul", "a k", "b"),
        node("Add", "b f", "c"),
        node("Cast", "c", "d", to=TensorProto.FLOAT),
        node("Cast", "d", "y", to=elem),
    ]
    inputs = [info("x", [4], elem), info("i", [4], TensorProto.INT64)]
    net = model(nodes, inputs, [info("y", [4], elem)], [weight], opset=18)
    prepared, notes = prepare(net)
    accepted(prepared)
    assert ops(prepared.graph) == ["Cast", "Cast", "Constant", "Add", "Mul", "Add", "Identity", "Cast"]
    assert [v.type.tensor_type.elem_type for v in (*prepared.graph.input, *prepared.graph.output)] == [elem, 7, elem]
    assert numpy_helper.to_array(prepared.graph.initializer[0]).dtype == np.float32
    assert [text.split(" ")[1:3] for text in notes] == [["FP16", "or"], ["Casts", "that"]]
    if dtype is not None:
        feed = {"x": random(4).astype(np.float16), "i": np.arange(4)}
        np.testing.assert_allclose(run(prepared, feed)[0], run(net, feed)[0], rtol=2e-3)


def test_the_values_of_low_weights_are_exact_in_fp32() -> None:
    exact = np.array([0.1, 65504, 5.96e-8, -0.0], np.float16)
    net = model(
        [node("Add", "x w", "y")],
        [info("x", [4], TensorProto.FLOAT16)],
        [info("y", [4], TensorProto.FLOAT16)],
        [numpy_helper.from_array(exact, "w")],
    )
    held = numpy_helper.to_array(prepare(net)[0].graph.initializer[0])
    np.testing.assert_array_equal(held.view(np.uint32), exact.astype(np.float32).view(np.uint32))


def test_bodies_of_low_models_are_upcast_and_captured_names_follow() -> None:
    half = TensorProto.FLOAT16
    then = helper.make_graph([node("Exp", "x", "o", "e")], "t", [], [info("o", [4], half)])
    orelse = helper.make_graph([node("Neg", "x", "o", "n")], "e", [], [info("o", [4], half)])
    nodes = [node("If", "c", "y", "if", then_branch=then, else_branch=orelse)]
    net = model(nodes, [info("c", [], TensorProto.BOOL), info("x", [4], half)], [info("y", [4], half)])
    prepared = accepted(prepare(net)[0])
    assert casts(prepared.graph) == [("x", "fp32"), ("y__fp32", "fp16")]
    assert [a.g.node[0].input[0] for a in prepared.graph.node[1].attribute] == ["x__fp32", "x__fp32"]


def test_local_functions_are_inlined() -> None:
    function = helper.make_function(
        "mine", "Twice", ["a"], ["b"], [node("Add", "a a", "b")], [helper.make_opsetid("", 17)]
    )
    net = model([node("Twice", "x", "y", domain="mine")], [info("x", [4])], [info("y", [4])], functions=[function])
    net.opset_import.append(helper.make_opsetid("mine", 1))
    prepared, notes = prepare(net)
    assert ops(prepared.graph) == ["Add"]
    assert notes[0] == "1 local functions were inlined"


@pytest.mark.parametrize(
    ("nodes", "weights", "opset"),
    [
        ([node("Clip", "x", "y", min=-0.5, max=0.5)], [], 7),
        ([node("Slice", "x", "y", starts=[0], ends=[1], axes=[0])], [], 9),
        ([node("Pad", "x", "y", pads=[0, 1, 0, 1], value=2.0)], [], 10),
        ([node("Softmax", "x", "y", axis=0)], [], 11),
        ([node("Squeeze", "x1", "y", axes=[0]), node("Unsqueeze", "x", "x1", axes=[0])][::-1], [], 11),
        ([node("ReduceSum", "x", "y", axes=[1], keepdims=1)], [], 11),
        ([node("Upsample", "x s", "y", mode="nearest")], [f32("s", [2, 2])], 9),
    ],
)
def test_old_opsets_are_raised_and_compute_the_same(
    nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto], opset: int
) -> None:
    net = model(nodes, [info("x", [2, 3])], [info("y", None)], weights, opset, ir_version=6)
    prepared, notes = prepare(net)
    assert prepared.opset_import[0].version == 13
    assert f"opset {opset} was raised to 13" in notes
    assert {n.name for n in nodes} <= {n.name for n in prepared.graph.node}
    feed = {"x": random(2, 3)}
    np.testing.assert_array_equal(run(prepared, feed)[0], run(net, feed)[0])


def test_an_opset_that_cannot_be_raised_is_refused_by_name_or_kept() -> None:
    strange = node("Nobody", "x", "y", domain="custom")
    net = model([strange], [info("x", [4])], [info("y", [4])], opset=9, ir_version=6)
    net.opset_import.append(helper.make_opsetid("custom", 1))
    prepared, notes = prepare(net)
    assert prepared.opset_import[0].version in (9, 13)
    assert len(notes) == 1


def test_the_digest_is_of_the_file_and_files_round_trip(tmp_path: Path) -> None:
    net = model([node("Relu", "x", "y")], [info("x", [4])], [info("y", [4])])
    save(net, tmp_path / "net.onnx")
    loaded = load(tmp_path / "net.onnx")
    assert loaded.model == net
    assert loaded.digest == hashlib.sha256((tmp_path / "net.onnx").read_bytes()).hexdigest()


def test_external_data_is_read_and_counts_in_the_digest(tmp_path: Path) -> None:
    def digest(value: float) -> str:
        net = model(
            [node("Add", "x w", "y")], [info("x", [512])], [info("y", [512])], [f32("w", np.full(512, value))]
        )
        onnx.save(net, tmp_path / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
        loaded = load(tmp_path / "net.onnx")
        assert numpy_helper.to_array(loaded.model.graph.initializer[0])[0] == value
        return loaded.digest

    first = digest(1.0)
    (tmp_path / "net.data").unlink()
    assert first != digest(2.0)


@pytest.mark.parametrize(("content", "message"), [(None, "cannot read"), (b"no model", "is not an ONNX model")])
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "net.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load(path)


def test_missing_external_data_is_refused(tmp_path: Path) -> None:
    net = model([node("Add", "x w", "y")], [info("x", [4])], [info("y", [4])], [f32("w", random(4))])
    onnx.save(net, tmp_path / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
    (tmp_path / "net.data").unlink()
    with pytest.raises(ModelError, match="external data is missing"):
        load(tmp_path / "net.onnx")


def test_sequence_inputs_are_left_alone() -> None:
    net = model(
        [node("SequenceAt", "s i", "a"), node("Relu", "a", "y")],
        [helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, [4])],
        [info("y", [4])],
        [i64("i", 0)],
    )
    assert prepare(net) == (net, ())


def test_a_file_that_parses_and_holds_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(onnx.ModelProto(ir_version=8).SerializeToString())
    with pytest.raises(ModelError, match="it holds no graph"):
        load(tmp_path / "net.onnx")


@pytest.mark.parametrize(("op", "opset", "kept"), [("RoiAlign", 9, True), ("GRU", 5, False)])
def test_an_opset_that_onnx_cannot_convert_is_kept_while_onnx_runtime_takes_it(
    op: str, opset: int, kept: bool
) -> None:
    net = model([node(op, "x", "y")], [info("x", [4])], [info("y", [4])], opset=opset, ir_version=3)
    if not kept:
        with pytest.raises(ModelError, match=f"cannot convert the model from opset {opset}"):
            prepare(net)
        return
    prepared, (note,) = prepare(net)
    assert (prepared, prepared.opset_import[0].version) == (net, opset)
    assert note.startswith(f"opset {opset} was kept, so that bf16 is out of reach: ")


def test_a_model_without_standard_operators_has_no_opset_to_raise() -> None:
    net = model([node("Strange", "x", "y", domain="own")], [info("x", [4])], [info("y", [4])])
    del net.opset_import[:]
    net.opset_import.append(helper.make_opsetid("own", 1))
    assert prepare(net) == (net, ())


@pytest.mark.parametrize(("largest", "beside"), [(2**20, False), (0, True)])
def test_weights_are_written_beside_the_file_when_they_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: int, beside: bool
) -> None:
    monkeypatch.setattr(load_module, "LARGEST", largest)
    net = model([node("Add", "x w", "y")], [info("x", [512])], [info("y", [512])], [f32("w", random(512))])
    save(net, str(tmp_path / "net.onnx"))
    assert (tmp_path / "net.onnx.data").exists() is beside
    assert numpy_helper.to_array(net.graph.initializer[0]).tolist() == random(512).tolist(), "it keeps its weights"
    np.testing.assert_array_equal(
        numpy_helper.to_array(load(tmp_path / "net.onnx").model.graph.initializer[0]), random(512)
    )


def test_weights_in_two_files_count_in_the_digest_in_the_order_of_use(tmp_path: Path) -> None:
    weights = [f32(name, np.full(256, index)) for index, name in enumerate("vw")]
    nodes = [node("Add", "x v", "a"), node("Add", "a w", "y")]
    net = model(nodes, [info("x", [256])], [info("y", [256])], weights)
    onnx.save(net, tmp_path / "net.onnx", save_as_external_data=True, all_tensors_to_one_file=False, size_threshold=0)
    content = [(tmp_path / name).read_bytes() for name in ("net.onnx", "v", "w")]
    assert load(tmp_path / "net.onnx").digest == hashlib.sha256(b"".join(content)).hexdigest()


def test_what_was_done_is_told_in_the_order_of_the_doing() -> None:
    half = TensorProto.FLOAT16
    nodes = [nameless("Cast", "x", "a", to=half), nameless("Add", "a w", "y")]
    weights = [numpy_helper.from_array(random(4).astype(np.float16), "w")]
    net = model(nodes, [info("x", [4]), info("w", [4], half)], [info("y", [4], half)], weights, 11, ir_version=6)
    told = [note.split(" ", 1)[1] for note in prepare(net)[1]]
    assert [text.split(" ")[0] for text in told] == ["nodes", "weights", "11", "FP16", "Casts"]


def test_weights_that_were_stripped_are_refused_by_name(tmp_path: Path) -> None:
    net = conv_net()
    net.graph.initializer[0].ClearField("raw_data")
    net.graph.initializer[0].ClearField("float_data")
    onnx.save(net, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=f"weight '{net.graph.initializer[0].name}' of shape .* is not in the file"):
        load(tmp_path / "m.onnx")
