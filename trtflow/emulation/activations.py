"""The activations inside recurrent operators, by the names and with the parameters that ONNX gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnx
from onnx import helper

from trtflow.emulation.nan import keep_nan
from trtflow.emulation.writer import Writer

DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "GRU": ("Sigmoid", "Tanh"),
    "LSTM": ("Sigmoid", "Tanh", "Tanh"),
    "RNN": ("Tanh",),
}
"""The activations of one direction where a node names none."""

ALPHA: Mapping[str, float] = {
    "Affine": 0.0,
    "Elu": 1.0,
    "HardSigmoid": 0.2,
    "LeakyRelu": 0.01,
    "ScaledTanh": 0.0,
    "ThresholdedRelu": 0.0,
}
BETA: Mapping[str, float] = {"Affine": 0.0, "HardSigmoid": 0.5, "ScaledTanh": 0.0}
"""Who takes the next of ``activation_alpha`` and ``activation_beta``; ONNX Runtime's value where that is missing."""

PLAIN = ("Relu", "Sigmoid", "Softplus", "Softsign", "Tanh")
_BY_NAME = {name.lower(): name for name in (*PLAIN, *ALPHA)}  # ONNX Runtime compares without case


@dataclass(frozen=True)
class Activation:
    """An activation, ``alpha`` and ``beta`` where it has them."""

    name: str
    alpha: float = 0.0
    beta: float = 0.0

    def __call__(self, write: Writer, name: str) -> str:
        """This of the tensor ``name``; NaN stays NaN."""
        if self.name in PLAIN:
            return write(self.name, name)
        if self.name == "Affine":
            return write("Add", write("Mul", name, write.number(self.alpha)), write.number(self.beta))
        if self.name == "ScaledTanh":
            inner = write("Tanh", write("Mul", name, write.number(self.beta)))
            return write("Mul", inner, write.number(self.alpha))
        if self.name == "HardSigmoid":
            return write("HardSigmoid", name, alpha=self.alpha, beta=self.beta)
        if self.name == "ThresholdedRelu":
            return self._thresholded(write, name)
        return write(self.name, name, alpha=self.alpha)

    def _thresholded(self, write: Writer, name: str) -> str:
        made = write.name()
        node = helper.make_node("ThresholdedRelu", [name], [made], write.fresh(write.base, "node"), alpha=self.alpha)
        write.nodes.extend(keep_nan(node, write.version, write.fresh))
        return made


def activations(node: onnx.NodeProto, directions: int) -> list[Activation] | None:
    """Those of the recurrent ``node``, direction by direction; None when one is not ONNX's."""
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    names = [n.decode() for n in given.get("activations", ())] or list(DEFAULTS[node.op_type]) * directions
    if any(name.lower() not in _BY_NAME for name in names):
        return None
    alphas, betas = iter(given.get("activation_alpha", ())), iter(given.get("activation_beta", ()))
    return [_made(_BY_NAME[name.lower()], alphas, betas) for name in names]


def _made(name: str, alphas: Iterator[float], betas: Iterator[float]) -> Activation:
    alpha = next(alphas, ALPHA[name]) if name in ALPHA else 0.0
    beta = next(betas, BETA[name]) if name in BETA else 0.0
    return Activation(name, alpha, beta)
