"""The two passes of a calibration over tensors as they stream by: one for ranges, one for histograms within them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from trtflow.numerics.calibration import Magnitudes, Method, count
from trtflow.numerics.ranges import TensorRange, merge, observe
from trtflow.progress import Progress, silent
from trtflow.runners.staged import Staged


def find_ranges(
    tensors: Staged, axes: Mapping[str, int] = MappingProxyType({}), progress: Progress = silent
) -> dict[str, TensorRange]:
    """What range each tensor takes, and its channels where ``axes`` says where they lie."""
    return tensors.fold(
        lambda name, array: observe(array, moments=False, axis=axes.get(name)), merge, "ranges", progress
    )


def count_magnitudes(
    tensors: Staged, ranges: Mapping[str, TensorRange], methods: Iterable[Method], progress: Progress = silent
) -> dict[str, Magnitudes]:
    """Histograms within ``ranges``, as far as ``methods`` need them."""
    wanted = frozenset(methods)
    return tensors.fold(
        lambda name, array: count(array, ranges[name].amax, wanted),
        lambda first, second: first + second,
        "histograms",
        progress,
    )
