"""When a look inside is spared, and how what it finds is judged, written down and said."""

from __future__ import annotations

import onnx
import pytest
from graph_models import f32, info, model, node
from planted import rows
from report_fakes import search

from trtflow.files.search import Saturation
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32, INT8
from trtflow.tasks import inside as task
from trtflow.tasks.compare import compare
from trtflow.tasks.documents import Documents
from trtflow.tasks.inside import Wanted, held_to, look_inside, rests_on_saturation, rules_out, saturation
from trtflow.tasks.marks import marks

ALL = PrecisionPlan(FP16)
SAMPLES = rows(1, 30, 300)
FOUND = Saturation(layers=16, nodes=("exp", "add", "log"), mended={"tanh": "Tanh"})
HARM = Saturation(layers=16, nodes=("cube",), unshown={"rsqrt": "Reciprocal"})


@pytest.fixture
def net() -> onnx.ModelProto:
    """y = tanh(x²) / x: ``square`` overflows from 256 on."""
    nodes = [node("Mul", "x x", "a", "square"), node("Tanh", "a", "b", "tanh"), node("Div", "b x", "y", "div")]
    return model(nodes, [info("x", ["N", 4])], [info("y", None)], [f32("unread", 1)])


def high(*nodes: str) -> PrecisionPlan:
    return PrecisionPlan(FP16, dict.fromkeys(nodes, FP32))


def test_values_that_come_near_the_end_of_the_format_are_looked_at(net: onnx.ModelProto) -> None:
    assert rules_out(net, ALL, compare(net, rows(1, 100)))
    assert not rules_out(net, ALL, compare(net, rows(1, 190)))


def test_what_is_written_and_read_in_fp32_needs_no_look(net: onnx.ModelProto) -> None:
    told = compare(net, SAMPLES)
    assert not rules_out(net, high("square"), told)  # tanh rounds what it reads
    assert not rules_out(net, high("tanh"), told)
    assert rules_out(net, high("square", "tanh"), told)


def test_a_plan_without_low_floats_needs_no_look_and_no_statistics(net: onnx.ModelProto) -> None:
    assert rules_out(net, PrecisionPlan(FP32, {"square": INT8}), None)
    assert not rules_out(net, PrecisionPlan(FP32, {"square": FP16}), None)


def test_a_division_by_what_became_zero_is_looked_at() -> None:
    nodes = [node("Mul", "x tiny", "a", "mul"), node("Div", "one a", "b", "div"), node("Mul", "b tiny", "y", "back")]
    net = model(nodes, [info("x", ["N", 4])], [info("y", None)], [f32("tiny", 1e-4), f32("one", 1e-6)])
    told = compare(net, rows(1e-4, 1e-3))
    assert not rules_out(net, ALL, told)
    assert rules_out(net, high("div"), told)


def test_the_pass_is_spared_where_statistics_of_as_many_samples_rule_infinities_out(
    net: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = rows(1, 2)
    told, whole = compare(net, small[:1]), look_inside(net, ALL, small)
    with monkeypatch.context() as patched:
        patched.setattr(task.runner, "look_inside", None)
        assert look_inside(net, ALL, small[:1], statistics=told) == whole
        with pytest.raises(TypeError):  # one sample tells nothing of two
            look_inside(net, ALL, small, statistics=told)
    assert (whole.order, whole.readings) == (("square", "tanh", "div"), ())


def test_what_is_found_is_written_down_by_node(net: onnx.ModelProto) -> None:
    found = saturation(look_inside(net, ALL, SAMPLES), ["b", "a"])
    assert found == Saturation(layers=3, nodes=("square",), mended={"tanh": "Tanh"}, kept=("a", "b"))


def test_an_infinite_output_is_written_down_by_the_node_that_makes_it() -> None:
    net = model([node("Mul", "x x", "y", "square")], [info("x", ["N", 4])], [info("y", None)])
    assert saturation(look_inside(net, ALL, SAMPLES)).unshown == {"square": "the network's output"}


@pytest.mark.parametrize(
    ("wanted", "found", "accepted", "verdict"),
    [
        ("shown", None, True, True),
        ("shown", FOUND, True, True),
        ("shown", HARM, True, False),
        ("any", HARM, True, True),
        ("any", None, False, False),
        ("any", HARM, False, False),
    ],
)
def test_only_what_is_shown_to_be_harmless_is_accepted_unless_any_is_wanted(
    wanted: Wanted, found: Saturation | None, accepted: bool, verdict: bool
) -> None:
    assert held_to(wanted, found, accepted, "enough")[0] == verdict


def test_a_reason_tells_what_was_found_and_what_to_do() -> None:
    assert held_to("shown", FOUND, True, "enough") == (True, "enough")
    kept = FOUND.model_copy(update={"kept": ("a", "b", "c", "d")})
    assert held_to("shown", kept, True, "enough")[1] == (
        "enough; a, b, c and 1 more for infinities that are not shown to be harmless in low precision"
    )
    assert held_to("shown", HARM, True, "enough")[1] == (
        "enough; but infinities or NaN that FP32 does not have are lost in Reciprocal (rsqrt), which is not shown to "
        "be harmless: look at these nodes, or accept it by `saturation: any`"
    )


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, []),
        (Saturation(layers=16), []),
        (
            FOUND,
            [
                "rests on saturation: 3 of 16 layers (exp, add, log) hold infinities or NaN where FP32 has none; "
                "Tanh (tanh) turns them into what FP32 gives"
            ],
        ),
        (
            HARM,
            [
                "rests on saturation: 1 of 16 layers (cube) holds infinities or NaN where FP32 has none",
                "not shown to be harmless: what becomes of infinities or NaN in Reciprocal (rsqrt)",
            ],
        ),
    ],
)
def test_the_mark_tells_how_many_layers_which_and_what_mends_them(found: Saturation | None, said: list[str]) -> None:
    documents = Documents(search=search(saturation=found))
    assert list(rests_on_saturation(documents)) == said
    assert {f"{mark}." for mark in said} <= set(marks(documents))
