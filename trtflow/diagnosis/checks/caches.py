"""R23: does a file of ranges belong to this model, data and TensorRT?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from math import log
from statistics import median

from trtflow.files.checks import Check
from trtflow.files.ranges import MODELOPT_SUFFIX, RangesFile
from trtflow.files.scales import Scales
from trtflow.trt.caches import ALGORITHMS, foreign, is_foreign

STALE = 2.0  # cached amax over fresh amax, or the other way round
EXPECTED_ALGORITHMS = (ALGORITHMS["entropy2"], ALGORITHMS["minmax"])


def check_cache(
    found: RangesFile,
    names: Collection[str],
    fresh: Mapping[str, Collection[float]],
    engine: tuple[int, ...] | None = None,
) -> Iterator[Check]:
    """R23: a file of ranges against the model, what the calibration samples give, and the TensorRT that will read it.

    ``names``: all tensors of the model; the file may know few of them, but should know no others. ``fresh``: each
    tensor that is quantized → its amax by each method, none for a dead one. Methods differ by several times, and a
    header need not tell the one that was used, so a range counts as fresh if any method gives it. ``engine`` is
    the version of TensorRT, if it is known.
    """
    yield from _header(found, engine)
    known = {name.removesuffix(MODELOPT_SUFFIX): amax for name, amax in found.amax.items()}
    yield _names(known, names, fresh)
    yield from _ratios({name: _ratio(known[name], given) for name, given in fresh.items() if given and name in known})


def _names(known: Mapping[str, float], names: Collection[str], fresh: Mapping[str, Collection[float]]) -> Check:
    lacking = foreign(known, names)
    used = [name for name in fresh if name in known]
    evidence = {"tensors": len(known), "foreign": lacking[:10], "used": len(used), "wanted": len(fresh)}
    if is_foreign(known, names) or not used:
        sentence = (
            f"{len(lacking)} of its {len(known)} tensors are not in the model, and it knows {len(used)} of the "
            f"{len(fresh)} that are quantized: it was made for another model or export; calibrate again"
        )
        return Check("R23", "names", "refuse", sentence, evidence)
    rest = "" if len(used) == len(fresh) else f"; the other {len(fresh) - len(used)} are calibrated here"
    sentence = f"it gives the range of {len(used)} of {len(fresh)} tensors{rest}"
    return Check("R23", "names", "ok", sentence, evidence)


def _ratio(amax: float, fresh: Collection[float]) -> float:
    return min((amax / other for other in fresh), key=lambda ratio: abs(log(ratio)))


def _header(found: RangesFile, engine: tuple[int, ...] | None) -> Iterator[Check]:
    if found.version is None:
        return
    text = f"{'.'.join(map(str, found.version))}, {found.algorithm}"
    evidence = {"version": list(found.version), "algorithm": found.algorithm}
    if found.algorithm not in EXPECTED_ALGORITHMS:
        sentence = f"its header says {text}; expected the algorithm {' or '.join(EXPECTED_ALGORITHMS)}"
        yield Check("R23", "header", "refuse", sentence, evidence)
    elif engine is None or engine[:2] != found.version[:2]:
        reader = "" if engine is None else f", and {'.'.join(map(str, engine))} is installed here"
        sentence = (
            f"its header says TensorRT {text}{reader}: its ranges serve in Q/DQ pairs, but TensorRT itself skips a "
            "cache of another version, and calibrates anew or builds without INT8"
        )
        yield Check("R23", "header", "warn", sentence, evidence)
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
            other = "other data" if subject == "data" else "another model"
            sentence = f"the scales were made from {other} ({origin.name}, {origin.sha256[:12]}); calibrate again"
            yield Check("R23", subject, "refuse", sentence, {"recorded": origin.sha256, "actual": actual})
        else:
            yield Check("R23", subject, "ok", f"the scales were made from this {subject}")
