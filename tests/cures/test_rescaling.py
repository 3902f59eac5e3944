"""Rescalings on disk and in the graph."""

from __future__ import annotations

import numpy as np
import pytest
from cure_host import ABOUT, host
from pydantic import ValidationError
from spread_model import ROWS, spread_model

from trtflow.cures.rescaling import Rescaling
from trtflow.model.ports import mark_outputs
from trtflow.model.session import create_session
from trtflow.plan import PrecisionPlan

MOVED = Rescaling(kind="equalisation", subject="r", shifts=(3, *[0] * 15), **ABOUT)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"subject": "r2"}, "equalisation: there is no tensor r2; did you mean 'r'?"),
        ({"subject": "h"}, "equalisation: range cannot move at h, for other operators make it or read it now"),
        ({"shifts": (1, 2)}, "equalisation: r has 16 channels, the decision 2"),
    ],
)
def test_it_fits_a_tensor_of_as_many_channels_whose_range_can_move(changes: dict[str, object], expected: str) -> None:
    assert MOVED.model_copy(update=changes).misfit(host(spread_model(1.0))) == expected


def test_the_tensor_changes_and_the_network_does_not() -> None:
    model = spread_model(1.0)
    before, after = (
        create_session(mark_outputs(proto, ["r"])).run(["y", "r"], {"x": ROWS})
        for proto in (model, MOVED.change(model))
    )
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_array_equal(after[1][:, 0] * 8, before[1][:, 0])
    np.testing.assert_array_equal(after[1][:, 1:], before[1][:, 1:])


def test_it_is_in_effect_whatever_is_quantized() -> None:
    assert MOVED.in_effect(PrecisionPlan("fp32"))


def test_a_kind_that_is_no_rescaling_is_refused() -> None:
    with pytest.raises(ValidationError):
        Rescaling.model_validate({**MOVED.model_dump(), "kind": "weight clipping"})
