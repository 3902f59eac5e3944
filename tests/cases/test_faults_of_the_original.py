"""Files with faults that runtimes forgive go the whole way; the mixed file has the interface that they declared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from decisions import decision
from graph_models import accepted, f32, info, model, node, random, run
from onnx import TensorProto, helper, numpy_helper

import trtflow
from trtflow.calibration.calibrate import Choice
from trtflow.data import Sample
from trtflow.model.types import Shape, declared_type
from trtflow.tasks.inspect import inspect
from trtflow.tasks.rewrite import rewrite_file

SAMPLES = [Sample({"x": random(2, 3, 8, 8, seed=seed)}) for seed in range(2)]
DATA = trtflow.Dataset("normal", lambda: iter(SAMPLES))
HEAD = np.where(np.abs(random(6, 4, seed=3)) > 0.5, random(6, 4, seed=3), 0).astype(np.float32)


def pooled(output: onnx.ValueInfoProto | None = None) -> onnx.ModelProto:
    """Two convolutions, and a product of what is pooled; its output is [batch, 4]."""
    nodes = [
        node("Conv", "x w1", "c1", "first", pads=[1, 1, 1, 1]),
        node("Relu", "c1", "a1", "relu"),
        node("Conv", "a1 w2", "c2", "second", pads=[1, 1, 1, 1]),
        node("Clip", "c2", "a2", "clip"),
        node("GlobalAveragePool", "a2", "p", "pool"),
        node("Flatten", "p", "f", "flatten"),
        node("MatMul", "f head", "y", "head"),
    ]
    weights = [
        f32("w1", random(6, 3, 3, 3, seed=1, scale=0.3)),
        f32("w2", random(6, 6, 3, 3, seed=2, scale=0.3)),
        f32("head", HEAD),
    ]
    return model(nodes, [info("x", ["batch", 3, 8, 8])], [output or info("y", ["batch", 4])], weights)


def nameless(net: onnx.ModelProto) -> None:
    net.graph.name = ""


def untyped(net: onnx.ModelProto) -> None:
    net.graph.output[0].ClearField("type")


def declared(*shape: int | str | None) -> Callable[[onnx.ModelProto], None]:
    return lambda net: net.graph.output[0].CopyFrom(info("y", shape))


def without_shape(net: onnx.ModelProto) -> None:
    net.graph.output[0].CopyFrom(info("y", None))


def stale_inside(net: onnx.ModelProto) -> None:
    net.graph.value_info.extend([info("c1", [1, 6, 8, 8]), info("a2", [1, 6, 8, 8]), info("f", [1, 6, 1])])


def backwards(net: onnx.ModelProto) -> None:
    nodes = list(net.graph.node)[::-1]
    held = onnx.GraphProto(node=nodes)
    del net.graph.node[:]
    net.graph.node.extend(held.node)


def spelt_out(net: onnx.ModelProto) -> None:
    for entry in (*net.opset_import, *net.graph.node):
        entry.domain = "ai.onnx"


def repeated(net: onnx.ModelProto) -> None:
    for value in ("one", "two"):
        net.metadata_props.add(key="version", value=value)


def sparse(net: onnx.ModelProto) -> None:
    at = np.flatnonzero(HEAD)
    values, places = numpy_helper.from_array(HEAD.reshape(-1)[at], "head"), numpy_helper.from_array(at, "")
    net.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [6, 4]))
    del net.graph.initializer[-1]


def trailing(net: onnx.ModelProto) -> None:
    net.graph.node[0].input.append("")
    net.graph.node[3].input.extend(["", ""])


RIGHT: Shape = ("batch", 4)
KINDS: dict[str, tuple[Callable[[onnx.ModelProto], None], int, Shape]] = {
    "no fault": (lambda net: None, 0, RIGHT),
    "dimensions by names of their own": (declared("rows", "classes"), 0, ("rows", "classes")),
    "an output without a shape": (without_shape, 1, RIGHT),
    "an output without a type": (untyped, 1, RIGHT),
    "a stale output": (declared(1, 4), 1, RIGHT),
    "an output of the wrong rank": (declared(1, "length", 4), 1, RIGHT),
    "stale types inside": (stale_inside, 1, RIGHT),
    "a graph without a name": (nameless, 1, RIGHT),
    "nodes out of order": (backwards, 1, RIGHT),
    "the domain spelt out": (spelt_out, 1, RIGHT),
    "a metadata key twice": (repeated, 1, RIGHT),
    "a sparse initializer": (sparse, 1, RIGHT),
    "empty names behind": (trailing, 1, RIGHT),
}
table = pytest.mark.parametrize(("fault", "notes", "shape"), KINDS.values(), ids=KINDS)


def inspected(fault: Callable[[onnx.ModelProto], None], folder: Path) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    net = pooled()
    fault(net)
    onnx.save(net, folder / "m.onnx")
    loaded, facts = inspect(folder / "m.onnx")
    return accepted(loaded.model), facts.notes


@table
def test_fp16_leaves_a_valid_file_with_the_interface_as_declared(
    fault: Callable[[onnx.ModelProto], None], notes: int, shape: Shape, tmp_path: Path
) -> None:
    net, told = inspected(fault, tmp_path)
    assert len(told) == notes
    done = rewrite_file(net, decision().constraints, tmp_path / "mixed.onnx")
    assert done.notes == ()
    mixed = accepted(onnx.load(tmp_path / "mixed.onnx"))
    (given,), (made,) = mixed.graph.input, mixed.graph.output
    assert (given.name, declared_type(given.type).shape) == ("x", ("batch", 3, 8, 8))
    assert (made.name, declared_type(made.type).elem, declared_type(made.type).shape) == (
        "y",
        TensorProto.FLOAT,
        shape,
    )
    plain = run(pooled(), SAMPLES[0].feed)[0]
    np.testing.assert_allclose(run(mixed, SAMPLES[0].feed)[0], plain, atol=5e-3)


@table
def test_int8_and_the_verdict_go_the_whole_way(
    fault: Callable[[onnx.ModelProto], None], notes: int, shape: Shape, tmp_path: Path
) -> None:
    net, _ = inspected(fault, tmp_path)
    plan = trtflow.PrecisionPlan("fp16", {"first": "int8", "second": "int8"})
    scales = trtflow.calibrate(net, DATA, Choice(trials=1)).scales
    mixed = accepted(trtflow.rewrite(net, plan, scales).model)
    assert sum(entry.op_type == "QuantizeLinear" for entry in mixed.graph.node) > 0
    assert declared_type(mixed.graph.output[0].type).shape == shape
    judged = trtflow.validate(net, mixed, DATA, accept={"sqnr": {"min": 15}})
    assert judged.accepted


def test_a_shape_that_nothing_tells_is_a_note_and_no_fault_of_ours(tmp_path: Path) -> None:
    nodes = [node("Exp", "x", "e", "exp"), node("Reshape", "e to", "y", "as asked")]
    inputs = [info("x", ["n"]), info("to", ["rank"], TensorProto.INT64)]
    onnx.save(model(nodes, inputs, [info("y", None)]), tmp_path / "m.onnx")
    loaded, _ = inspect(tmp_path / "m.onnx")
    done = rewrite_file(loaded.model, decision().constraints, tmp_path / "mixed.onnx")
    assert done.notes == (
        "ONNX's checker complains of the original, too: Field 'shape' of 'type' is required but missing.",
    )
