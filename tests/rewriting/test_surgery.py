"""GraphSurgeon edits names and nodes; whatever else a model holds comes back by name."""

from __future__ import annotations

import onnx
import onnx_graphsurgeon as gs
from graph_models import f32, info, model, node
from onnx import TensorProto, helper

from trtflow.model.edit import clone
from trtflow.model.scopes import scopes
from trtflow.rewriting.surgery import bare_graph, paired, put_back, variables


def network() -> onnx.ModelProto:
    """Weights, attributes of all kinds, metadata, functions' imports, and an If whose bodies read from outside."""
    then = helper.make_graph([node("Mul", "a w", "t")], "then", [], [info("t", None)], [f32("own", [3])])
    other = helper.make_graph([node("Abs", "a", "e")], "else", [], [info("e", None)])
    nodes = [
        node("LeakyRelu", "x", "a", alpha=0.3),
        helper.make_node("If", ["c"], ["y"], "if", then_branch=then, else_branch=other),
    ]
    inputs = [info("x", ["n", 2]), info("c", [], TensorProto.BOOL)]
    net = model(nodes, inputs, [info("y", ["n", 2])], [f32("w", [1, 2]), f32("dead", [0])], producer_name="exporter")
    net.metadata_props.add(key="k", value="v")
    net.graph.doc_string = "documented"
    net.graph.node[0].doc_string = "where it comes from"
    net.graph.value_info.append(info("a", ["n", 2]))
    return net


def test_a_bare_graph_has_names_and_topology_alone() -> None:
    bare = gs.export_onnx(bare_graph(network()), do_type_check=False)
    assert [(n.name, n.op_type, list(n.input), list(n.output)) for n in bare.graph.node] == [
        ("n_a", "LeakyRelu", ["x"], ["a"]),
        ("if", "If", ["c"], ["y"]),
    ]
    assert not bare.graph.initializer
    assert not bare.graph.node[0].attribute
    assert [a.name for a in bare.graph.node[1].attribute] == ["else_branch", "then_branch"]


def test_without_an_edit_all_comes_back_but_what_nothing_reads_and_inner_types() -> None:
    net, expected = network(), network()
    del expected.graph.initializer[1], expected.graph.value_info[:]
    for attribute in expected.graph.node[1].attribute:
        del attribute.g.initializer[:]
    assert put_back(bare_graph(net), net, {}, {}) == expected
    assert net == network()


def test_edits_new_constants_and_changed_attributes_are_in_the_result() -> None:
    net = network()
    graph = bare_graph(net)
    pairs = list(paired(scopes(net)[0], graph))
    shared = variables(pairs)
    graph.nodes[0].outputs[0] = gs.Variable("raw")
    cast = gs.Node("Cast", "cast", {"to": TensorProto.FLOAT}, [graph.nodes[0].outputs[0]], [shared["", "a"]])
    graph.nodes.insert(1, cast)
    then = next(part for scope, part in pairs if scope.path == "/if.then_branch")
    then.nodes[0].inputs[1] = gs.Variable("w__fp16")
    low = {"/if.then_branch": [f32("w__fp16", [1, 2])]}
    found = put_back(graph, net, low, {"n_a": {"alpha": 0.5, "added": 1}})
    assert [(n.name, list(n.input), list(n.output)) for n in found.graph.node] == [
        ("n_a", ["x"], ["raw"]),
        ("cast", ["raw"], ["a"]),
        ("if", ["c"], ["y"]),
    ]
    assert {a.name: helper.get_attribute_value(a) for a in found.graph.node[0].attribute} == {
        "alpha": 0.5,
        "added": 1,
    }
    assert not found.graph.initializer  # nothing reads w any more
    body = next(a.g for a in found.graph.node[2].attribute if a.name == "then_branch")
    assert [tensor.name for tensor in body.initializer] == ["w__fp16"]
    assert list(body.node[0].input) == ["a", "w__fp16"]


def test_scopes_and_graphs_go_in_pairs_outer_ones_first() -> None:
    net = network()
    pairs = list(paired(scopes(net)[0], bare_graph(net)))
    assert [(scope.path, [n.name for n in part.nodes]) for scope, part in pairs] == [
        ("", ["n_a", "if"]),
        ("/if.else_branch", ["n_e"]),
        ("/if.then_branch", ["n_t"]),
    ]
    assert set(variables(pairs)) == {
        *(("", name) for name in ("x", "a", "c", "y", "w")),
        ("/if.then_branch", "t"),
        ("/if.else_branch", "e"),
    }


def test_an_ir_version_that_wants_weights_among_the_inputs_is_raised() -> None:
    net = clone(network())
    net.ir_version = 3
    assert put_back(bare_graph(net), net, {}, {}).ir_version == 4
