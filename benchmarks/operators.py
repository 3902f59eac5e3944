"""What trtflow's table of operators says of each, against TensorRT-RTX: taken in FP32, FP16 and BF16, or refused.

Each operator of ONNX's opsets 13 to 24 is a model of its own (see operator_models.py), built strongly typed in a
child process, so that a crash is a row. Exit status 1 where engine and table differ and nobody says why (``KNOWN``).
Usage: operators.py [--only TEXT].
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection

import onnx
from operator_models import OPSET, lowered, operators, small_cases, variants

from trtflow.model.operators import slots
from trtflow.precision import BF16, FP16, FP32, Precision

ASKED: tuple[Precision, ...] = (FP32, FP16, BF16)
NO_MODEL = "no model of it builds in FP32"
NO_FORM = "ONNX has no such form of it"
UNKNOWN = "the parser does not know it"
UNASKED = (NO_MODEL, UNKNOWN)
"""What leaves the table unjudged: no file that has the operator builds, whatever its precision."""

_NO_KERNEL = "ONNX Runtime, which runs the mixed file too, has no low kernel of it"
KNOWN: Mapping[str, Mapping[Precision, str]] = {
    "EyeLike": {FP16: _NO_KERNEL, BF16: _NO_KERNEL},
    "RandomNormal": {FP16: _NO_KERNEL},
    "RandomUniform": {FP16: _NO_KERNEL},
}
"""Differences that are meant, each with its reason."""


@dataclass(frozen=True)
class Row:
    """``refused``: why TensorRT-RTX does not take the operator ("" if it does). ``taken``: whether the table does."""

    operator: str
    precision: Precision
    refused: str
    taken: bool

    @property
    def differs(self) -> bool:
        """Whether the engine was asked and answers otherwise."""
        asked = self.precision != FP32 and self.refused not in UNASKED
        return asked and self.taken == bool(self.refused)

    @property
    def reason(self) -> str:
        """Why it may differ; "" when nobody says."""
        return KNOWN.get(self.operator, {}).get(self.precision, "")


@cache
def _fp32_model(operator: str) -> tuple[onnx.ModelProto | None, str]:
    """The first model of ``operator`` that builds in FP32, or what is said of the first that does not."""
    from conformance_build import build

    first = ""
    for case in small_cases().get(operator, ()):
        for model in variants(case):
            if not (refused := build(model)):
                return model, ""
            first = first or refused
    return None, first or "onnx.backend.test has no model of it"


def ask(operator: str, precision: Precision) -> str:
    """Why TensorRT-RTX does not take ``operator`` in ``precision``; "" if it does."""
    from conformance_build import build, knows

    if precision != FP32 and lowered(next(variants(small_cases()[operator][0])), precision) is None:
        return NO_FORM
    if not knows(operator):
        return UNKNOWN
    model, refused = _fp32_model(operator)
    if precision == FP32:
        return refused
    low = None if model is None else lowered(model, precision)
    return NO_MODEL if low is None else build(low)


def taken(operator: str, precision: Precision) -> bool:
    """Whether the table gives ``operator`` a slot in ``precision``."""
    if precision == FP32:
        return True
    case = small_cases()[operator][0]
    found = slots(case.model.graph.node[0], OPSET, precision)
    return any((*found.inputs, *found.outputs))


def _answer(pipe: Connection) -> None:
    """A child: operator and precision in, what TensorRT-RTX says out."""
    while True:
        pipe.send(ask(*pipe.recv()))


def answers(tasks: Iterable[tuple[str, Precision]]) -> Iterator[tuple[str, Precision, str]]:
    """What TensorRT-RTX says to each of ``tasks``, from a child that may die of any."""
    context = multiprocessing.get_context("spawn")
    child, pipe = None, None
    for operator, precision in tasks:
        if child is None or pipe is None:
            pipe, far = context.Pipe()
            child = context.Process(target=_answer, args=(far,), daemon=True)
            child.start()
            far.close()
        pipe.send((operator, precision))
        try:
            yield operator, precision, pipe.recv()
        except EOFError:
            child.join()
            yield operator, precision, f"crash: {signal.Signals(-(child.exitcode or 0)).name}"
            child = None
    if child is not None:
        child.terminate()


def rows(only: str = "") -> Iterator[Row]:
    """A row for each operator that has ``only`` in its name, and each precision."""
    tasks = [
        (name, precision) for name in operators() if only in name and name in small_cases() for precision in ASKED
    ]
    for operator, precision, refused in answers(tasks):
        yield Row(operator, precision, refused, taken(operator, precision))


def main() -> int:
    """Print the table; the process's exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    found = list(rows(parser.parse_args().only))
    for row in found:
        if row.refused and row.refused not in (*UNASKED, NO_FORM):
            print(f"{row.operator:26} {row.precision}  table {'takes' if row.taken else 'refuses'}: {row.refused}")
    for precision in ASKED:
        asked = [row for row in found if row.precision == precision]
        counts = Counter(
            row.refused if row.refused in (*UNASKED, NO_FORM) else "refused" if row.refused else "built"
            for row in asked
        )
        agrees = sum(not row.differs for row in asked)
        print(f"{precision}: {dict(counts)}; the table agrees on {agrees} of {len(asked)}")
    unknown = [row.operator for row in found if row.precision == FP32 and row.refused == UNKNOWN]
    print(f"{UNKNOWN}: {', '.join(unknown)}")
    differing = [row for row in found if row.differs]
    for row in differing:
        says = f"TensorRT-RTX {row.refused or 'takes it'}, the table {'takes' if row.taken else 'refuses'} it"
        print(f"{'differs' if row.reason else 'UNEXPLAINED'}: {row.operator} {row.precision}: {says}. {row.reason}")
    return 1 if any(not row.reason for row in differing) else 0


if __name__ == "__main__":
    sys.exit(main())
