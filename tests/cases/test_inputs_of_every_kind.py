"""Whatever a network takes, it goes the whole way: read, fed, compared, searched, rewritten, judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import f32, i64, info, model, node
from numpy.typing import NDArray
from onnx import TensorProto, helper

import trtflow
from trtflow.errors import ModelError
from trtflow.tasks.judge import Conditions

RNG = np.random.default_rng(3)
SQNR: Conditions = {"sqnr": {"min": 40}}
WEIGHT = f32("w", RNG.normal(size=(8, 3)) / 2)
MATMUL = node("MatMul", "x w", "y", "mm")
Y = info("y", ["rows", "columns"])
Case = tuple[onnx.ModelProto, dict[str, NDArray[Any]]]


def x(*shape: int) -> NDArray[np.float32]:
    return RNG.normal(size=shape or (5, 8)).astype(np.float32)


def cast(elem: int) -> list[onnx.NodeProto]:
    return [node("Cast", "x", "f", to=TensorProto.FLOAT), node("MatMul", "f w", "y", "mm")]


def beside(nodes: list[onnx.NodeProto], *inputs: onnx.ValueInfoProto, opset: int = 17) -> onnx.ModelProto:
    """``nodes`` make y of t, the product, and of ``inputs``."""
    product = node("MatMul", "x w", "t", "mm")
    return model([product, *nodes], [info("x", ["n", 8]), *inputs], [Y], [WEIGHT, f32("zero", 0)], opset)


def declared(shape: list[int | str]) -> Case:
    return model([MATMUL], [info("x", shape)], [Y], [WEIGHT]), {"x": x()}


def bf16() -> Case:
    elem = TensorProto.BFLOAT16
    weight = helper.make_tensor("w", elem, [8, 3], x(24))
    return model([MATMUL], [info("x", ["n", 8], elem)], [info("y", ["n", 3], elem)], [weight]), {"x": x()}


def cache(rows: int) -> Case:
    """Keys of earlier tokens, none at first, scaled and put before the new ones; they are an output as well."""
    nodes = [node("Mul", "past half", "p"), node("Concat", "p x", "all", axis=0), node("MatMul", "all w", "y")]
    inputs, outputs = [info("past", ["p", 8]), info("x", ["n", 8])], [Y, info("p", ["p", 8])]
    return model(nodes, inputs, outputs, [WEIGHT, f32("half", 0.5)]), {"past": x(rows, 8), "x": x()}


def strings() -> Case:
    nodes = [node("RegexFullMatch", "s", "m", pattern="a.*"), node("Where", "m t zero", "y")]
    net = beside(nodes, info("s", ["n", 1], TensorProto.STRING), opset=20)
    return net, {"x": x(), "s": np.array([["ab"], ["b"], ["a"], ["ba"], ["abc"]])}


def untaken() -> Case:
    """A branch for columns of width 1, which the sample has not: with its shape, that branch is an error."""
    squeeze = helper.make_graph([node("Squeeze", "x one", "q")], "then", [], [info("q", None)])
    keep = helper.make_graph([node("Identity", "x", "k")], "else", [], [info("k", None)])
    nodes = [node("Shape", "x", "s"), node("Gather", "s one", "c"), node("Equal", "c one", "e")]
    nodes += [node("If", "e", "u", then_branch=squeeze, else_branch=keep), node("MatMul", "u w", "y")]
    return model(nodes, [info("x", ["n", "c"])], [Y], [WEIGHT, i64("one", [1])]), {"x": x()}


def spectrum() -> Case:
    """One-sided, which ONNX's shape inference overlooks."""
    nodes = [node("STFT", "x step - length", "s", onesided=1), node("Mul", "s s", "y")]
    weights = [i64("step", 16), i64("length", 64)]
    return model(nodes, [info("x", [1, "n", 1])], [info("y", [1, "f", "b", 2])], weights), {"x": x(1, 192, 1)}


CASES: dict[str, Case] = {
    "dimension -1": declared([-1, 8]),
    "dimension ?": declared(["?", "?"]),
    "dimension without a name": declared(["", 8]),
    "0-d": (
        beside([node("Cast", "s", "f", to=1), node("Mul", "t f", "y")], info("s", [], TensorProto.INT64)),
        {"x": x(), "s": np.array(3)},
    ),
    "no element": cache(0),
    "some elements": cache(2),
    "bool": (
        beside([node("Where", "s t zero", "y")], info("s", ["n", 1], TensorProto.BOOL)),
        {"x": x(), "s": np.array([[True], [False], [True], [True], [False]])},
    ),
    "bfloat16": bf16(),
    "string": strings(),
    "an output as well": (
        model([MATMUL], [info("x", ["n", 8])], [Y, info("x", ["n", 8])], [WEIGHT]),
        {"x": x()},
    ),
    "a branch that is not taken": untaken(),
    "a one-sided spectrum": spectrum(),
    **{
        kind: (
            model(cast(elem), [info("x", ["n", 8], elem)], [Y], [WEIGHT]),
            {"x": RNG.integers(0, 100, (5, 8)).astype(kind)},
        )
        for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float64")
        for elem in [helper.np_dtype_to_tensor_dtype(np.dtype(kind))]
    },
}


def opened(net: onnx.ModelProto, feed: dict[str, NDArray[Any]], folder: Path) -> tuple[onnx.ModelProto, Any]:
    onnx.save(net, folder / "m.onnx")
    (folder / "data").mkdir()
    for index in range(4):
        np.savez(folder / "data" / f"{index}.npz", **feed)  # type: ignore[arg-type]
    loaded = trtflow.load(folder / "m.onnx").model
    return loaded, trtflow.open_data(str(folder / "data"), loaded)


@pytest.mark.parametrize("kind", CASES)
def test_the_whole_way(kind: str, tmp_path: Path) -> None:
    net, data = opened(*CASES[kind], tmp_path)
    trtflow.check_data(net, data)
    assert trtflow.compare(net, data).layers
    decided = trtflow.bisect(net, data, accept=SQNR)
    assert decided.search.accepted
    judged = trtflow.validate(net, trtflow.rewrite(net, decided.plan).model, data, accept=SQNR)
    assert judged.accepted
    assert judged.candidate["sqnr"] < 100, "something was really rounded"


def test_a_sample_that_does_not_fit_is_named(tmp_path: Path) -> None:
    net, data = opened(declared(["n", "c"])[0], {"x": x(5, 6)}, tmp_path)
    with pytest.raises(ModelError, match=r"the sample does not fit the network: input 'x' has shape \(5, 6\)"):
        trtflow.compare(net, data)


@pytest.mark.parametrize("accept", [{"agreement": {"min": 0.9}}, SQNR], ids=["agreement", "sqnr"])
def test_an_output_of_strings_alone_is_judged_by_what_it_says(accept: Conditions, tmp_path: Path) -> None:
    table = helper.make_tensor("names", TensorProto.STRING, [3], [b"cat", b"dog", b"owl"])
    nodes = [MATMUL, node("ArgMax", "y", "i", axis=-1, keepdims=0), node("Gather", "names i", "name")]
    net = model(nodes, [info("x", ["n", 8])], [info("name", ["n"], TensorProto.STRING)], [WEIGHT, table])
    net, data = opened(net, {"x": x()}, tmp_path)
    decided = trtflow.bisect(net, data, accept=accept)
    assert decided.search.accepted
    judged = decided.search.metrics["candidate"]
    assert judged["sqnr"] < 100
    assert judged.get("agreement", 1.0) == 1.0
