"""For each ONNX operator a small model of it alone, in FP32 or with every tensor low that its schema lets be low.

The nodes and values are those of onnx.backend.test. What is low is decided by the schema alone, not by trtflow's
table of operators, which these models are to check; Casts stand around the node, as in a rewritten file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import onnx
from conformance_cases import Case, cases
from onnx import TensorProto, helper, numpy_helper

from trtflow.model.constants import cast
from trtflow.model.scopes import CONTROL_FLOW, STANDARD_DOMAINS
from trtflow.model.types import DTYPE_ATTRIBUTES, formal_parameter, has_default, schema_of
from trtflow.precision import FP32, ROWS, Precision

OPSET = 24
"""The opset of all models. Where an older one does not allow a format that this one does, trtflow raises it."""
OLDEST = 13
Formals = Iterable[onnx.defs.OpSchema.FormalParameter]


def operators() -> tuple[str, ...]:
    """ONNX's operators of opsets 13 to 24 that may hold FP32 tensors; without those that hold graphs."""
    names = {schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain} - CONTROL_FLOW
    return tuple(sorted(name for name in names if any(map(_has_floats, (OLDEST, OPSET), (name, name)))))


def _has_floats(version: int, op: str) -> bool:
    schema = schema_of(op, version)
    if schema is None or schema.deprecated:
        return False
    return any("tensor(float)" in formal.types for formal in (*schema.inputs, *schema.outputs))


@cache
def small_cases() -> Mapping[str, list[Case]]:
    """By operator, the cases that are one node of it and hold an FP32 tensor."""
    found: dict[str, list[Case]] = {}
    for case in (*cases(), *_lacking()):
        nodes = case.model.graph.node
        if (
            case.kind == "node"
            and len(nodes) == 1
            and nodes[0].domain in STANDARD_DOMAINS
            and _holds_fp32(case.model)
        ):
            found.setdefault(nodes[0].op_type, []).append(case)
    return found


def _holds_fp32(model: onnx.ModelProto) -> bool:
    return any(_elem(value) == TensorProto.FLOAT for value in (*model.graph.input, *model.graph.output))


def _elem(value: onnx.ValueInfoProto) -> int:
    return int(value.type.tensor_type.elem_type)


def _lacking() -> Iterator[Case]:
    """Operators of which onnx.backend.test has no case of one node, or none in FP32."""
    data = np.linspace(-2, 2, 24, dtype=np.float32).reshape(1, 2, 3, 4)
    boxes = np.array([[0, 0, 0, 2, 2]], np.float32)
    yield _case("CumSum", [data, np.array(1, np.int32)], _output(*data.shape))
    yield _case("Einsum", [data[0, 0], data[0, 1].T.copy()], _output(3, 3), equation="ij,jk->ik")
    yield _case("Equal", [data, data], _output(*data.shape, elem=TensorProto.BOOL))
    yield _case("GlobalLpPool", [data], _output(1, 2, 1, 1))
    yield _case("MaxRoiPool", [data, boxes], _output(1, 2, 2, 2), pooled_shape=[2, 2])
    yield _case("Multinomial", [data[0, 0]], _output(3, 2, elem=TensorProto.INT32), sample_size=2)
    yield _case("NonZero", [data], _output(4, None, elem=TensorProto.INT64))
    yield _case("RandomNormal", [], _output(2, 3), shape=[2, 3])
    yield _case("RandomNormalLike", [data], _output(*data.shape))
    yield _case("RandomUniform", [], _output(2, 3), shape=[2, 3])
    yield _case("RandomUniformLike", [data], _output(*data.shape))
    yield _case("Trilu", [data], _output(*data.shape))


def _output(*shape: int | None, elem: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    made: onnx.ValueInfoProto = helper.make_tensor_value_info("y", elem, shape)
    return made


def _case(op: str, given: list[Any], output: onnx.ValueInfoProto, **attributes: Any) -> Case:
    names = [f"x{index}" for index in range(len(given))]
    elems = [helper.np_dtype_to_tensor_dtype(array.dtype) for array in given]
    inputs = [helper.make_tensor_value_info(n, e, a.shape) for n, e, a in zip(names, elems, given, strict=True)]
    graph = helper.make_graph([helper.make_node(op, names, ["y"], **attributes)], "one", inputs, [output])
    return Case(
        f"own_{op}", "node", helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]), tuple(given)
    )


