"""What has the same scale, and what has another: by reason R22, magnitudes that are 16 times apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

APART = 16.0


def operand_groups(scales: Sequence[float]) -> list[int]:
    """The group of each of ``scales``, 0 being that of the largest: who is within 16 of the group's largest.

    A scale of 0 is silent and belongs to group 0.
    """
    return _groups(scales, chained=False)


@dataclass(frozen=True)
class AxisScales:
    """``amax``, of shape (items, channels): the largest finite magnitude of each channel of an axis, item by item."""

    amax: NDArray[np.float64]

    @property
    def _steady(self) -> NDArray[np.float64]:
        """The amax of each channel; 0 for one that is silent, or loud on few items only, as a rare class is.

        Steady: the maximum over the items is less than 16 times their (lower) median.
        """
        if not self.amax.size:
            return np.zeros(self.amax.shape[1])
        largest = self.amax.max(axis=0)
        usual = np.sort(self.amax, axis=0)[(len(self.amax) - 1) // 2]
        return np.where(largest < APART * usual, largest, 0.0)

    @property
    def spread(self) -> float:
        """The largest scale over the smallest, of channels that are steady."""
        scales = self._steady[self._steady > 0]
        return float(scales.max() / scales.min()) if scales.size else 1.0

    def groups(self) -> list[int]:
        """The group of each channel, 0 being that of the largest scale and of all that are not steady.

        Groups are 16 apart with nothing in between: scales that fall off gently, along the rows of a depth map or the
        features of an embedding, are one group.
        """
        return _groups(self._steady.tolist(), chained=True)


def axis_scales(arrays: Iterable[NDArray[Any]], axis: int) -> AxisScales:
    """The scales along ``axis`` (1 or more) of a tensor that has the values ``arrays`` on the samples.

    An item is one place on axis 0, the batch, of one sample.
    """
    return AxisScales(np.concatenate([_amax(array, axis) for array in arrays]))


def _amax(array: NDArray[Any], axis: int) -> NDArray[np.float64]:
    others = tuple(index for index in range(1, array.ndim) if index != axis)
    magnitude = np.abs(array.astype(np.float32))
    found = np.max(magnitude, axis=others, where=np.isfinite(magnitude), initial=0.0)
    return np.asarray(found, np.float64)


def _groups(scales: Sequence[float], *, chained: bool) -> list[int]:
    """``chained``: who is within 16 of the next larger one belongs to its group."""
    groups, group, anchor = [0] * len(scales), 0, 0.0
    for index in sorted((i for i, scale in enumerate(scales) if scale > 0), key=lambda i: -scales[i]):
        apart = scales[index] * APART <= anchor
        group += apart
        if chained or apart or not anchor:
            anchor = scales[index]
        groups[index] = group
    return groups
