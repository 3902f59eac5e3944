"""Learn from FP32 which parts of each output are judged apart: who joined them, and on what scale they are.

Where a Concat joined an output, its operands are parts, those within 16 of the group's largest RMS over all samples
being one: the RMS is what a figure over the whole output hears. Where none did, or all that it joined has one scale,
the channels of an axis are parts, if their largest magnitudes fall into groups 16 apart on sample after sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from trtflow.data import Array, Sample
from trtflow.errors import ModelError
from trtflow.model.joined import Joined, on_one_scale, scale_of
from trtflow.model.scopes import Scope, scopes
from trtflow.model.types import Shape, infer
from trtflow.numerics.parts import Division, Parts, Sizes, collapsed, select
from trtflow.numerics.scale_groups import axis_scales, operand_groups
from trtflow.runners.outputs import Kept
from trtflow.runners.part_names import maker, part_names

Labels = NDArray[np.int64]
_SLACK = 1e-3  # a softmax that is written out may overshoot by rounding


def learn_parts(model: ModelProto, samples: Sequence[Sample], outputs: Kept) -> Parts:
    """The parts of the floating-point tensors of ``outputs``, FP32's on each of ``samples``.

    They are outputs of ``model`` or other tensors of its main graph.
    """
    names = [name for name, array in outputs[0].items() if array.dtype.kind == "f"] if outputs else []
    main, types, joined = scopes(model)[0], infer(model), Joined(model, names)
    origins = _origins(joined, samples)
    found: dict[str, Division] = {}
    for name in names:
        arrays = outputs.only(name)
        labels = [origin[name] for origin in origins if name in origin]
        division = _by_operand(main, name, joined.sources, labels, arrays)
        if division is None and not on_one_scale(main, name):
            division = _by_channel(name, types.of(main, name).shape or (), arrays)
        if division is not None:
            found[name] = division
    return Parts(found)


def _origins(joined: Joined, samples: Iterable[Sample]) -> list[Mapping[str, Labels]]:
    """Per sample the labels of the tensors that a Concat joined, in short form; nothing where they cannot be told."""
    known: dict[tuple[Sizes, ...], Mapping[str, Labels]] = {}
    found = []
    for sample in samples:
        shapes = tuple(sample.feed[name].shape for name in sorted(sample.feed))
        if shapes not in known:
            try:
                known[shapes] = {name: collapsed(labels) for name, labels in joined.labels(sample.feed).items()}
            except ModelError:
                return []
        found.append(known[shapes])
    return found


def _by_operand(
    main: Scope, name: str, sources: Sequence[str], origins: Sequence[Labels], arrays: Sequence[Array]
) -> Division | None:
    """``name`` divided by what a Concat joined; None where that is nothing, or on one scale."""
    if not origins:
        return None
    # The scores of several heads are chances alike, also where one of the heads sees nothing.
    kinds = [scale_of(main, source) or source for source in sources]
    alike = np.array([kinds.index(kind) for kind in kinds])
    scales = _rms(len(kinds), [alike[origin] for origin in origins], arrays)
    groups = np.array(operand_groups(scales), np.uint8)[alike]
    labels: dict[Sizes, NDArray[np.uint8]] = {}
    for origin, array in zip(origins, arrays, strict=True):
        found = collapsed(groups[origin])
        if not np.array_equal(labels.setdefault(array.shape, found), found):
            return None  # who lies where depends on more than the output's shape
    used = sorted({int(place) for origin in origins for place in np.unique(origin)})
    makers = [[maker(main, sources[i]) for i in used if groups[i] == group] for group in range(groups.max() + 1)]
    return Division(part_names(name, list(labels.values()), makers), labels) if len(makers) > 1 else None


def _rms(count: int, origins: Iterable[Labels], arrays: Iterable[Array]) -> list[float]:
    """The root of the mean square of each of ``count`` operands, over all finite values of all samples."""
    squares, sizes = [0.0] * count, [0] * count
    for origin, array in zip(origins, arrays, strict=True):
        for place in np.unique(origin):
            values = select(array, origin == place).astype(np.float64)
            finite = values[np.isfinite(values)]
            squares[place] += float(np.add.reduce(finite * finite))
            sizes[place] += finite.size
    return [float(np.sqrt(square / max(size, 1))) for square, size in zip(squares, sizes, strict=True)]


def _by_channel(name: str, declared: Shape, arrays: Sequence[Array]) -> Division | None:
    """``name`` divided along the axis whose scales are furthest apart; None where none are.

    The batch and axes without a fixed size are no channels, and chances, all between 0 and 1, are on one scale.
    """
    if all(np.all((array >= 0) & (array <= 1 + _SLACK)) for array in arrays):
        return None
    shape = arrays[0].shape
    fixed = [axis for axis, size in enumerate(declared) if axis and all(_is(array, axis, size) for array in arrays)]
    scales = {axis: axis_scales(arrays, axis) for axis in fixed}
    apart = {axis: found for axis, found in scales.items() if any(found.groups())}
    if not apart:
        return None
    axis = max(apart, key=lambda axis: apart[axis].spread)
    groups = np.array(apart[axis].groups(), np.uint8)
    labels = groups.reshape([-1 if index == axis else 1 for index in range(len(shape))])
    nodes: list[list[str]] = [[] for _ in range(groups.max() + 1)]
    return Division(part_names(name, [labels], nodes), {array.shape: labels for array in arrays})


def _is(array: Array, axis: int, size: int | str | None) -> bool:
    return axis < array.ndim and array.shape[axis] == size
