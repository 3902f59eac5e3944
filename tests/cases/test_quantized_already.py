"""Networks in INT8 whose remainder shall be FP16: what stays high takes its DequantizeLinear nodes along."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from quantized_models import convolutions, samples

import trtflow
from trtflow.data import Dataset, Sample
from trtflow.emulation.emulate import instrument
from trtflow.emulation.typed import emulate_typed
from trtflow.model.load import prepare
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
