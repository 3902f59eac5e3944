"""LSTM, GRU and RNN step by step in NumPy, rounded to FP16 where a rule says: the emulator's graphs are held to it.

One direction, default activations, GRU with ``linear_before_reset`` (what cuDNN and PyTorch compute).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from int8_task import Array

from trtflow.emulation.cells import Point

GATES: Mapping[str, int] = {"LSTM": 4, "RNN": 1, "GRU": 3}  # ONNX Runtime crashes on some FP16 GRUs: last
WIDTH = 16
"""Products that a tensor core adds in one step."""


@dataclass(frozen=True)
class Rule:
    """Where FP16 rounds: the emulator's ``points``; each sum of 16 products, if matrices ``accumulate`` in it; each
    addition of a bias or of h·R, if ``adds`` are in it."""

    points: frozenset[Point]
    accumulate: bool = False
    adds: bool = False

    def at(self, point: Point, value: Array) -> Array:
        return half(value) if point in self.points else value

    def product(self, left: Array, right: Array) -> Array:
        """[…, k] · [k, n]."""
        return chained(left, right) if self.accumulate else left @ right

    def add(self, *terms: Array) -> Array:
        total = terms[0]
        for term in terms[1:]:
            total = half(total + term) if self.adds else total + term
        return total


@dataclass(frozen=True)
class Weights:
    """Of one direction, in ONNX's order: w [rows, input], r [rows, hidden], b [2 · rows]; a gate has hidden rows."""

    op: str
    w: Array
    r: Array
    b: Array

    @property
    def hidden(self) -> int:
        return int(self.r.shape[1])


def half(value: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(value, np.float16).astype(np.float32)


def chained(left: Array, right: Array) -> Array:
    """The product whose sum is rounded to FP16 after every 16 terms."""
    total = np.zeros((*left.shape[:-1], right.shape[1]), np.float32)
    for start in range(0, left.shape[-1], WIDTH):
        total = half(total + left[..., start : start + WIDTH] @ right[start : start + WIDTH])
    return total


def steps(weights: Weights, x: Array, rule: Rule) -> Array:
    """h after each step [steps, batch, hidden], from zero; x is [steps, batch, input]."""
    rounded = Weights(weights.op, half(weights.w), half(weights.r), half(weights.b))
    gates = GATES[weights.op]
    given = rule.at("input", rule.product(half(x), rounded.w.T))
    own, recurrent = np.split(rounded.b, 2)
    waits = np.arange(len(own)) >= 2 * weights.hidden if weights.op == "GRU" else np.zeros(len(own), bool)
    given = rule.add(given, own, np.where(waits, np.float32(0), recurrent))
    h = c = np.zeros((x.shape[1], weights.hidden), np.float32)
    made = []
    for step in given:
        product = rule.at("hidden", rule.product(h, rounded.r.T))
        parts = np.split(step, gates, -1), np.split(product, gates, -1)
        h, c = _step(rule, weights, *parts, h, c, recurrent[waits])
        made.append(h)
    return np.stack(made)


def _step(
    rule: Rule, weights: Weights, x: list[Array], r: list[Array], h: Array, c: Array, reset_bias: Array
) -> tuple[Array, Array]:
    def gate(index: int, squash: np.ufunc | object, other: Array) -> Array:
        return rule.at("activations", squash(rule.at("gates", rule.add(x[index], other))))  # type: ignore[operator]

    if weights.op == "RNN":
        return rule.at("state", gate(0, np.tanh, r[0])), c
    if weights.op == "GRU":
        z, reset = gate(0, sigmoid, r[0]), gate(1, sigmoid, r[1])
        candidate = gate(2, np.tanh, rule.at("products", reset * rule.add(r[2], reset_bias)))
        new, kept = rule.at("products", (1 - z) * candidate), rule.at("products", z * h)
        return rule.at("state", new + kept), c
    i, o, f = (gate(index, sigmoid, r[index]) for index in range(3))
    candidate = gate(3, np.tanh, r[3])
    c = rule.at("cell", rule.at("products", f * c) + rule.at("products", i * candidate))
    return rule.at("state", o * rule.at("activations", np.tanh(c))), c


def sigmoid(value: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-value)), np.float32)
