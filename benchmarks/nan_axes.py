"""Probes of operators along axes: reductions over each set of axes, softmaxes, arg-extremes and TopK."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from nan_elementwise import LENGTHS, SHAPES
from nan_probe import Array, Probe, integers, probe

REDUCED = (*((n,) for n in LENGTHS), (3, 17), (17, 64), (2, 3, 17), (2, 17, 8), (2, 3, 4, 17), (1, 4, 40, 33))


def logsumexp(x: Array, **k: Any) -> Array:
    top = np.max(x, axis=k["axis"], keepdims=True)
    top = np.where(np.isinf(top), 0, top)
    return np.asarray(np.log(np.sum(np.exp(x - top), **k)) + top)


REDUCTIONS: dict[str, tuple[Callable[..., Array], Callable[[Any, Any, Any], Any]]] = {
    "ReduceMax": (np.max, lambda t, x, axes: t.amax(x, axes, True)),
    "ReduceMin": (np.min, lambda t, x, axes: t.amin(x, axes, True)),
    "ReduceSum": (np.sum, lambda t, x, axes: t.sum(x, axes, True)),
    "ReduceMean": (np.mean, lambda t, x, axes: t.mean(x, axes, True)),
    "ReduceL1": (lambda x, **k: np.sum(np.abs(x), **k), lambda t, x, axes: t.sum(t.abs(x), axes, True)),
    "ReduceL2": (lambda x, **k: np.sqrt(np.sum(x * x, **k)), lambda t, x, axes: t.sqrt(t.sum(x * x, axes, True))),
    "ReduceLogSumExp": (logsumexp, lambda t, x, axes: t.logsumexp(x, axes, True)),
}


def reductions() -> Iterator[Probe]:
    for shape, kind in itertools.product(REDUCED, REDUCTIONS):
        for many in range(1, len(shape) + 1):
            for axes in itertools.combinations(range(len(shape)), many):
                yield reduction(kind, shape, axes)


def reduction(kind: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> Probe:
    compute, torch = REDUCTIONS[kind]
    return probe(
        f"{kind} x axes -> y",
        f"axes {list(axes)} of {len(shape)}-D",
        shape,
        lambda x: compute(x, axis=axes, keepdims=True),
        lambda t, x: torch(t, x, axes),
        {"axes": integers(axes)},
        keepdims=1,
    )


def along_an_axis() -> Iterator[Probe]:
    for shape in SHAPES:
        for axis in range(len(shape)):
            yield from softmaxes(shape, axis)
            yield from places(shape, axis)
            for largest, k in itertools.product((1, 0), dict.fromkeys((1, min(2, shape[axis]), shape[axis]))):
                yield top_k(shape, axis, k, largest)


def softmax(x: Array, axis: int) -> Array:
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return np.asarray(powers / np.sum(powers, axis=axis, keepdims=True))


def softmaxes(shape: tuple[int, ...], axis: int) -> Iterator[Probe]:
    text = f"axis {axis} of {len(shape)}-D"
    yield probe("Softmax x -> y", text, shape, lambda x: softmax(x, axis), lambda t, x: t.softmax(x, axis), axis=axis)
    yield probe(
        "LogSoftmax x -> y",
        text,
        shape,
        lambda x: np.log(softmax(x, axis)),
        lambda t, x: t.log_softmax(x, axis),
        axis=axis,
    )


def places(shape: tuple[int, ...], axis: int) -> Iterator[Probe]:
    """ArgMax and ArgMin. PyTorch and numpy take NaN for the greatest and the least; no standard says so."""
    for kind, find in (("ArgMax", np.argmax), ("ArgMin", np.argmin)):
        yield probe(
            f"{kind} x -> y",
            f"axis {axis} of {len(shape)}-D",
            shape,
            partial(_place, find, axis),
            _torch_place(kind.lower(), axis),
            integer=True,
            axis=axis,
        )


def _place(find: Any, axis: int, x: Array) -> Array:
    return np.asarray(find(x, axis=axis, keepdims=True))


def _torch_place(name: str, axis: int) -> Callable[[Any, Any], Any]:
    return lambda t, x: getattr(t, name)(x, axis, True)


def top_k(shape: tuple[int, ...], axis: int, k: int, largest: int) -> Probe:
    """The values of TopK, NaN being greater than anything, as PyTorch has it."""

    def compute(x: Array) -> Array:
        ordered = np.sort(x, axis=axis)
        return np.take(np.flip(ordered, axis) if largest else ordered, range(k), axis=axis)

    return probe(
        "TopK x k -> y i",
        f"{k} {'largest' if largest else 'smallest'}, axis {axis} of {len(shape)}-D",
        shape,
        compute,
        lambda t, x: t.topk(x, k, axis, bool(largest))[0],
        {"k": integers([k])},
        axis=axis,
        largest=largest,
    )
