"""Cures together: any kind is read back as what it was, and a new kind needs a class and a line."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import onnx
import pytest
from cure_host import ABOUT
from pydantic import Field, TypeAdapter
from spread_model import ROWS, bench, spread_model

from trtflow.calibration.cures import ROUNDS, rescaling
from trtflow.calibration.cures.nodes import NodeTrials
from trtflow.cures import NODE_CURES, Cure, adjustments, changed
from trtflow.cures.base import Adjustment, CureRecord, Host
from trtflow.cures.clipping import Clipping
from trtflow.cures.correction import Correction
from trtflow.cures.rescaling import Rescaling
from trtflow.model.session import create_session
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, INT8
from trtflow.qdq.quantize import quantize

CURES = (
    Rescaling(kind="migration", subject="r", shifts=(1, *[0] * 15), **ABOUT),
    Clipping(subject="up", shares=(0.9,), **ABOUT),
    Correction(subject="up", bias=(0.1,) * 16, **ABOUT),
    Clipping(subject="down", shares=(0.8,), **ABOUT),
)


@pytest.mark.parametrize("cure", CURES, ids=lambda cure: cure.kind)
def test_the_kind_tells_what_a_record_is(cure: CureRecord) -> None:
    assert TypeAdapter(Cure).validate_json(cure.model_dump_json()) == cure


def test_cures_of_one_node_add_up() -> None:
    found = adjustments(CURES)
    assert found["up"] == Adjustment((0.9,), (0.1,) * 16)
    assert found["down"] == Adjustment((0.8,))


def test_changes_of_the_network_are_carried_out_one_after_another() -> None:
    model = spread_model(1.0)
    twice = changed(model, [*CURES, CURES[0]])
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in twice.graph.initializer}
    (down,) = (node for node in twice.graph.node if node.name == "down")
    before = onnx.numpy_helper.to_array(model.graph.initializer[2])
    np.testing.assert_array_equal(weights[down.input[1]][0], before[0] * 4)


class Doubling(CureRecord):
    """A cure of somebody else's: twice the bias of the node."""

    kind: Literal["doubling"] = "doubling"

    def misfit(self, host: Host) -> str:
        return ""

    def adjust(self, adjustment: Adjustment) -> Adjustment:
        return Adjustment(adjustment.shares, (1.0,) * 16)


def test_a_strangers_cure_is_read_and_carried_out() -> None:
    any_cure: TypeAdapter[object] = TypeAdapter(Annotated[Doubling | Clipping, Field(discriminator="kind")])
    cure = any_cure.validate_python({"kind": "doubling", "subject": "up", **ABOUT})
    model, work = spread_model(1.0), bench(spread_model(1.0))
    amax = work.state.ranges.activations
    plan = PrecisionPlan(FP32, {"up": INT8})
    plain, cured = (quantize(model, plan, amax, cures).model for cures in ((), (cure,)))
    before, after = (create_session(proto).run(None, {"x": ROWS})[0] for proto in (plain, cured))
    assert not np.array_equal(before, after)


def test_what_changes_the_network_is_tried_before_what_belongs_to_its_nodes() -> None:
    assert list(ROUNDS.values()) == [(rescaling,), tuple(map(NodeTrials, NODE_CURES))]
