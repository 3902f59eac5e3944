"""Probes of RNN, GRU and LSTM, whose gates squash and whose ``clip`` compares."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from nan_elementwise import sigmoid
from nan_probe import Array, Probe, probe

WEIGHT, LENGTH, CLIP = 0.1, 5, 3.0
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
SQUASH: dict[str, Callable[[Array], Array]] = {"Tanh": np.tanh, "Relu": lambda x: np.maximum(x, 0)}
USED: dict[str, Callable[[str], list[str]]] = {  # the activations as ONNX lists them, by the one that is tried
    "RNN": lambda kind: [kind],
    "GRU": lambda kind: ["Sigmoid", kind],
    "LSTM": lambda kind: ["Sigmoid", kind, kind],
}


def states(kind: str, activation: str, clip: float, x: Array) -> Array:
    """Y of one direction, [time, 1, batch, hidden]; every weight is ``WEIGHT`` and there is no bias."""
    hidden = 8
    h = c = np.zeros((x.shape[1], hidden))
    squash = SQUASH[activation]
    made = []
    for step in x:
        given = WEIGHT * (step.sum(1, keepdims=True) + h.sum(1, keepdims=True)) + np.zeros_like(h)
        given = np.clip(given, -clip, clip)
        if kind == "LSTM":
            gate = sigmoid(given)
            c = gate * c + gate * squash(given)
            h = gate * squash(np.clip(c, -clip, clip))
        elif kind == "GRU":
            gate = sigmoid(given)
            reset = WEIGHT * (step.sum(1, keepdims=True) + (gate * h).sum(1, keepdims=True)) + np.zeros_like(h)
            h = (1 - gate) * squash(np.clip(reset, -clip, clip)) + gate * h
        else:
            h = squash(given)
        made.append(h)
    return np.stack(made)[:, None]


def recurrent() -> Iterator[Probe]:
    for batch, features in ((1, 3), (3, 8), (2, 17)):
        for kind, gates in GATES.items():
            weights = {
                "w": np.full((1, gates * 8, features), WEIGHT, np.float32),
                "r": np.full((1, gates * 8, 8), WEIGHT, np.float32),
            }
            for clip, activation in itertools.product((np.inf, CLIP), SQUASH):
                limit: dict[str, Any] = {"clip": clip} if clip < np.inf else {}
                yield probe(
                    f"{kind} x w r -> y",
                    f"{activation}{', clip' if limit else ''}",
                    (LENGTH, batch, features),
                    partial(states, kind, activation, clip),
                    None,
                    weights,
                    hidden_size=8,
                    activations=USED[kind](activation),
                    **limit,
                )
