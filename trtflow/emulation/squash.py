"""Sigmoid and tanh that a kernel computes in the low format: every operation in them rounded.

So cuDNN does where its arithmetic is FP16: sigmoid(x) = 1 / (1 + e⁻ˣ) and tanh(x) = 2 · sigmoid(2x) - 1, whose error
is that of numbers near 1 even where the result is small.
"""

from __future__ import annotations

from trtflow.emulation.activations import Activation
from trtflow.emulation.writer import Writer
from trtflow.precision import Precision


def squashed(write: Writer, activation: Activation, name: str, precision: Precision) -> str:
    """``activation`` of ``name``, in ``precision`` if it is Sigmoid or Tanh; the result is not yet rounded."""
    if activation.name == "Sigmoid":
        return _sigmoid(write, name, precision)
    if activation.name == "Tanh":
        doubled = write("Add", name, name)
        half = write.rounded(_sigmoid(write, doubled, precision), precision)
        return write("Sub", write("Add", half, half), write.number(1))
    return activation(write, name)


def _sigmoid(write: Writer, name: str, precision: Precision) -> str:
    power = write.rounded(write("Exp", write("Neg", name)), precision)
    return write("Reciprocal", write.rounded(write("Add", power, write.number(1)), precision))
