"""A calibration from end to end: stream, take thresholds, choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from onnx import ModelProto

from trtflow.calibration.passes import count_magnitudes, find_ranges
from trtflow.calibration.trials import RangeTrial, best_ranges
from trtflow.data import Dataset, evenly
from trtflow.files.scales import TensorScale
from trtflow.numerics.calibration import METHODS, PERCENTILE, Magnitudes, Method, Settings, clipped_share, threshold
from trtflow.numerics.ranges import TensorRange
from trtflow.precision import INT8, Quantized
from trtflow.progress import Progress, silent
from trtflow.qdq.placement import LINEAR, Site
from trtflow.runners.staged import BUDGET, Staged


@dataclass(frozen=True)
class Choice:
    """How thresholds are chosen: one method throughout, or per tensor what ``trials`` samples show to be best."""

    method: Method | Literal["auto"] = "auto"
    percentile: float = PERCENTILE
    precision: Quantized = INT8
    trials: int = 8

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods whose thresholds are needed."""
        return METHODS if self.method == "auto" else (self.method,)


@dataclass(frozen=True)
class Calibration:
    """The scale of each tensor, what each method would have given it, and how many samples were seen."""

    tensors: Mapping[str, TensorScale]
    thresholds: Mapping[str, Mapping[str, float]]
    samples: int


def calibrate(
    model: ModelProto,
    sites: Sequence[Site],
    data: Dataset,
    choice: Choice = Choice(),
    given: Mapping[str, float] | None = None,
    budget: int = BUDGET,
    progress: Progress = silent,
) -> Calibration:
    """The ranges of all activations that ``sites`` read; those in ``given`` (tensor → amax) are taken as they are.

    The data are read twice (once for minmax alone), and tensors of at most ``budget`` bytes are held at a time.
    """
    given = given or {}
    names = list(dict.fromkeys(name for site in sites for name in site.tensors))
    staged = Staged(model, names, data, budget)
    seen = find_ranges(staged, _channel_axes(sites), progress)
    live = [name for name in names if seen[name].amax and not seen[name].is_masked]
    methods = METHODS if given else choice.methods  # whoever checks ``given`` cannot know what method made them
    counted = count_magnitudes(staged, seen, methods, progress) if methods != ("minmax",) else {}
    del staged  # its sessions hold weights and buffers
    settings = Settings(choice.percentile, choice.precision)
    thresholds: dict[str, dict[str, float]] = {
        name: {m: threshold(m, counted[name], settings) if counted else seen[name].amax for m in methods}
        for name in live
    }
    open_ones = {name: found for name, found in thresholds.items() if name not in given}
    samples = max((len(entry.peaks) for entry in seen.values()), default=0)
    if choice.method == "auto":
        trial = RangeTrial(model, sites, evenly(data, samples, choice.trials), choice.precision)
        picked = best_ranges(trial, open_ones, progress)
    else:
        picked = {name: (choice.method, found[choice.method]) for name, found in open_ones.items()}
    picked |= {name: ("given", amax) for name, amax in given.items() if name in seen}
    tensors = {name: tensor_scale(seen[name], picked.get(name, ("minmax", 0.0)), counted.get(name)) for name in names}
    return Calibration(tensors, thresholds, samples)


def _channel_axes(sites: Sequence[Site]) -> dict[str, int]:
    """The axis that a linear operator sums over, by the tensor that it reads."""
    return {
        name: 1 if site.op in ("Conv", "ConvTranspose") else -1
        for site in sites
        if site.op in LINEAR
        for name in site.tensors
    }


def tensor_scale(seen: TensorRange, chosen: tuple[str, float], counted: Magnitudes | None) -> TensorScale:
    """The entry of the scales file for a tensor whose method and amax are ``chosen``."""
    method, amax = chosen
    return TensorScale(
        amax=amax,
        method=method,
        seen=seen.amax,
        low=seen.low,
        high=seen.high,
        growth=seen.growth(),
        clipped=clipped_share(counted, amax) if counted is not None and counted.bits.counts.size else None,
        spread=seen.spread,
        non_finite=seen.nan + seen.inf,
        nan=seen.nan,
    )
