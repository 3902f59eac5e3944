"""All probes of nan_table: every operator that selects, compares, sorts or squashes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from nan_axes import along_an_axis, reductions
from nan_elementwise import elementwise, scatters
from nan_probe import Probe
from nan_recurrent import recurrent
from nan_windows import fused, pools, regions, resizes


def probes() -> Iterator[Probe]:
    """All of them, by kind."""
    kinds = (elementwise, scatters, reductions, along_an_axis, pools, resizes, regions, fused, recurrent)
    return chain.from_iterable(kind() for kind in kinds)
