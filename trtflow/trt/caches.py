"""Calibration caches that TensorRT reads and writes: it skips, without a word, those of another version."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from trtflow.errors import BackendError
from trtflow.files.exports.calibration_cache import cache_text
from trtflow.files.exports.decision import parse_version
from trtflow.files.ranges import RangesFile, read_ranges
from trtflow.trt.capabilities import Capabilities
from trtflow.trt.ranges import Coverage, cover
from trtflow.trt.request import Calibrator

ALGORITHMS: Mapping[Calibrator, str] = {
    "entropy2": "EntropyCalibration2",
    "minmax": "MinMaxCalibration",
    "entropy": "EntropyCalibration",
    "legacy": "LegacyCalibration",
}
"""What a header calls the algorithm of each calibrator."""
FOREIGN = 0.05
"""Share of a cache's tensors that the model may lack."""
TENSORRTS_OWN = ("(Unnamed", "ONNXTRT", "__myl")
"""How names begin that TensorRT's parser and optimiser make up."""


def foreign(names: Collection[str], tensors: Collection[str]) -> list[str]:
    """Those of ``names``, a cache's, that neither ``tensors``, the model's, hold nor TensorRT makes up."""
    return [name for name in names if name not in tensors and not name.startswith(TENSORRTS_OWN)]


def is_foreign(names: Collection[str], tensors: Collection[str]) -> bool:
    """Whether a cache of ``names`` belongs to another model than that of ``tensors``."""
    return len(foreign(names, tensors)) > FOREIGN * len(names)


def write_cache(path: Path, ranges: Mapping[str, float], kind: Calibrator, able: Capabilities) -> None:
    """Write ``ranges``, tensor → amax, as the installed TensorRT would after calibrating with ``kind``."""
    path.write_text(cache_text(ranges, parse_version(able.version), ALGORITHMS[kind]), encoding="utf-8")


def check_cache(path: Path, kind: Calibrator, able: Capabilities, tensors: Collection[str]) -> Coverage:
    """Hold the cache at ``path`` against its reader: ``kind`` of ``able``, for a network of float ``tensors``.

    Raises:
        PlanError: it is no file of ranges, or holds a scale that is zero or not finite.
        BackendError: it is no calibration cache, or of another TensorRT, algorithm or model.
    """
    found = read_ranges(path)
    wrong = _wrong_header(found, kind, able) or _wrong_names(found, tensors)
    if wrong:
        raise BackendError(f"{path}: {wrong}. Remove the file, and it is calibrated anew.")
    return cover(found.amax, tensors)


def _wrong_header(found: RangesFile, kind: Calibrator, able: Capabilities) -> str:
    if found.version is None:
        return f"it holds {found.kind}; expected a calibration cache, which begins with TRT-"
    if found.version != parse_version(able.version):
        made = ".".join(map(str, found.version))
        return f"its header says TensorRT {made}, and {able.says} is installed, which skips it and says no word"
    if found.algorithm != ALGORITHMS[kind]:
        return (
            f"its header says {found.algorithm}, and 'calibrator: {kind}' reads {ALGORITHMS[kind]} only: TensorRT "
            "skips it and says no word"
        )
    return ""


def _wrong_names(found: RangesFile, tensors: Collection[str]) -> str:
    names = found.amax
    if not is_foreign(names, tensors) and any(name in names for name in tensors):
        return ""
    lacking = foreign(names, tensors)
    example = f" ({', '.join(lacking[:3])})" if lacking else ""
    return (
        f"{len(lacking)} of its {len(names)} tensors{example} are not in the network, and it knows "
        f"{sum(name in names for name in tensors)} of {len(tensors)} there: it was made for another model or export"
    )
