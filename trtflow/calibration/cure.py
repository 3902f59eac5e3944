"""Cures for INT8 and FP8, each measured before and after at the end outputs, and applied only where it wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from onnx import ModelProto

from trtflow.calibration.cures import ROUNDS
from trtflow.calibration.cures.bench import Bench, State, Trial
from trtflow.cures import Cure
from trtflow.data import Dataset, Sample
from trtflow.files.scales import TensorScale
from trtflow.numerics.calibration import Settings
from trtflow.progress import Progress, silent

DEFAULTS = Settings()
WINS = 0.9  # of the error before: a cure that does not save a tenth is not worth a changed network


@dataclass(frozen=True)
class Attempt:
    """One cure tried, and whether it is applied."""

    cure: Cure
    applied: bool


@dataclass(frozen=True)
class Cured(State):
    """What the cures led to, and all attempts, in order."""

    attempts: tuple[Attempt, ...] = ()


def cure(
    model: ModelProto,
    tensors: Mapping[str, TensorScale],
    data: Dataset,
    samples: Sequence[Sample],
    settings: Settings = DEFAULTS,
    progress: Progress = silent,
) -> Cured:
    """Try every cure at the nodes that quantization harms most; ``samples`` judge, ``data`` calibrate anew.

    ``settings`` are those of the calibration: its percentile holds for rescaled tensors, too.
    """
    bench = Bench(State(model, tensors), data, samples, settings, progress)
    attempts: list[Attempt] = []
    for what, kinds in ROUNDS.items():
        tries = [kind.places(bench) for kind in kinds]
        places = list(dict.fromkeys(place for found in tries for place in found))
        for index, place in enumerate(places):
            progress(index, len(places), f"{what} of {place}")
            attempts += [_attempt(bench, found[place]) for found in tries if place in found]
    return Cured(bench.state.model, bench.state.tensors, bench.state.cures, tuple(attempts))


def _attempt(bench: Bench, measure: Callable[[], Trial]) -> Attempt:
    trial = measure()
    applied = trial.cure.after < WINS * trial.cure.before
    if applied:
        bench.state = trial.state
    return Attempt(trial.cure, applied)
