"""A metric of the user's own: called, and what it returns held to be numbers by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trtflow.data import Array
from trtflow.errors import MetricError
from trtflow.user_code import called, place

UserMetric = Callable[[Sequence[Mapping[str, Array]], Sequence[object]], Mapping[str, float]]

EXPECTED = "(outputs, labels) -> {name: number}, outputs in the order of the samples"


def measured_by(
    metric: UserMetric, outputs: Sequence[Mapping[str, Array]], labels: Sequence[object]
) -> dict[str, float]:
    """What ``metric`` makes of ``outputs``.

    Raises:
        MetricError: it takes something else, raises, or returns no numbers; the message says where it stands.
    """
    found = called(metric, outputs, labels, kind=MetricError, who="the metric function", expected=EXPECTED)
    if not isinstance(found, Mapping):
        raise MetricError(
            f"the metric function ({place(metric)}) returned {type(found).__name__}; expected {EXPECTED}."
        )
    return {str(name): _number(value, str(name), metric) for name, value in found.items()}


def _number(value: object, name: str, metric: UserMetric) -> float:
    if isinstance(value, str | bytes):
        raise _no_number(value, name, metric)
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise _no_number(value, name, metric) from error


def _no_number(value: object, name: str, metric: UserMetric) -> MetricError:
    kind = type(value).__name__
    return MetricError(
        f"the metric function ({place(metric)}) returned {value!r:.60} ({kind}) for '{name}'; expected a number."
    )
