"""Boxes in pixels and scores from 0 to 1 in one output: INT8 ends the scores, and a figure over both hears boxes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import trtflow
from trtflow.calibration.calibrate import Choice
from trtflow.calibration.trials import RangeTrial
from trtflow.data import Dataset, Sample
from trtflow.numerics.energy import measure
from trtflow.plan import PrecisionPlan
from trtflow.qdq.quantize import quantizable
from trtflow.runners.quantized import QuantizedRunner, Ranges
from trtflow.runners.reference import ReferenceRunner

SCORES = "y (4 of axis 1, from score)"


def network() -> onnx.ModelProto:
    """The scores come from features of about 1 beside a channel of pixels, which has hardly any weight."""
    rng = np.random.default_rng(7)
    evidence = np.concatenate([rng.standard_normal((6, 8)), np.full((6, 1), 1e-4)], axis=1)[..., None, None]
    constants = {
        "stem": rng.standard_normal((8, 3, 3, 3)) * 0.3,
        "features": rng.standard_normal((8, 8, 1, 1)) * 0.5,
        "corners": np.abs(rng.standard_normal((4, 8, 1, 1))),
        "pixels": 300.0,
        "evidence": evidence,
        "score_weights": rng.standard_normal((1, 6, 1, 1)),
        "first": [0],
        "second": [1],
        "channels": [1],
        "flat": [0, 5, 64],
    }
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "stem"], ["s"], "stem_conv", pads=[1] * 4),
        node("Relu", ["s"], ["r"], "stem_relu"),
        node("Conv", ["r", "features"], ["f"], "feature_conv"),
        node("Conv", ["r", "corners"], ["c"], "corner_conv"),
        node("Mul", ["c", "pixels"], ["box"], "box"),
        node("Slice", ["box", "first", "second", "channels"], ["one"], "one_box"),
        node("Concat", ["f", "one"], ["beside"], "beside", axis=1),
        node("Conv", ["beside", "evidence"], ["e"], "evidence_conv"),
        node("Relu", ["e"], ["seen"], "evidence_relu"),
        node("Conv", ["seen", "score_weights"], ["logit"], "score_conv"),
        node("Sigmoid", ["logit"], ["score_map"], "score"),
        node("Concat", ["box", "score_map"], ["both"], "both", axis=1),
        node("Reshape", ["both", "flat"], ["y"], "flatten"),
    ]
    tensors = [
        numpy_helper.from_array(np.asarray(v, np.int64 if isinstance(v, list) else np.float32), n)
        for n, v in constants.items()
    ]
    shapes = {"x": ["N", 3, 8, 8], "y": ["N", 5, 64]}
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph(nodes, "detector", ports[:1], ports[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def pictures() -> Dataset:
    """Smooth ones."""
    coarse = np.random.default_rng(8).standard_normal((12, 1, 3, 4, 4)).astype(np.float32)
    fine = np.kron(coarse, np.ones((2, 2), np.float32))
    return Dataset("pictures", lambda: iter([Sample({"x": picture}) for picture in fine]))


@pytest.mark.parametrize("accept", [{"cosine": {"min": 0.99}}, {"sqnr": {"min": 25}}, {"psnr": {"min": 25}}])
def test_what_ends_the_scores_is_refused_and_the_search_spares_them(accept: dict[str, dict[str, float]]) -> None:
    model, data = network(), pictures()
    scales = trtflow.calibrate(model, data, Choice("minmax", precision="int8")).scales
    decided = trtflow.quantize(model, data, scales, accept=accept)
    ((name, bound),) = ((name, bounds["min"]) for name, bounds in accept.items())
    assert decided.search.metrics["low"][name] < bound <= decided.search.metrics["candidate"][name]
    assert decided.search.accepted
    assert "evidence_conv" in decided.search.kept


def test_the_figure_over_the_whole_output_would_have_accepted_it() -> None:
    model, data = network(), pictures()
    scales = trtflow.calibrate(model, data, Choice("minmax", precision="int8")).scales
    ranges = Ranges({name: entry.amax for name, entry in scales.tensors.items()})
    (sample, *_), plan = list(data), PrecisionPlan("int8")
    with ReferenceRunner(model) as fp32, QuantizedRunner(model, plan, ranges) as low:
        assert measure(fp32(sample.feed)["y"], low(sample.feed)["y"]).cosine() > 0.999


def test_the_verdict_says_which_part_decided() -> None:
    model, data = network(), pictures()
    mixed = trtflow.rewrite(model, PrecisionPlan("fp16")).model
    verdict = trtflow.validate(model, mixed, data, accept={"sqnr": {"min": 30}})
    assert set(verdict.decided_by) == {"sqnr"}
    assert verdict.decided_by["sqnr"] in {SCORES, "y (0-3 of axis 1, from box)"}


def test_trials_of_ranges_hear_the_scores() -> None:
    model, data = network(), list(pictures())
    trial = RangeTrial(model, quantizable(model, outputs=True), data)
    assert trial.error({"beside": 640.0}) > 0.1  # 10 dB; of the whole output, 50
