"""Equalisation and migration, tensor by tensor: of several ways to share a spread range the best is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from trtflow.calibration.cures.bench import Bench, Trial
from trtflow.calibration.cures.rescaled import Candidates, Shifts, rescaled_ranges
from trtflow.cures.moving import target_amax, transfer_ranges
from trtflow.cures.rescaling import Rescaling
from trtflow.cures.transfers import Transfer, transfers
from trtflow.files.scales import TensorScale
from trtflow.numerics.ranges import channel_peaks

BALANCES = (0.5, 0.5625, 0.625, 0.6875, 0.75)
"""Shares of the spread that are moved into the weights; rounding is luck."""
LIMIT = 6
"""Powers of two that a channel moves at most, either way."""


def places(bench: Bench) -> Mapping[str, Callable[[], Trial]]:
    """Every tensor whose range can move and that a harmed node reads, as do only nodes that can be quantized."""
    found = [transfer for transfer in transfers(bench.state.model) if bench.harmed.intersection(transfer.readers)]
    found = [transfer for transfer in found if bench.sites.keys() >= set(transfer.readers)]
    if not found:
        return {}
    candidates = _candidates(bench, found)
    entries = rescaled_ranges(bench.staged(candidates), candidates, bench.settings, bench.progress)
    ways = {name: list(zip(found.shifts, entries[name], strict=True)) for name, found in candidates.items()}
    return {transfer.tensor: partial(_try, bench, transfer, ways[transfer.tensor]) for transfer in found}


def _candidates(bench: Bench, found: Sequence[Transfer]) -> dict[str, Candidates]:
    """The ways to rescale each tensor of ``found``."""
    axes = {transfer.tensor: transfer.axis for transfer in found}
    peaks = bench.staged(axes).fold(
        lambda name, array: np.asarray(channel_peaks(array, axes[name])), np.maximum, "channels", bench.progress
    )
    candidates = {}
    for transfer in found:
        wide, read = peaks[transfer.tensor], target_amax(bench.state.model, transfer)
        shifts = tuple(dict.fromkeys(balanced_shifts(wide, read, balance) for balance in BALANCES))
        candidates[transfer.tensor] = Candidates(transfer.axis, shifts, wide, bench.state.tensors[transfer.tensor])
    return candidates


def _try(bench: Bench, transfer: Transfer, ways: Sequence[tuple[Shifts, TensorScale]]) -> Trial:
    tensor, nodes, state = transfer.tensor, transfer.readers, bench.state
    before = bench.error(nodes)
    trials = []
    for shifts, entry in ways:
        model = transfer_ranges(state.model, transfer, shifts)
        tried = replace(state, model=model, tensors={**state.tensors, tensor: entry})
        trials.append((bench.error(nodes, tried), shifts, tried))
    after, shifts, tried = min(trials, key=lambda trial: trial[0])
    cure = Rescaling(kind=transfer.kind, subject=tensor, nodes=nodes, before=before, after=after, shifts=shifts)
    return Trial(cure, replace(tried, cures=(*state.cures, cure)))


def balanced_shifts(peaks: NDArray[np.float32], weights: NDArray[np.float32], balance: float) -> tuple[int, ...]:
    """SmoothQuant's factors as powers of two, so that the tensor's largest magnitude does not grow; 0: dead channels.

    ``peaks`` are the largest magnitudes of the channels, ``weights`` those of the weights that read them.
    """
    live = np.isfinite(peaks) & (peaks > 0) & (weights > 0)
    if not live.any():
        return (0,) * len(peaks)
    wide, read = (np.log2(np.where(live, array, 1.0).astype(np.float64)) for array in (peaks, weights))
    shifts = balance * wide - (1 - balance) * read
    for rounded in (np.rint, np.ceil):  # the largest magnitude stays before rounding, and does not grow by it
        shifts = rounded(shifts + (wide - shifts)[live].max() - wide[live].max())
    return tuple(np.where(live, np.clip(shifts, -LIMIT, LIMIT), 0).astype(int).tolist())