def variants(case: Case) -> Iterator[onnx.ModelProto]:
    """The FP32 models of ``case``: all inputs constant but the first (weights, sizes), the integers, none.

    Then the same with the first output alone.
    """
    feed = case.feed()
    names = [value.name for value in case.model.graph.input]
    for outputs in dict.fromkeys((len(case.model.graph.output), 1)):
        for constant in (names[1:], [n for n in names if feed[n] is not None and feed[n].dtype.kind == "i"], []):
            if all(isinstance(feed[name], np.ndarray) for name in constant):
                yield _model(case.model, {name: feed[name] for name in constant}, outputs)


def _model(source: onnx.ModelProto, weights: Mapping[str, Any], outputs: int) -> onnx.ModelProto:
    graph = onnx.GraphProto()
    graph.CopyFrom(source.graph)
    del graph.output[outputs:]
    if len(graph.output) < len(source.graph.output):
        del graph.node[0].output[outputs:]
    inputs = [value for value in graph.input if value.name not in weights]
    made = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    alone = helper.make_graph(graph.node, "one", inputs, graph.output, made)
    model: onnx.ModelProto = helper.make_model(alone, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=11)
    return model


def lowered(model: onnx.ModelProto, precision: Precision) -> onnx.ModelProto | None:
    """``model`` with every FP32 tensor of its node in ``precision`` that the schema allows; None if there is none."""
    low = onnx.ModelProto()
    low.CopyFrom(model)
    node, graph = low.graph.node[0], low.graph
    schema = schema_of(node.op_type, OPSET)
    assert schema is not None
    read = _allowed(schema.inputs, node.input, (*graph.input, *graph.initializer), precision)
    made = _allowed(schema.outputs, node.output, graph.output, precision)
    if not read and not made:
        return None
    elem = ROWS[precision].onnx_type
    for tensor in graph.initializer:
        if tensor.name in read:
            tensor.CopyFrom(cast(tensor, precision, tensor.name))
    given = [value.name for value in graph.input if value.name in read]
    heads = [helper.make_node("Cast", [name], [f"{name}_low"], name=f"low_{name}", to=elem) for name in given]
    tails = [
        helper.make_node("Cast", [f"{n}_low"], [n], name=f"up_{n}", to=ROWS[FP32].onnx_type) for n in sorted(made)
    ]
    node.input[:] = [f"{name}_low" if name in given else name for name in node.input]
    node.output[:] = [f"{name}_low" if name in made else name for name in node.output]
    _retype(node, precision, bool(made))
    nodes = [*heads, node, *tails]
    del graph.node[:]
    graph.node.extend(nodes)
    return low


def _allowed(formals: Formals, names: Iterable[str], values: Iterable[Any], precision: Precision) -> set[str]:
    """Those of ``names`` that are FP32 and may be ``precision``."""
    wanted = ROWS[precision].names.schema
    floats = {
        v.name for v in values if (v.data_type if isinstance(v, TensorProto) else _elem(v)) == TensorProto.FLOAT
    }
    known = [(name, formal_parameter(formals, index)) for index, name in enumerate(names)]
    return {name for name, formal in known if name in floats and formal is not None and wanted in formal.types}


def _retype(node: onnx.NodeProto, precision: Precision, made: bool) -> None:
    """Let the attribute that names or holds the type of the output follow it."""
    name = DTYPE_ATTRIBUTES.get(node.op_type, "")
    stated = [attribute for attribute in node.attribute if attribute.name == name]
    if made and (stated or has_default(node.op_type, name, OPSET)):
        for attribute in stated:
            node.attribute.remove(attribute)
        node.attribute.append(helper.make_attribute(name, ROWS[precision].onnx_type))
    for attribute in node.attribute:
        if made and attribute.name == "value" and attribute.t.data_type == TensorProto.FLOAT:
            attribute.t.CopyFrom(cast(attribute.t, precision, attribute.t.name))
