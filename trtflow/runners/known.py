"""Whether FP32's own outputs are something to judge by: finite, and on some sample more than zeros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from trtflow.data import Array, Sample
from trtflow.data_values import non_finite
from trtflow.errors import DataError
from trtflow.numerics.exact import spread
from trtflow.numerics.record import Spread


@dataclass
class Known:
    """What the reference makes of the samples so far. ``allow_nonfinite``: it may hold NaN and infinity.

    ``silent`` names the samples on which all outputs are zero, empty, or hold nothing finite.
    """

    allow_nonfinite: bool = False
    samples: int = 0
    silent: list[str] = field(default_factory=list)

    def see(self, sample: Sample, outputs: Mapping[str, Spread]) -> None:
        """Take in one sample by what its floating-point outputs hold.

        Raises:
            DataError: an output is not finite, and that is not allowed.
        """
        origin = sample.origin or f"sample {self.samples}"
        for name, found in outputs.items():
            if found.finite < found.count and not self.allow_nonfinite:
                raise DataError(_unknown(origin, name, found))
        self.samples += 1
        if outputs and not any(found.finite > found.zeros for found in outputs.values()):
            self.silent.append(origin)

    def finish(self) -> tuple[str, ...]:
        """The samples that tell nothing, which is fine while others do.

        Raises:
            DataError: no sample tells anything.
        """
        if self.samples and len(self.silent) == self.samples:
            nothing = "nothing finite but zeros" if self.allow_nonfinite else "nothing but zeros"
            raise DataError(
                f"{self.silent[0]}{_and_others(self.samples)}: FP32's own outputs hold {nothing}, so that no "
                "precision can be told from another. Use samples that the network makes something of."
            )
        return tuple(self.silent)


def spreads(outputs: Mapping[str, Array]) -> dict[str, Spread]:
    """What each floating-point output holds."""
    floats = {name: array for name, array in outputs.items() if array.dtype.kind not in "biuOSU"}
    return {name: spread(array.astype(np.float64).reshape(-1)) for name, array in floats.items()}


def _unknown(origin: str, name: str, found: Spread) -> str:
    return (
        f"{origin}: FP32's own output '{name}' holds {non_finite(found.nan, found.inf, found.count)}: it is no "
        "reference. The sample, or a weight, makes it so; where such values are meant, masked scores, say: "
        "data: {allow-nonfinite: [outputs]}."
    )


def _and_others(count: int) -> str:
    return f" and {count - 1} others, all there are" if count > 1 else ", the only one"
