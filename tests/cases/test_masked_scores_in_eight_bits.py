"""A mask of -inf is no fault of a calibration: no code stands for infinity, so what holds it is not quantized."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node, random

from trtflow.calibration.calibrate import Choice
from trtflow.data import Dataset, Sample
from trtflow.files.scales import Scales
from trtflow.tasks.calibrate import calibrate
from trtflow.tasks.check_calibration import check_calibration
from trtflow.tasks.quantize import quantize
from trtflow.tasks.searching import SearchSettings

TOKENS, WIDTH = 8, 16


@pytest.fixture(scope="module")
def net() -> onnx.ModelProto:
    """Attention over 8 tokens; the mask has the shape of the scores, as a residual has."""
    nodes = [
        node("MatMul", "x wq", "q"),
        node("MatMul", "x wk", "k"),
        node("MatMul", "x wv", "v"),
        node("Transpose", "k", "kt", perm=[0, 2, 1]),
        node("MatMul", "q kt", "scores"),
        node("Add", "scores mask", "masked"),
        node("Softmax", "masked", "chances", axis=-1),
        node("MatMul", "chances v", "mixed"),
        node("MatMul", "mixed wo", "y"),
    ]
    weights = [f32(name, random(WIDTH, WIDTH, seed=i, scale=0.3)) for i, name in enumerate(("wq", "wk", "wv", "wo"))]
    inputs = [info("x", [1, TOKENS, WIDTH]), info("mask", [1, TOKENS, TOKENS])]
    return model(nodes, inputs, [info("y", [1, TOKENS, WIDTH])], weights)


@pytest.fixture(scope="module")
def data() -> Dataset:
    """12 samples with one mask: what is further away weighs less, and what comes later nothing."""
    ahead = np.subtract.outer(np.arange(TOKENS), np.arange(TOKENS))
    mask = np.where(ahead < 0, -np.inf, -0.1 * ahead).astype(np.float32)[None]
    samples = [Sample({"x": random(1, TOKENS, WIDTH, seed=seed), "mask": mask}) for seed in range(12)]
    return Dataset("causal", lambda: iter(samples))


@pytest.fixture(scope="module")
def scales(net: onnx.ModelProto, data: Dataset) -> Scales:
    return calibrate(net, data, Choice("minmax")).scales


def test_the_tensors_with_infinity_have_no_range_and_all_others_have(scales: Scales) -> None:
    assert {name for name, amax in scales.amax.items() if not amax} == {"mask"}


def test_the_check_says_so_and_refuses_nothing(net: onnx.ModelProto, data: Dataset, scales: Scales) -> None:
    found = {(check.code, check.subject): check for check in check_calibration(net, scales, data)}
    assert "refuse" not in {check.verdict for check in found.values()}
    masked = found["R18", "infinite"]
    assert (masked.verdict, masked.evidence) == ("warn", {"tensors": {"mask": 28 * 12}})


def test_products_are_quantized_and_the_sum_with_the_mask_is_not(
    net: onnx.ModelProto, data: Dataset, scales: Scales
) -> None:
    settings = SearchSettings(held_out=0.0)
    found = quantize(net, data, scales, accept={"sqnr": {"min": 20}}, output_layers=True, settings=settings)
    assert found.search.accepted
    assert found.search.eight_bits is not None
    quantized = set(found.search.eight_bits.quantized)
    assert {"n_q", "n_k", "n_v", "n_y"} <= quantized
    assert "n_masked" not in quantized
