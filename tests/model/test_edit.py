from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import onnx
import pytest
from graph_models import f32, info, model, node
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from trtflow.model.edit import (
    FreshNames,
    Suffix,
    clone,
    derived,
    drop_unread,
    fresh_names,
    insert_behind,
    read_instead,
    rename,
    replace_nodes,
)
from trtflow.model.scopes import scopes

SUFFIXES = [word for part in get_args(Suffix) for word in get_args(part)]


def chain() -> onnx.ModelProto:
    """x → a → y, where an If makes y: one branch reads a from outside, the other has an a of its own."""
    outer = helper.make_graph([node("Neg", "a", "t")], "then", [], [info("t", None)])
    own = helper.make_graph([node("Identity", "w", "a"), node("Abs", "a", "e")], "else", [], [info("e", None)])
    nodes = [node("Relu", "x", "a"), helper.make_node("If", ["c"], ["y"], "if", then_branch=outer, else_branch=own)]
    inputs = [info("x", [2]), info("c", [], TensorProto.BOOL)]
    return model(nodes, inputs, [info("y", None)], [f32("w", [1, 2])])


def bodies(net: onnx.ModelProto) -> tuple[onnx.GraphProto, onnx.GraphProto]:
    attributes = {a.name: a.g for n in net.graph.node if n.op_type == "If" for a in n.attribute}
    return attributes["then_branch"], attributes["else_branch"]


@pytest.mark.parametrize(
    ("suffix", "name"), [((), "t"), (("raw",), "t__raw"), (("int8", "codes"), "t__int8_codes")], ids=str
)
def test_a_derived_name_has_its_words_behind_two_lines(suffix: tuple[Suffix, ...], name: str) -> None:
    assert derived("t", *suffix) == name


def test_no_word_stands_twice_in_the_list_of_suffixes() -> None:
    assert len(SUFFIXES) == len(set(SUFFIXES))


@given(st.sets(st.text("a_1", max_size=4)), st.lists(st.text("a_1", max_size=4), max_size=8))
def test_fresh_names_are_new_each_time_and_the_same_for_the_same_questions(taken: set[str], asked: list[str]) -> None:
    first, second = ([fresh(base) for base in asked] for fresh in (FreshNames(taken), FreshNames(taken)))
    assert first == second
    assert len({*first, *taken}) == len(first) + len(taken)


def test_a_taken_name_gets_the_first_free_number() -> None:
    fresh = FreshNames(["t__raw", "t__raw_1"])
    assert [fresh("t", "raw"), fresh("t", "raw"), fresh("t")] == ["t__raw_2", "t__raw_3", "t"]
    assert fresh.each("t", "gate", "raw") == ("t__gate", "t__raw_4")
    assert fresh.pair("t", "n") == "t__n"


@pytest.mark.parametrize("name", ["x", "c", "a", "y", "w", "t", "e", "if", "n_a", "n_t", "n_e"])
def test_names_of_tensors_and_nodes_are_taken_in_bodies_too(name: str) -> None:
    assert fresh_names(chain())(name) == f"{name}_1"


def test_a_clone_shares_nothing_with_its_model() -> None:
    net = chain()
    copy = clone(net)
    copy.graph.node[0].name = "changed"
    assert net == chain() != copy


def test_nodes_of_a_graph_may_be_among_those_that_replace_them() -> None:
    net = chain()
    first, second = net.graph.node
    new = node("Abs", "x", "b")
    replace_nodes(net.graph, [second, new, first])
    new.name = "the graph holds a copy"
    assert [n.name for n in net.graph.node] == ["if", "n_b", "n_a"]
    assert bodies(net) == bodies(chain())


