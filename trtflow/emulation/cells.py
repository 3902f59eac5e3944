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
from trtflow.emulation.writer import Writer
from trtflow.precision import Precision

Point = Literal["input", "hidden", "gates", "activations", "products", "cell", "state"]
"""What a kernel may round: x·W; h·R; their sum with the bias; what the activations give; the products that c or h
is the sum of; c; h."""

GATES: Mapping[str, int] = {"GRU": 3, "LSTM": 4, "RNN": 1}


@dataclass(frozen=True)
class Cell:
    """What the steps of one direction share. ``recurrence`` [hidden, gates · hidden] is R transposed.

    reset_bias: [hidden], of a GRU whose reset gate applies behind the product (``linear_before_reset``)
    peepholes:  [3 · hidden], of an LSTM
    """

    hidden: int
    precision: Precision
    points: frozenset[Point]
    activations: Sequence[Activation]
    clip: float | None
    recurrence: str
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

    def gate(self, write: Writer, which: int, *terms: str) -> str:
        """The activation of the sum of ``terms``."""
        total = terms[0]
        for term in terms[1:]:
            total = write("Add", total, term)
        squashed = self.activations[which](write, self.clipped(write, self.at("gates", write, total)))
        return self.at("activations", write, squashed)

    def multiplied(self, write: Writer, left: str, right: str) -> str:
        """One of the products that the state is the sum of."""
        return self.at("products", write, write("Mul", left, right))


def lstm(write: Writer, cell: Cell, x: str, h: str, c: str) -> tuple[str, ...]:
    """The next h and c [batch, hidden]."""
    given = cell.parts(write, x, 4)
    recurrent = cell.parts(write, cell.at("hidden", write, write("MatMul", h, cell.recurrence)), 4)
    peeps = write.split(cell.peepholes, 0, *[cell.hidden] * 3) if cell.peepholes else ()

    def terms(index: int, state: str, peep: int) -> list[str]:
        return [given[index], recurrent[index], *([write("Mul", peeps[peep], state)] if peeps else [])]

    i = cell.gate(write, 0, *terms(0, c, 0))
    f = write("Sub", write.number(1), i) if cell.input_forget else cell.gate(write, 0, *terms(2, c, 2))
    candidate = cell.gate(write, 1, given[3], recurrent[3])
    kept, added = cell.multiplied(write, f, c), cell.multiplied(write, i, candidate)
    c = cell.at("cell", write, write("Add", kept, added))
    o = cell.gate(write, 0, *terms(1, c, 1))
    squashed = cell.at("activations", write, cell.activations[2](write, c))
    return cell.at("state", write, write("Mul", o, squashed)), c


def gru(write: Writer, cell: Cell, x: str, h: str) -> tuple[str, ...]:
    """The next h [batch, hidden]."""
    xz, xr, xh = cell.parts(write, x, 3)
    if cell.linear_before_reset:
        hz, hr, hh = cell.parts(write, cell.at("hidden", write, write("MatMul", h, cell.recurrence)), 3)
    else:
        both, last = write.split(cell.recurrence, 1, 2 * cell.hidden, cell.hidden)
        hz, hr = cell.parts(write, cell.at("hidden", write, write("MatMul", h, both)), 2)
    z, r = cell.gate(write, 0, xz, hz), cell.gate(write, 0, xr, hr)
    if cell.linear_before_reset:
        biased = write("Add", hh, cell.reset_bias) if cell.reset_bias else hh
        reset = cell.multiplied(write, r, biased)
    else:
        again = write("MatMul", cell.at("state", write, write("Mul", r, h)), last)
        reset = cell.at("hidden", write, again)
    candidate = cell.gate(write, 1, xh, reset)
    new = cell.multiplied(write, write("Sub", write.number(1), z), candidate)
    return (cell.at("state", write, write("Add", new, cell.multiplied(write, z, h))),)


def rnn(write: Writer, cell: Cell, x: str, h: str) -> tuple[str, ...]:
    """The next h [batch, hidden]."""
    recurrent = cell.at("hidden", write, write("MatMul", h, cell.recurrence))
    return (cell.at("state", write, cell.gate(write, 0, x, recurrent)),)


STEPS: Mapping[str, Callable[..., tuple[str, ...]]] = {"GRU": gru, "LSTM": lstm, "RNN": rnn}
