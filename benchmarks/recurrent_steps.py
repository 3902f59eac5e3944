"""LSTM, GRU and RNN step by step in NumPy, rounded to FP16 where a rule says: the emulator's graphs are held to it.

One direction, default activations, GRU with ``linear_before_reset`` (what cuDNN and PyTorch compute).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from int8_task import Array

from trtflow.emulation.cells import Point

GATES: Mapping[str, int] = {"LSTM": 4, "RNN": 1, "GRU": 3}  # ONNX Runtime crashes on some FP16 GRUs: last
WIDTH = 16
"""Products that a tensor core adds in one step."""


@dataclass(frozen=True)
class Rule:
    """Where FP16 rounds."""

    points: frozenset[Point]

    def at(self, point: Point, value: Array) -> Array:
        return half(value) if point in self.points else value

    def product(self, left: Array, right: Array) -> Array:
        """[…, k] · [k, n]."""
        return chained(left, right) if "sums" in self.points else left @ right

    def add(self, *terms: Array) -> Array:
        total = terms[0]
        for term in terms[1:]:
            total = self.at("adds", total + term)
        return total

    def sigmoid(self, value: Array) -> Array:
        return self.at("activations", low_sigmoid(value) if "squash" in self.points else sigmoid(value))

    def tanh(self, value: Array) -> Array:
        made = 2 * half(low_sigmoid(2 * value)) - 1 if "squash" in self.points else np.tanh(value)
        return self.at("activations", made)


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
    own, recurrent = (np.split(bias, gates) for bias in np.split(rounded.b, 2))
    h = c = np.zeros((x.shape[1], weights.hidden), np.float32)
    made = []
    for step in given:
        product = rule.at("hidden", rule.product(h, rounded.r.T))
        terms = list(zip(np.split(step, gates, -1), np.split(product, gates, -1), own, recurrent, strict=True))
        h, c = _step(rule, weights.op, terms, h, c)
        made.append(h)
    return np.stack(made)


def _step(rule: Rule, op: str, terms: Sequence[tuple[Array, ...]], h: Array, c: Array) -> tuple[Array, Array]:
    """The next states; ``terms`` are what each gate is the sum of: of x, of h, and two biases."""

    def total(index: int) -> Array:
        return rule.at("gates", rule.add(*terms[index]))

    if op == "RNN":
        return rule.at("state", rule.tanh(total(0))), c
    if op == "GRU":
        z, reset = rule.sigmoid(total(0)), rule.sigmoid(total(1))
        of_x, of_h, own, recurrent = terms[2]
        sum_ = rule.add(rule.add(of_x, own), reset * rule.add(of_h, recurrent))
        candidate = rule.tanh(rule.at("gates", sum_))
        return rule.at("state", rule.at("adds", 1 - z) * candidate + rule.at("products", z * h)), c
    i, o, f = (rule.sigmoid(total(index)) for index in range(3))
    c = rule.at("cell", f * c + rule.at("products", i * rule.tanh(total(3))))
    return rule.at("state", o * rule.tanh(c)), c


def sigmoid(value: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-value)), np.float32)


def low_sigmoid(value: Array) -> Array:
    """Each operation but the last rounded."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / half(1 + half(np.exp(-value))), np.float32)
