"""What all cures have in common."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from spread_model import spread_model

from trtflow.cures.base import Adjustment, CureRecord, Host, missing, unlike
from trtflow.model.analysis import analyse
from trtflow.plan import PrecisionPlan


class Rest(CureRecord):
    """A cure that fits everything and does nothing."""

    def misfit(self, host: Host) -> str:
        return ""


CURE = Rest(kind="rest", subject="up", nodes=("up",), before=1.0, after=0.5)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (PrecisionPlan("fp16"), False),
        (PrecisionPlan("fp16", {"up": "int8"}), True),
        (PrecisionPlan("int8"), True),
        (PrecisionPlan("int8", {"up": "fp32"}), False),
        (PrecisionPlan("fp32", {"up": "fp8"}), True),
    ],
)
def test_a_cure_of_a_node_is_in_effect_where_that_is_quantized(plan: PrecisionPlan, expected: bool) -> None:
    assert CURE.in_effect(plan) is expected


def test_a_cure_changes_nothing_unless_it_says_so() -> None:
    model = spread_model(1.0)
    assert CURE.change(model) is model
    assert CURE.adjust(Adjustment()) == Adjustment()
    assert CURE.caveat == ""


def test_a_cure_must_say_where_it_fits() -> None:
    with pytest.raises(TypeError, match="misfit"):
        CureRecord.model_validate(CURE.model_dump())


@pytest.mark.parametrize("extra", [{"strength": 3}, {"before": "much"}])
def test_a_record_takes_what_it_knows_and_nothing_else(extra: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rest.model_validate({**CURE.model_dump(), **extra})


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("upp", "there is no node upp; did you mean 'up'?"),
        ("relu", "rest: relu has no constant weights here, or a bias that is computed"),
    ],
)
def test_a_node_that_is_not_there_is_told_from_one_that_does_not_suit(subject: str, expected: str) -> None:
    host = Host(analyse(spread_model(1.0)), {}, {})
    assert missing(CURE.model_copy(update={"subject": subject}), host) == expected


@pytest.mark.parametrize(
    ("own", "given", "expected"), [(3, 3, ""), (3, 4, "rest: up has 3 channels, the decision 4")]
)
def test_numbers_of_channels_are_compared(own: int, given: int, expected: str) -> None:
    assert unlike(CURE, own, given) == expected
