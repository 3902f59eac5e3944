"""What adds up an end metric over the samples, one at a time, so that no output has to be kept.

Nothing a NaN touches looks good: an undecided pixel or class is wrong whatever the label is, and a non-finite value
where FP32 has another one makes sqnr and psnr -inf and cosine 0. Where nothing was compared, they are NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.errors import MetricError
from trtflow.numerics.decisions import STRINGS, UNDECIDED, decide
from trtflow.numerics.energy import Energy, measure

Outputs = Mapping[str, NDArray[Any]]


@dataclass
class Iou:
    """Intersection over union (Jaccard) of masks, its counts summed over all samples before the division.

    One channel: the IoU of the foreground (labels above 0.5). Several: the mean over the classes that occur in
    the labels; labels outside the channels (255, say) are left out.
    """

    both: dict[int, int] = field(default_factory=dict)
    either: dict[int, int] = field(default_factory=dict)
    labelled: dict[int, int] = field(default_factory=dict)

    def update(self, outputs: Outputs, reference_outputs: Outputs, label: object = None) -> None:
        expected = _label(label, "iou")
        scores = _first(outputs)
        binary = scores.size == expected.size
        decided = decide(scores, _first(reference_outputs), expected)
        classes = 2 if binary else scores.size // expected.size
        wanted = (expected.reshape(-1) > 0.5).astype(np.intp) if binary else expected.reshape(-1).astype(np.intp)
        judged = (wanted >= 0) & (wanted < classes)
        for index in range(1 if binary else 0, classes):
            self._count(index, decided, wanted, judged, binary)

    def _count(
        self, index: int, decided: NDArray[Any], wanted: NDArray[Any], judged: NDArray[Any], binary: bool
    ) -> None:
        predicted, actual = decided == index, wanted == index
        # With one class, an undecided pixel of the background has no other class to be wrong in.
        lost = (decided == UNDECIDED) if binary else np.zeros_like(actual)
        for counts, mask in (
            (self.both, predicted & actual),
            (self.either, (predicted | actual | lost) & judged),
            (self.labelled, actual),
        ):
            counts[index] = counts.get(index, 0) + int(np.count_nonzero(mask))

    def value(self) -> float:
        present = [index for index, count in self.labelled.items() if count]
        if not present:
            raise MetricError(
                "iou: no sample's label holds a foreground pixel, so it says nothing; expected labels with some"
            )
        return math.fsum(self.both[index] / self.either[index] for index in present) / len(present)


@dataclass
class Share:
    """The share of places that are right, over all samples: of labels (top-1) or of FP32's decisions."""

    name: str
    labelled: bool
    right: int = 0
    total: int = 0

    def update(self, outputs: Outputs, reference_outputs: Outputs, label: object = None) -> None:
        reference, candidate = _first(reference_outputs), _first(outputs)
        expected = _label(label, self.name) if self.labelled else None
        if expected is None and candidate.shape != reference.shape:  # another number of rows: no place is the same
            self.total += max(candidate.size, reference.size)
            return
        decided = decide(candidate, reference, expected)
        wanted = decide(reference, reference) if expected is None else expected.reshape(-1)
        # NaN in both is agreement about nothing; only a decided place can be right.
        self.right += int(np.count_nonzero((decided == wanted) & (decided != UNDECIDED)))
        self.total += decided.size

    def value(self) -> float:
        if not self.total:
            raise MetricError(f"{self.name}: no sample was evaluated; expected at least one")
        return self.right / self.total


@dataclass
class Distance:
    """A figure of the energies of signal and error, per output or part of one, over all samples; the worst counts."""

    name: str
    figure: Callable[[Energy], float]
    energies: dict[str, Energy] = field(default_factory=dict)

    def update(self, outputs: Outputs, reference_outputs: Outputs, label: object = None) -> None:
        for name, reference in reference_outputs.items():
            if reference.dtype.kind in f"biu{STRINGS}":
                continue
            if name not in outputs:
                raise MetricError(f"{self.name}: the candidate has no output {name!r}, which FP32 has")
            energy = measure(reference, outputs[name])
            self.energies[name] = self.energies[name] + energy if name in self.energies else energy

    def value(self) -> float:
        return self._worst()[0]

    def decided_by(self) -> str:
        """The output or part that counts; empty where there is no other."""
        return self._worst()[1] if len(self.energies) > 1 else ""

    def _worst(self) -> tuple[float, str]:
        if not self.energies:
            raise MetricError(f"{self.name}: no floating-point output was evaluated; expected at least one")
        figures = [(self.figure(energy), name) for name, energy in self.energies.items() if energy.compared]
        return min(figures, key=lambda found: found[0], default=(math.nan, ""))


def _first(outputs: Outputs) -> NDArray[Any]:
    for array in outputs.values():
        return array
    raise MetricError("the model returned no output; expected at least one")


def _label(label: object, metric: str) -> NDArray[Any]:
    if label is None:
        raise MetricError(
            f"{metric} needs labels and the data has none: name them (data: {{labels: …}}), or accept by sqnr, "
            "cosine or agreement, which compare with FP32"
        )
    return np.asarray(label)
