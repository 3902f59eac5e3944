"""The parts of an output that are judged each for itself, since a figure over all of them hears the loudest alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Division:
    """How a tensor is divided: the ``names`` of its parts, that of the largest scale first, and where they lie.

    ``labels`` has, by the tensor's shape, a place in ``names`` for each element, in a form that broadcasts to it.
    """

    names: tuple[str, ...]
    labels: Mapping[Sizes, NDArray[np.uint8]]

    def split(self, array: NDArray[Any], sounding: Collection[str]) -> dict[str, NDArray[Any]]:
        """The parts of ``array`` that are in ``sounding``; the elements of others count with the first of those."""
        heard = [index for index, name in enumerate(self.names) if name in sounding] or [0]
        labels = self.labels.get(array.shape)
        if labels is None:  # of no shape that FP32 has: to be refused by who compares
            return {self.names[index]: array for index in heard}
        masks = {index: labels == index for index in heard[1:]}
        masks = {heard[0]: ~np.isin(labels, heard[1:]), **masks}
        return {self.names[index]: select(array, mask) for index, mask in masks.items()}


@dataclass(frozen=True)
class Parts:
    """The tensors that are divided; all others are a part of their own."""

    divisions: Mapping[str, Division] = field(default_factory=dict)

    def split(self, outputs: Arrays, sounding: Collection[str]) -> dict[str, NDArray[Any]]:
        """``outputs`` with those that are divided replaced by their parts in ``sounding``."""
        found: dict[str, NDArray[Any]] = {}
        for name, array in outputs.items():
            division = self.divisions.get(name)
            found |= {name: array} if division is None else division.split(array, sounding)
        return found

    def sounding(self, reference: Arrays) -> frozenset[str]:
        """The parts in which ``reference`` has a signal. Where it has none, any error at all is infinitely large."""
        names = [name for division in self.divisions.values() for name in division.names]
        return frozenset(name for name, array in self.split(reference, names).items() if _signal(array))


def select(array: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    """The elements of ``array`` for which ``mask``, which broadcasts to it, is true."""
    axes = [axis for axis, size in enumerate(mask.shape) if size > 1]
    if len(axes) == 1:
        return np.compress(mask.reshape(-1), array, axes[0])
    return array[np.broadcast_to(mask, array.shape)]


def collapsed(labels: NDArray[Any]) -> NDArray[Any]:
    """``labels`` with length 1 on every axis along which they are all the same."""
    for axis in range(labels.ndim if labels.size else 0):
        first = labels.take([0], axis)
        if (labels == first).all():
            labels = first
    return labels


def _signal(array: NDArray[Any]) -> bool:
    return array.dtype.kind not in "biuOSU" and bool(np.any((array != 0) & np.isfinite(array)))
