"""The compiled way through a pair of tensors: ``kernel.c``, built once per machine by the machine's own compiler.

numpy takes more than twenty passes for these figures and so five to ten times as long as reading both tensors.
The kernel takes one. Where there is no compiler, or it fails, there is no kernel, and ``statistics`` uses numpy.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.numerics.energy import Energy
from trtflow.numerics.histogram import BINS, BitHistogram
from trtflow.numerics.record import Spread, TensorStatistics

SOURCE = Path(__file__).with_name("kernel.c")
# Not -ffast-math: GCC then links code that flushes subnormal numbers to zero in the whole process.
FLAGS = (
    *("-O3", "-march=native", "-std=gnu11", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math"),
    *("-fno-signed-zeros", "-fassociative-math", "-freciprocal-math", "-ffinite-math-only"),
)
TIMEOUT = 60

TYPES = {"float32": 0, "float16": 1, "bfloat16": 2}
"""What the kernel reads, by dtype name, with its number there."""

_log = logging.getLogger(__name__)


class _Spread(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("nan", "inf", "zeros")),
        *((name, ctypes.c_double) for name in ("low", "high", "total", "squares")),
    ]

    def record(self, count: int) -> Spread:
        return Spread(count, self.nan, self.inf, self.zeros, self.low, self.high, self.total, self.squares)


_SUMS = ("rr", "cc", "rc", "ee", "sum_abs", "sum_rel", "max_abs", "max_rel")
_COUNTS = ("differing", "overflowed", "underflowed", "beyond_fp16", "below_normal", "below_subnormal")


class _Totals(ctypes.Structure):
    _fields_ = [
        *(("r", _Spread), ("c", _Spread)),
        *((name, ctypes.c_double) for name in _SUMS),
        *((name, ctypes.c_int64) for name in ("mismatched", *_COUNTS)),
    ]


class Kernel:
    """The compiled ``kernel.c``."""

    def __init__(self, library: ctypes.CDLL) -> None:
        pointer, integer = ctypes.c_void_p, ctypes.c_int64
        self._add = library.trtflow_add
        self._add.argtypes = [pointer, ctypes.c_int, pointer, ctypes.c_int, integer, integer, *[pointer] * 3]
        self._add.restype = None

    def reduce(self, r: NDArray[Any], c: NDArray[Any], step: int) -> TensorStatistics:
        """The statistics of two flat, contiguous arrays of ``TYPES``, every ``step``-th value in the histograms.

        Other threads run meanwhile.
        """
        totals = _Totals(r=_nothing(), c=_nothing())
        bins = np.zeros((2, BINS), np.uint32)
        types = TYPES[r.dtype.name], TYPES[c.dtype.name]
        self._add(
            *(r.ctypes.data, types[0], c.ctypes.data, types[1], r.size, step),
            *(ctypes.addressof(totals), bins[0].ctypes.data, bins[1].ctypes.data),
        )
        return _record(totals, r.size, bins, step)


@functools.cache
def load() -> Kernel | None:
    """The kernel, compiled before if need be; ``None``, with a word in the log, where that is not possible."""
    try:
        return Kernel(ctypes.CDLL(str(_compiled())))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:  # RuntimeError: there is no home folder
        detail = getattr(error, "stderr", None) or error
        _log.warning("statistics take numpy's slower way, there is no compiled kernel: %s", detail)
        return None


def _nothing() -> _Spread:
    return _Spread(low=np.inf, high=-np.inf)


def _record(totals: _Totals, count: int, bins: NDArray[np.uint32], step: int) -> TensorStatistics:
    reference = totals.r.record(count)
    sums = totals.rr, totals.cc, totals.ee, totals.rc
    mismatched = totals.mismatched
    return TensorStatistics(
        energy=Energy(count, mismatched, *sums, reference.low, reference.high),
        reference=reference,
        candidate=totals.c.record(count),
        **{name: getattr(totals, name) for name in _COUNTS},
        max_abs=np.inf if mismatched else totals.max_abs,
        sum_abs=np.inf if mismatched else totals.sum_abs,
        max_rel=2.0 if mismatched else totals.max_rel,
        sum_rel=totals.sum_rel + 2.0 * mismatched,
        magnitudes=BitHistogram.trim(bins[0], step),
        errors=BitHistogram.trim(bins[1], step),
    )


def _compiled() -> Path:
    """The library for this source, these flags, this compiler and this CPU; raises when it cannot be made."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("there is no 'cc' on the path")
    found = Path(compiler).stat()
    about = (*FLAGS, compiler, found.st_size, found.st_mtime_ns, _cpu())
    key = hashlib.sha256(SOURCE.read_bytes() + repr(about).encode()).hexdigest()
    target = _folder() / f"{key}.so"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as aside:
            made = Path(aside) / target.name
            command = [compiler, *FLAGS, "-o", str(made), str(SOURCE), "-lm"]
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT)  # noqa: S603
            made.replace(target)
    return target


def _folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "trtflow" / "kernels"


def _cpu() -> str:
    """What tells this CPU from one that lacks some of its instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.machine() + platform.processor()
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(("model name", "flags", "Features"))))
