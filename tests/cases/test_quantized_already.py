"""Networks in INT8 whose remainder shall be FP16: what stays high takes its DequantizeLinear nodes along."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from quantized_models import convolutions, samples

import trtflow
from trtflow.data import Dataset, Sample
from trtflow.emulation.emulate import instrument
from trtflow.emulation.typed import emulate_typed
from trtflow.model.load import prepare
from trtflow.tasks.inspect import inspect
from trtflow.tasks.searching import Decided


def data() -> Dataset:
    return Dataset("noise", lambda: iter(Sample(feed) for feed in samples()))


@pytest.fixture(scope="module")
def overflowing() -> tuple[onnx.ModelProto, Decided]:
    """``two`` reaches 1e6 before its BatchNormalization: it cannot be FP16."""
    model, _ = prepare(convolutions(wide=1e5))
    return model, trtflow.bisect(model, data(), accept={"sqnr": {"min": 40}})


def test_the_search_keeps_the_convolution_with_what_dequantizes_for_it(
    overflowing: tuple[onnx.ModelProto, Decided],
) -> None:
    _, decided = overflowing
    assert decided.search.accepted
    assert {"two", "two_x_dq", "two_w_dq", "bn"} <= set(decided.plan.nodes)
    assert not {"one", "one_x_dq", "three", "three_x_dq"} & set(decided.plan.nodes)


def test_the_file_has_no_cast_between_them_and_computes_what_was_measured(
    overflowing: tuple[onnx.ModelProto, Decided],
) -> None:
    from graph_models import run

    model, decided = overflowing
    mixed = trtflow.rewrite(model, decided.plan).model
    made = {node.output[0]: node.op_type for node in mixed.graph.node}
    assert "DequantizeLinear" not in {made.get(n.input[0]) for n in mixed.graph.node if n.op_type == "Cast"}
    for feed in samples(3):
        emulated, typed = run(instrument(model, decided.plan), feed)[0], run(emulate_typed(mixed), feed)[0]
        np.testing.assert_allclose(typed, emulated, rtol=1e-6)
        assert np.isfinite(typed).all()


def test_a_network_wholly_in_int8_is_told_so_and_nothing_is_added() -> None:
    model, _ = prepare(convolutions())
    calibrated = trtflow.calibrate(model, data())
    decided = trtflow.quantize(model, data(), calibrated.scales, accept={"sqnr": {"min": 25}})
    bits = decided.search.eight_bits
    assert bits is not None
    assert calibrated.scales.tensors == {}
    assert (bits.share, bits.quantized, bits.left) == (1.0, ("one", "three", "two"), ())
    mixed = trtflow.rewrite(model, decided.plan, calibrated.scales).model
    assert sum(node.op_type == "QuantizeLinear" for node in mixed.graph.node) == 3


def test_a_network_partly_in_int8_names_what_is_not_and_why() -> None:
    model, _ = prepare(convolutions(paired=("one", "three")))
    decided = trtflow.quantize(model, data(), trtflow.calibrate(model, data()).scales, accept={"sqnr": {"min": 25}})
    bits = decided.search.eight_bits
    assert bits is not None
    assert [(entry.node, entry.group, entry.why.code) for entry in bits.left] == [
        ("two", "no pairs in the file", "unpaired")
    ]
    assert bits.share == pytest.approx(1 - bits.left[0].share)
    assert 0.3 < bits.left[0].share < 0.6


@pytest.mark.parametrize(("elem", "zero"), [(onnx.TensorProto.UINT8, 128), (onnx.TensorProto.INT8, 3)])
def test_an_asymmetric_file_stops_before_any_search_and_is_quantized_anew_on_request(
    elem: int, zero: int, tmp_path: Path
) -> None:
    onnx.save(convolutions(elem=elem, zero=zero), tmp_path / "net.onnx")
    with pytest.raises(trtflow.ModelError, match="one_w_dq"):
        trtflow.calibrate(inspect(tmp_path / "net.onnx")[0].model, data())
    loaded, facts = inspect(tmp_path / "net.onnx", requantize=True)
    assert not facts.quantization
    assert facts.notes == ("6 DequantizeLinear nodes and what they read from were taken out",)
    scales = trtflow.calibrate(loaded.model, data()).scales
    decided = trtflow.quantize(loaded.model, data(), scales, accept={"sqnr": {"min": 20}}, output_layers=True)
    assert decided.search.accepted
    assert decided.search.eight_bits is not None
    assert decided.search.eight_bits.share == 1.0
