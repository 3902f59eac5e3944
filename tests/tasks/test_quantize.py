"""What eight bits can hold is quantized, what they break stays, and the rest of the account adds up to one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import onnx
import pytest
from graph_models import f32, node
from planted import dataset, int8_network, pictures

from trtflow.calibration.calibrate import Choice
from trtflow.data import Dataset
from trtflow.errors import MetricError
from trtflow.files.findings import Finding
from trtflow.files.scales import Scales
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, Quantized
from trtflow.tasks.calibrate import calibrate
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.inside import Wanted
from trtflow.tasks.quantize import LINE, quality, quantize
from trtflow.tasks.searching import Decided, SearchSettings

ACCEPT = {"sqnr": {"min": 24.0}}
BASE = PrecisionPlan("fp16", {"loud": "fp32", "hush": "fp32"})
R21 = Finding(
    "R21", "second", "the widest channel of b is 3000 times the median one", {}, certain=False, against="int8"
)
R01 = Finding("R01", "second", "beyond FP16", {}, certain=True)


@pytest.fixture(scope="module")
def net() -> onnx.ModelProto:
    return int8_network()


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset(pictures(1, 6))


@pytest.fixture(scope="module")
def scales(net: onnx.ModelProto) -> Scales:
    return calibrate(net, dataset(pictures(2, 6)), Choice("percentile", 99.99)).scales


@pytest.fixture(scope="module")
def decided(net: onnx.ModelProto, data: Dataset, scales: Scales) -> Decided:
    """Over FP32, with reasons."""
    return quantize(net, data, scales, findings=(R01, R21), accept=ACCEPT)


def test_exactly_what_int8_breaks_stays(decided: Decided) -> None:
    assert decided.plan == PrecisionPlan("fp32", {"first": "int8", "third": "int8"})
    found = decided.search
    assert (found.accepted, found.low, found.kept, found.lowered) == (True, "int8", ("second",), 2)
    assert (found.state, found.accept) == ("accepted", ACCEPT)
    assert found.metrics["low"]["sqnr"] < 24 <= found.metrics["candidate"]["sqnr"]


def test_the_document_holds_all_ends(decided: Decided) -> None:
    metrics = decided.search.metrics
    assert set(metrics) == {"reference", "naive", "low", "base", "candidate"}
    assert metrics["reference"]["sqnr"] == metrics["base"]["sqnr"] == math.inf


def test_each_node_outside_eight_bits_has_a_group_and_a_reason(decided: Decided) -> None:
    bits = decided.search.eight_bits
    assert bits is not None
    assert bits.quantized == ("first", "third")
    assert {entry.node: (entry.group, entry.why.code) for entry in bits.left} == {
        "second": ("left out by the search", "R21"),
        "last": ("output layer", "output-layer"),
    }


def test_multiply_adds_add_up_to_one(decided: Decided) -> None:
    bits = decided.search.eight_bits
    assert bits is not None
    assert set(bits.work) == {"int8", "fp32"}
    assert bits.share == bits.work["int8"]
    assert bits.share + sum(entry.share for entry in bits.left) == pytest.approx(1.0)
    first, third = 16 * 16 * 8 * 9 * 3, 16 * 16 * 8 * 9 * 8
    assert bits.share == pytest.approx((first + third) / (first + 2 * third + 16 * 16 * 8))


def test_a_quarter_of_the_samples_verifies(decided: Decided) -> None:
    assert (decided.search.samples, decided.search.held_out, decided.search.data) == (5, 1, "pictures.npz")


def test_what_is_not_quantized_keeps_its_place_in_the_base_plan(
    net: onnx.ModelProto, data: Dataset, scales: Scales
) -> None:
    found = quantize(net, data, scales, base=BASE, accept=ACCEPT)
    assert found.plan == BASE.assign(["first", "third"], "int8")
    assert found.search.metrics["base"]["sqnr"] < math.inf


def test_output_layers_are_tried_on_request(net: onnx.ModelProto, data: Dataset, scales: Scales) -> None:
    found = quantize(net, data, scales, accept=ACCEPT, output_layers=True)
    bits = found.search.eight_bits
    assert bits is not None
    assert "output layer" not in {entry.group for entry in bits.left}
    assert "last" in {*bits.quantized, *found.search.kept}


def test_a_dead_tensor_is_accounted_for(net: onnx.ModelProto, data: Dataset, scales: Scales) -> None:
    dead = scales.tensors["d"].model_copy(update={"amax": 0.0, "seen": 0.0})
    without = scales.model_copy(update={"tensors": {**scales.tensors, "d": dead}})
    r18 = Finding("R18", "third", "zero", {}, certain=True, against="int8")
    found = quantize(net, data, without, findings=(r18,), accept={"sqnr": {"min": 1.0}})
    bits = found.search.eight_bits
    assert bits is not None
    assert ("third", "not quantizable", "R18") in [(e.node, e.group, e.why.code) for e in bits.left]
    assert found.plan.precision("third") == "fp32"


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_the_format_is_that_of_the_scales(
    net: onnx.ModelProto, data: Dataset, scales: Scales, precision: Quantized
) -> None:
    given = scales.model_copy(update={"precision": precision})
    found = quantize(net, data, given, accept={"sqnr": {"min": 5.0}})
    assert (found.search.low, set(found.plan.nodes.values())) == (precision, {precision})


def test_where_nothing_holds_the_base_plan_is_the_answer(net: onnx.ModelProto, data: Dataset, scales: Scales) -> None:
    found = quantize(net, data, scales, base=BASE, accept={"sqnr": {"min": 200}})
    assert (found.plan, found.search.accepted) == (BASE, False)
    bits = found.search.eight_bits
    assert bits is not None
    assert (bits.quantized, bits.share) == ((), 0.0)


def test_without_held_out_samples_all_of_them_search(net: onnx.ModelProto, data: Dataset, scales: Scales) -> None:
    lines: list[str] = []
    settings = replace(SearchSettings(), held_out=0.0)
    found = quantize(net, data, scales, accept=ACCEPT, settings=settings, hooks=Hooks(log=lines.append))
    assert (found.search.samples, found.search.held_out) == (6, 0)
    assert lines[-1] == "measuring the ends and the result on all samples"


def test_a_metric_that_cannot_be_measured_is_an_error(net: onnx.ModelProto, data: Dataset, scales: Scales) -> None:
    with pytest.raises(MetricError, match="iou needs labels"):
        quantize(net, data, scales, accept={"iou": {"drop": 0.1}})


QUALITY = {
    "nothing fell": ({"iou": 0.9}, {"iou": 0.9}, "good"),
    "it rose": ({"iou": 0.9}, {"iou": 0.95}, "good"),
    "a hair before the line": ({"iou": 1.0}, {"iou": 1 - 0.999 * LINE}, "good"),
    "a hair beyond it": ({"iou": 1.0}, {"iou": 1 - 1.001 * LINE}, "poor"),
    "the line is of what FP32 has": ({"iou": 0.5}, {"iou": 0.494}, "poor"),
    "one of two fell": ({"iou": 0.9, "top-1": 0.8}, {"iou": 0.9, "top-1": 0.7}, "poor"),
    "what compares with FP32 has no line": ({"sqnr": math.inf}, {"sqnr": 3.0}, "good"),
    "FP32 has nothing to lose": ({"iou": 0.0}, {"iou": 0.0}, "good"),
    "it is no number any more": ({"iou": 0.9}, {"iou": math.nan}, "poor"),
}


@pytest.mark.parametrize(("reference", "measured", "expected"), QUALITY.values(), ids=QUALITY)
def test_a_plan_is_poor_beyond_a_fall_of_one_percent(
    reference: Mapping[str, float], measured: Mapping[str, float], expected: str
) -> None:
    assert quality(reference, measured, list(reference)) == expected


def test_only_metrics_that_are_asked_for_make_a_plan_poor() -> None:
    assert quality({"iou": 0.9, "extra": 1.0}, {"iou": 0.9, "extra": 0.1}, ["iou"]) == "good"


@pytest.fixture(scope="module")
def inverse(net: onnx.ModelProto) -> onnx.ModelProto:
    """``net`` plus 1/300², whose denominator is infinite in FP16."""
    inner = onnx.ModelProto.FromString(net.SerializeToString())
    nodes = [node("Mul", "inner nothing", "flat", "flat"), node("Add", "flat wide", "level", "level")]
    nodes += [node("Mul", "level level", "square", "square"), node("Reciprocal", "square", "tiny", "inverse")]
    for made in inner.graph.node:
        made.output[:] = ["inner" if name == "y" else name for name in made.output]
    inner.graph.node.extend([*nodes, node("Add", "inner tiny", "y", "add")])
    inner.graph.initializer.extend([f32("nothing", 0), f32("wide", 300)])
    return inner


@pytest.mark.parametrize(
    ("wanted", "high", "accepted", "unshown"),
    [
        ("shown", (), False, {"inverse": "Reciprocal"}),
        ("any", (), True, {"inverse": "Reciprocal"}),
        ("shown", ("square", "inverse"), True, {}),
    ],
)
def test_what_rests_on_infinities_that_may_do_harm_is_accepted_on_request_only(
    inverse: onnx.ModelProto,
    data: Dataset,
    scales: Scales,
    wanted: Wanted,
    high: tuple[str, ...],
    accepted: bool,
    unshown: dict[str, str],
) -> None:
    base = replace(BASE, nodes={**BASE.nodes, **dict.fromkeys(high, FP32)})
    settings = SearchSettings(saturation=wanted)
    found = quantize(inverse, data, scales, base=base, accept=ACCEPT, settings=settings).search
    assert found.saturation is not None
    assert (found.accepted, found.refused_inside, dict(found.saturation.unshown)) == (accepted, not accepted, unshown)