INSERTED: dict[str, tuple[Mapping[str, list[str]], list[str]]] = {
    "behind the node that makes it": ({"a": ["p", "q"]}, ["n_a", "p", "q", "n_b", "n_c"]),
    "once for one of two outputs": ({"c2": ["p"], "c1": ["q"]}, ["n_a", "n_b", "n_c", "q", "p"]),
    "inputs as the graph lists them": ({"w": ["r"], "x2": ["q"], "x1": ["p"]}, ["p", "q", "r", "n_a", "n_b", "n_c"]),
    "nothing before inputs": ({"x1": ["q"], "": ["p"]}, ["p", "q", "n_a", "n_b", "n_c"]),
    "what is captured behind inputs": ({"outer": ["q"], "x1": ["p"]}, ["p", "q", "n_a", "n_b", "n_c"]),
    "none": ({}, ["n_a", "n_b", "n_c"]),
}


@pytest.mark.parametrize(("new", "order"), INSERTED.values(), ids=INSERTED)
def test_nodes_go_behind_what_they_read(new: Mapping[str, list[str]], order: list[str]) -> None:
    nodes = [
        node("Relu", "x1", "a"),
        node("Add", "a x2", "b"),
        helper.make_node("Split", ["b"], ["c1", "", "c2"], "n_c"),
    ]
    net = model(nodes, [info("x1", [3]), info("x2", [3])], [info("c1", None)], [f32("w", [1])])
    insert_behind(
        net.graph, {name: [helper.make_node("Neg", [name], [n], n) for n in made] for name, made in new.items()}
    )
    assert [n.name for n in net.graph.node] == order


def test_readers_read_something_else_where_the_name_means_the_tensor() -> None:
    net = chain()
    read_instead(scopes(net)[0], {"a": "x"})
    then, other = bodies(net)
    assert (list(net.graph.node[0].output), list(then.node[0].input), list(other.node[1].input)) == (
        ["a"],
        ["x"],
        ["a"],
    )


def test_a_body_that_returns_an_outer_tensor_returns_the_other_one() -> None:
    body = helper.make_graph([], "then", [], [info("a", None)])
    nodes = [node("Relu", "x", "a"), helper.make_node("If", ["c"], ["y"], "if", then_branch=body, else_branch=body)]
    net = model(nodes, [info("x", [2]), info("c", [], TensorProto.BOOL)], [info("y", None)])
    read_instead(scopes(net)[0], {"a": "x"})
    assert [[value.name for value in graph.output] for graph in bodies(net)] == [["x"], ["x"]]


def test_renaming_reaches_makers_constants_types_and_captures_but_no_namesakes() -> None:
    net = chain()
    net.graph.value_info.append(info("a", [2]))
    rename(scopes(net)[0], {"a": "b", "w": "v", "y": "z"})
    then, other = bodies(net)
    assert [list(n.output) for n in net.graph.node] == [["b"], ["z"]]
    assert [tensor.name for tensor in net.graph.initializer] == ["v"]
    assert [value.name for value in net.graph.value_info] == ["b"]
    assert [value.name for value in net.graph.output] == ["y"]  # the interface stays
    assert list(then.node[0].input) == ["b"]
    assert [[*n.input, *n.output] for n in other.node] == [["v", "a"], ["a", "e"]]


def test_what_nothing_reads_goes_if_it_is_a_value_in_some_format() -> None:
    nodes = [
        helper.make_node("Constant", [], ["k"], "n_k", value=f32("", 1)),
        node("Cast", "x", "half", to=TensorProto.FLOAT16),
        node("Relu", "x", "unused"),
        node("Add", "x w", "y"),
    ]
    net = model(nodes, [info("x", [2]), info("listed", [1])], [info("y", [2])])
    net.graph.initializer.extend(f32(name, [1]) for name in ("w", "dead", "listed"))
    drop_unread(net)
    assert [n.name for n in net.graph.node] == ["n_unused", "n_y"]
    assert [tensor.name for tensor in net.graph.initializer] == ["w", "listed"]


def test_what_only_a_body_reads_stays() -> None:
    net = chain()
    drop_unread(net)
    assert net == chain()
