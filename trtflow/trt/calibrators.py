"""Calibrators of TensorRT up to 10.x, through Polygraphy's, fed by trtflow's samples."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trtflow.data import Array, Feed, Sample
from trtflow.errors import BackendError, BuildError
from trtflow.text import counted, listed
from trtflow.trt.caches import check_cache
from trtflow.trt.capabilities import capabilities
from trtflow.trt.profile import by_engine_names
from trtflow.trt.ranges import require_implicit
from trtflow.trt.request import Calibrator

CLASSES: Mapping[Calibrator, str] = {
    "entropy2": "IInt8EntropyCalibrator2",
    "minmax": "IInt8MinMaxCalibrator",
    "entropy": "IInt8EntropyCalibrator",
    "legacy": "IInt8LegacyCalibrator",
}
# Where the legacy one cuts its histogram and begins its regression; Polygraphy's 0.5 would drop half of the values.
QUANTILE, CUTOFF = 0.9999, 1.0


@dataclass(frozen=True)
class Calibrated:
    """What TensorRT calibrated on: the origins of the samples in their order, joined ``batch`` at a time.

    None at all where it read a cache. ``left_out`` have another shape than the profile's typical, or fill no batch.
    """

    samples: tuple[str, ...]
    left_out: tuple[str, ...]
    batch: int

    @property
    def says(self) -> str:
        """In a sentence, for the log and the report."""
        if not self.samples:
            return "calibrated by a cache that was read"
        said = f"calibrated on {counted(len(self.samples), 'sample')}"
        left = f"; {len(self.left_out)} of another shape, or that fill no batch, left out ({listed(self.left_out)})"
        return said + left if self.left_out else said


class Batches:
    """Samples as Polygraphy's calibrator asks for them, which sets ``input_metadata`` to the network's inputs.

    TensorRT is given addresses only, and calibrates at the typical shape of the profile: what has another would be
    read beyond its end. An exception would end TensorRT's process, or pass for the end of the data, so nothing is
    raised while it asks; ``calibrated`` raises afterwards.
    """

    def __init__(self, samples: Iterable[Sample], batch: int = 1) -> None:
        self.input_metadata: Any = None
        self.batch = batch
        self._samples = samples
        self._restart()

    def _restart(self) -> None:
        self._taken: list[str] = []
        self._left_out: list[str] = []
        self._failure: Exception | None = None
        self._state = "new"

    def __iter__(self) -> Iterator[Feed]:
        self._restart()
        self._state = "asked"
        try:
            yield from self._joined()
        except Exception as error:
            self._failure = error
        self._state = "ended"

    def _joined(self) -> Iterator[Feed]:
        waiting: list[tuple[str, Feed]] = []
        shapes: Mapping[str, tuple[int, ...]] | None = None
        for sample in self._samples:
            feed = self._named(sample.feed)
            shapes = shapes or self._shapes(feed)
            if {name: array.shape for name, array in feed.items()} != shapes:
                self._left_out.append(sample.origin)
                continue
            waiting.append((sample.origin, feed))
            if len(waiting) == self.batch:
                self._taken += [origin for origin, _ in waiting]
                yield self._join([feed for _, feed in waiting])
                waiting = []
        self._left_out += [origin for origin, _ in waiting]

    def _named(self, feed: Feed) -> Feed:
        """``feed`` in the names and types that the network has for its inputs; floats are FP32 to a calibrator."""
        if self.input_metadata is None:
            return {name: _single(array) for name, array in feed.items()}
        named = by_engine_names(feed, self.input_metadata)
        missing = [name for name in self.input_metadata if name not in named]
        if missing:
            raise BuildError(f"the network takes '{missing[0]}', and a sample holds {', '.join(feed)}.")
        return {name: _single(named[name], meta.dtype.numpy()) for name, meta in self.input_metadata.items()}

    def _shapes(self, feed: Feed) -> dict[str, tuple[int, ...]]:
        """The shapes of one sample: those of the network with the batch divided, of the first sample without one."""
        if self.input_metadata is None:
            return {name: array.shape for name, array in feed.items()}
        whole = {name: tuple(meta.shape) for name, meta in self.input_metadata.items()}
        return {name: (shape[0] // self.batch, *shape[1:]) if shape else shape for name, shape in whole.items()}

    def _join(self, feeds: list[Feed]) -> Feed:
        if self.batch == 1:
            return feeds[0]
        return {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}

    def calibrated(self) -> Calibrated:
        """What came of it, once the engine is built.

        Raises:
            BuildError: the samples failed, none has the shape of the profile, or TensorRT stopped among them.
        """
        if self._failure is not None:
            raise BuildError(f"the samples for calibration failed: {self._failure}") from self._failure
        if self._state == "asked":
            raise BuildError(
                f"TensorRT stopped calibrating after {len(self._taken)} samples, before their end; its log says why."
            )
        if self._state == "ended" and not self._taken:
            raise BuildError(
                f"none of {len(self._left_out)} samples fits the calibration: {self.batch} at a time do not give the "
                f"typical shape of the profile ({self._wanted()}); change the batch, or the profile's 'opt'."
            )
        return Calibrated(tuple(self._taken), tuple(self._left_out), self.batch)

    def _wanted(self) -> str:
        return ", ".join(f"{name} {list(meta.shape)}" for name, meta in (self.input_metadata or {}).items())


def _single(array: Array, dtype: np.dtype[Any] | type | None = None) -> Array:
    """``array`` as ``dtype``; without one, floats as FP32, in which TensorRT takes them."""
    floats = array.dtype.kind == "f" or array.dtype.name.startswith(("bfloat", "float"))
    return np.asarray(array, dtype or (np.float32 if floats else array.dtype), order="C")


def make_calibrator(
    module: Any, kind: Calibrator, batches: Batches, cache: Path | None = None, tensors: Collection[str] = ()
) -> Any:
    """Polygraphy's calibrator, a subclass of the one in ``module``, TensorRT's package.

    ``cache``: read instead of calibrating where it exists, else written. ``tensors``: the float ones of the network,
    which a cache must know.

    Raises:
        BackendError: this version has no such calibrator, or would skip the cache.
        PlanError: the cache cannot be read, or holds scales that are zero or not finite.
    """
    able = capabilities(module)
    require_implicit(able, "calibrators")
    base = getattr(module, CLASSES[kind], None)
    if base is None:
        raise BackendError(f"{able.says} has no {CLASSES[kind]}; expected another of {', '.join(CLASSES)}.")
    if cache is not None and cache.exists():
        check_cache(cache, kind, able, tensors)
    from polygraphy.backend import trt

    return trt.Calibrator(
        batches,
        cache=None if cache is None else str(cache),
        BaseClass=base,
        batch_size=batches.batch,
        quantile=QUANTILE,
        regression_cutoff=CUTOFF,
    )
