"""One step of LSTM, GRU and RNN in elementary operators, rounded where a kernel stores.

``x`` is the step's x·W + b [batch, gates · hidden], computed for all steps at once. Formulas and orders of gates
are ONNX's. A kernel that computes r ∘ h before it multiplies by R stores that as well: an operand of a tensor core
has the low format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from trtflow.emulation.activations import Activation
from trtflow.emulation.chained import chained
from trtflow.emulation.squash import squashed
from trtflow.emulation.writer import Writer
from trtflow.precision import Precision

Point = Literal["input", "hidden", "sums", "gates", "adds", "squash", "activations", "products", "cell", "state"]
"""What a kernel may round: x·W; h·R; the sums within these two, every 16 products; their sum with the biases; each
addition towards that; each operation inside Sigmoid and Tanh; what the activations give; of the two products that c
or h is the sum of the one that is made first (a fused multiply-add makes the other); c; h."""

GATES: Mapping[str, int] = {"GRU": 3, "LSTM": 4, "RNN": 1}


@dataclass(frozen=True)
class Cell:
    """What the steps of one direction share. ``recurrence`` [hidden, gates · hidden] is R transposed.

    biases:     [gates · hidden] each, of a GRU those of z and r, that x does not hold yet
    reset_bias: [hidden], of a GRU whose reset gate applies behind the product (``linear_before_reset``)
    peepholes:  [3 · hidden], of an LSTM
    """

    hidden: int
    precision: Precision
    points: frozenset[Point]
    activations: Sequence[Activation]
    clip: float | None
    recurrence: str
    biases: Sequence[str] = ()
    reset_bias: str = ""
    peepholes: str = ""
    linear_before_reset: bool = False
    input_forget: bool = False

    def at(self, point: Point, write: Writer, name: str) -> str:
        """``name``, rounded if a kernel rounds at ``point``."""
        return write.rounded(name, self.precision) if point in self.points else name

    def parts(self, write: Writer, name: str, count: int) -> Sequence[str]:
        """``name`` [batch, count · hidden] in ``count`` parts."""
        return write.split(name, -1, *[self.hidden] * count)

    def clipped(self, write: Writer, name: str) -> str:
        """``name`` within ±clip."""
        if self.clip is None:
            return name
        return write("Max", write("Min", name, write.number(self.clip)), write.number(-self.clip))

    def recurrent(self, write: Writer, h: str, recurrence: str) -> str:
        """h·R."""
        if "sums" in self.points:
            return chained(write, h, recurrence, 2, self.precision)
        return self.at("hidden", write, write("MatMul", h, recurrence))

    def sum(self, write: Writer, *terms: str) -> str:
        """The ``terms``, added from the left."""
        total = terms[0]
        for term in terms[1:]:
            total = self.at("adds", write, write("Add", total, term))
        return total

    def squashed(self, write: Writer, which: int, name: str) -> str:
        """The activation ``which`` of ``name``."""
        activation = self.activations[which]
        if "squash" in self.points:
            made = squashed(write, activation, name, self.precision)
        else:
            made = activation(write, name)
        return self.at("activations", write, made)

    def gate(self, write: Writer, which: int, *terms: str) -> str:
        """The activation of the sum of ``terms``."""
        total = self.at("gates", write, self.sum(write, *terms))
        return self.squashed(write, which, self.clipped(write, total))

    def mixed(self, write: Writer, first: Sequence[str], fused: Sequence[str]) -> str:
        """The sum of two products, the ``first`` of which is made before a multiply-add takes it."""
        made = self.at("products", write, write("Mul", *first))
        return write("Add", write("Mul", *fused), made)


def lstm(write: Writer, cell: Cell, x: str, h: str, c: str) -> tuple[str, ...]:
    """The next h and c [batch, hidden]."""
    total = cell.sum(write, x, cell.recurrent(write, h, cell.recurrence), *cell.biases)
    iof, g = write.split(total, -1, 3 * cell.hidden, cell.hidden)
    candidate = cell.gate(write, 1, g)
    if cell.peepholes:  # o looks at the c that i and f make
        peep_i, peep_o, peep_f = write.split(cell.peepholes, 0, *[cell.hidden] * 3)
        given_i, given_o, given_f = cell.parts(write, iof, 3)
        i = cell.gate(write, 0, given_i, write("Mul", peep_i, c))
        f = cell.gate(write, 0, given_f, write("Mul", peep_f, c))
    else:
        i, o, f = cell.parts(write, cell.gate(write, 0, iof), 3)
    if cell.input_forget:
        f = write("Sub", write.number(1), i)
    c = cell.at("cell", write, cell.mixed(write, (i, candidate), (f, c)))
    if cell.peepholes:
        o = cell.gate(write, 0, given_o, write("Mul", peep_o, c))
    return cell.at("state", write, write("Mul", o, cell.squashed(write, 2, c))), c


def gru(write: Writer, cell: Cell, x: str, h: str) -> tuple[str, ...]:
    """The next h [batch, hidden]."""
    both = 2 * cell.hidden
    x_zr, x_h = write.split(x, -1, both, cell.hidden)
    if cell.linear_before_reset:
        product = cell.recurrent(write, h, cell.recurrence)
        h_zr, h_h = write.split(product, -1, both, cell.hidden)
    else:
        r_zr, r_h = write.split(cell.recurrence, 1, both, cell.hidden)
        h_zr = cell.recurrent(write, h, r_zr)
    z, r = cell.parts(write, cell.gate(write, 0, x_zr, h_zr, *cell.biases), 2)
    if cell.linear_before_reset:
        reset = write("Mul", r, cell.sum(write, h_h, cell.reset_bias) if cell.reset_bias else h_h)
    else:
        operand = cell.at("state", write, write("Mul", r, h))
        reset = cell.recurrent(write, operand, r_h)
    candidate = cell.gate(write, 1, x_h, reset)
    rest = cell.at("adds", write, write("Sub", write.number(1), z))
    return (cell.at("state", write, cell.mixed(write, (z, h), (rest, candidate))),)


def rnn(write: Writer, cell: Cell, x: str, h: str) -> tuple[str, ...]:
    """The next h [batch, hidden]."""
    recurrent = cell.recurrent(write, h, cell.recurrence)
    return (cell.at("state", write, cell.gate(write, 0, x, recurrent, *cell.biases)),)


STEPS: Mapping[str, Callable[..., tuple[str, ...]]] = {"GRU": gru, "LSTM": lstm, "RNN": rnn}
