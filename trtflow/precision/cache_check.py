"""R23: does a file of ranges belong to this model, data and TensorRT?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median

from trtflow.precision.check import Check
from trtflow.precision.ranges import MODELOPT_SUFFIX, RangesFile
from trtflow.precision.scales import Scales

OVERLAP = 0.95  # share of the tensors that a cache must know
STALE = 2.0  # cached amax over fresh amax, or the other way round
EXPECTED_ALGORITHMS = ("EntropyCalibration2", "MinMaxCalibration")


def check_cache(
    found: RangesFile, fresh: Mapping[str, float], engine: tuple[int, ...] | None = None
) -> Iterator[Check]:
    """R23: a file of ranges against what the calibration samples give, and against the TensorRT that will read it.

    ``engine`` is that version, if it is known.
    """
    yield from _header(found, engine)
    known = {name.removesuffix(MODELOPT_SUFFIX): amax for name, amax in found.amax.items()}
    common = [name for name in fresh if name in known]
    share = len(common) / len(fresh) if fresh else 1.0
    evidence = {"known": len(common), "wanted": len(fresh), "unknown": [n for n in fresh if n not in known][:10]}
    if share < OVERLAP:
        sentence = (
            f"it knows {len(common)} of {len(fresh)} tensors ({share:.0%}): it was made for another model or export; "
            "calibrate again"
        )
        yield Check("R23", "names", "refuse", sentence, evidence)
    else:
        yield Check("R23", "names", "ok", f"it knows {len(common)} of {len(fresh)} tensors", evidence)
    yield from _ratios({name: known[name] / fresh[name] for name in common if fresh[name]})


def _header(found: RangesFile, engine: tuple[int, ...] | None) -> Iterator[Check]:
    if found.version is None:
        return
    text = f"{'.'.join(map(str, found.version))}, {found.algorithm}"
    evidence = {"version": list(found.version), "algorithm": found.algorithm}
    if found.algorithm not in EXPECTED_ALGORITHMS:
        sentence = f"its header says {text}; expected the algorithm {' or '.join(EXPECTED_ALGORITHMS)}"
        yield Check("R23", "header", "refuse", sentence, evidence)
    elif engine is not None and engine[:2] != found.version[:2]:
        sentence = (
            f"its header says TensorRT {text}, but {'.'.join(map(str, engine))} would read it: TensorRT skips a "
            "cache of another version, and calibrates anew or builds without INT8"
        )
        yield Check("R23", "header", "refuse", sentence, evidence)
    else:
        yield Check("R23", "header", "ok", f"TensorRT {text}", evidence)


def _ratios(ratios: Mapping[str, float]) -> Iterator[Check]:
    if not ratios:
        return
    off = {name: ratio for name, ratio in ratios.items() if not 1 / STALE <= ratio <= STALE}
    middle = median(ratios.values())
    evidence = {"median": middle, "outside": dict(list(off.items())[:10])}
    if len(off) > 0.1 * len(ratios) or not 1 / STALE <= middle <= STALE:
        sentence = (
            f"its ranges are {middle:.2g} times the fresh ones, and {len(off)} of {len(ratios)} are off by more than "
            f"{STALE:g} times: it was made from other data or weights; calibrate again"
        )
        yield Check("R23", "ranges", "refuse", sentence, evidence)
    else:
        yield Check("R23", "ranges", "ok", f"its ranges are {middle:.2g} times the fresh ones", evidence)


def check_origin(scales: Scales, model: str, data: str | None) -> Iterator[Check]:
    """R23 for trtflow's own file: the digests of the model and, if known, of the calibration data."""
    for subject, origin, actual in (("model", scales.model, model), ("data", scales.data, data)):
        if origin is None or actual is None:
            continue
        if origin.sha256 != actual:
            sentence = (
                f"the scales were made from another {subject} ({origin.name}, {origin.sha256[:12]}); calibrate again"
            )
            yield Check("R23", subject, "refuse", sentence, {"recorded": origin.sha256, "actual": actual})
        else:
            yield Check("R23", subject, "ok", f"the scales were made from this {subject}")
