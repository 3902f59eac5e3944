"""Range moves between layers, and the network computes the same in FP32, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transfer_cases import CASES, build

from trtflow.cures.moving import target_amax, transfer_ranges
from trtflow.cures.transfers import transfers
from trtflow.model.session import create_session


@pytest.mark.parametrize("case", list(CASES))
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_range_moves_and_the_network_computes_the_same_bit_for_bit(case: str, data: st.DataObject) -> None:
    header, body, shapes, (tensor, readers, kind) = CASES[case]
    model = build(header, body, shapes, seed=data.draw(st.integers(0, 2**32 - 1)))
    found = {transfer.tensor: transfer for transfer in transfers(model)}
    transfer = found[tensor]
    assert (transfer.readers, transfer.kind) == (readers, kind)
    shifts = data.draw(st.lists(st.integers(-6, 6), min_size=transfer.channels, max_size=transfer.channels))
    changed = transfer_ranges(model, transfer, shifts)
    assert [node.name for node in changed.graph.node] == [node.name for node in model.graph.node]
    dims = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    feed = {"x": np.random.default_rng(1).normal(0, 1, dims).astype(np.float32)}
    for marked in ((), (tensor,)):  # as a whole, and with nothing fused across the tensor
        before, after = (_run(m, marked, feed) for m in (model, changed))
        np.testing.assert_array_equal(after[0], before[0])
    factors = np.exp2(np.array(shifts, np.float32))
    shape = [-1 if place == transfer.axis % before[1].ndim else 1 for place in range(before[1].ndim)]
    np.testing.assert_array_equal(after[1] * factors.reshape(shape), before[1])
    np.testing.assert_array_equal(target_amax(changed, transfer), target_amax(model, transfer) * factors)


def _run(model: onnx.ModelProto, marked: Sequence[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.extend(onnx.ValueInfoProto(name=tensor) for tensor in marked)
    return [np.asarray(array) for array in create_session(copy).run(None, feed)]
