"""Ranges of activations in other tools' files, read in place of a calibration; ``exports`` writes them.

calibration cache   TensorRT's, ``TRT-<version>-<algorithm>``, then ``tensor: <8 hex digits>``: the big-endian
                    bits in FP32 of one step, amax/127. ModelOpt reads it and adds ``_scale`` to names.
PPQ                 JSON, ``{"act_quant_info": {tensor: amax}}``.
dynamic ranges      text, ``tensor: amax`` a line (TensorRT's sampleINT8API).
plain JSON          ``{tensor: amax}`` or ``{tensor: [low, high]}``.
scales file         trtflow's own, see ``scales``: dead tensors in it are left out.

All are symmetric and per tensor. A calibration cache is read by TensorRT up to 10.x, by ModelOpt, and by ONNX
Runtime's TensorRT provider; 11 and TensorRT-RTX take Q/DQ only.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trtflow.errors import PlanError
from trtflow.files.scales import Scales, read_scales
from trtflow.precision import INT8, ROWS

LARGEST = ROWS[INT8].largest  # a cache is for INT8: it holds steps, not ranges
CACHE_LINE = re.compile(r"(?P<name>.+): (?P<bits>[0-9a-fA-F]{8})")
CACHE_HEADER = re.compile(r"TRT-(?P<version>\d+)-(?P<algorithm>\w+)")
TEXT_LINE = re.compile(r"(?P<name>.+?): ?(?P<amax>[-+0-9.eEinfa]+)")
MODELOPT_SUFFIX = "_scale"


@dataclass(frozen=True)
class RangesFile:
    """``kind`` of file, the amax of each tensor, and for a cache the version and algorithm of its header.

    ``version`` is TensorRT's as (major, minor, patch). ``name`` is the file's. ``scales`` is the whole file where it
    is trtflow's own.
    """

    kind: str
    amax: Mapping[str, float]
    version: tuple[int, int, int] | None = None
    algorithm: str = ""
    scales: Scales | None = None
    name: str = ""


def read_ranges(path: Path) -> RangesFile:
    """Read ``path``, whichever of the formats it has.

    Raises:
        PlanError: the file cannot be read, has none of the formats, or holds a range that is no positive number.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: cannot be read as text ({error}); expected a file of ranges.") from error
    found = _parser(text.lstrip())(text, path)
    wrong = [name for name, amax in found.amax.items() if not (math.isfinite(amax) and amax > 0)]
    if wrong:
        shown = ", ".join(f"{name} = {found.amax[name]}" for name in wrong[:3])
        raise PlanError(
            f"{path}: {len(wrong)} ranges are no positive finite numbers ({shown}); the tensors were dead or not "
            "finite when it was made. Remove these lines, or calibrate again."
        )
    return replace(found, name=path.name)


def _parser(text: str) -> Callable[[str, Path], RangesFile]:
    beginnings = {"TRT-": _parse_cache, "{": _parse_json, "trtflow-scales:": _parse_scales}
    return next((parse for start, parse in beginnings.items() if text.startswith(start)), _parse_text)


def match_names(found: RangesFile, tensors: Mapping[str, object]) -> dict[str, float]:
    """The ranges by the names of ``tensors``, ModelOpt's suffix taken off; what the model lacks is left out."""
    plain = {name.removesuffix(MODELOPT_SUFFIX): amax for name, amax in found.amax.items()}
    both = {**plain, **found.amax}
    return {name: both[name] for name in tensors if name in both}


def _version(number: int) -> tuple[int, int, int]:
    """NV_TENSORRT_VERSION: 8601 is 8.6.1, and from 10 on 100300 is 10.3.0."""
    major, rest = divmod(number, 10_000 if number >= 100_000 else 1_000)
    return major, rest // 100, rest % 100


def _parse_cache(text: str, path: Path) -> RangesFile:
    header, *lines = text.strip().splitlines()
    head = CACHE_HEADER.fullmatch(header.strip())
    if head is None:
        raise PlanError(f"{path}: line 1 is {header!r}; expected TRT-<version>-<algorithm>.")
    amax: dict[str, float] = {}
    for number, line in enumerate(lines, 2):
        entry = CACHE_LINE.fullmatch(line.strip("\r"))
        if entry is None:
            raise PlanError(f"{path}: line {number} is {line!r}; expected 'tensor: ' and 8 hexadecimal digits.")
        amax[entry["name"]] = struct.unpack(">f", bytes.fromhex(entry["bits"]))[0] * LARGEST
    return RangesFile("calibration cache", amax, _version(int(head["version"])), head["algorithm"])


def _parse_json(text: str, path: Path) -> RangesFile:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise PlanError(f"{path}: is not JSON: {error}") from error
    ppq = document.get("act_quant_info")
    entries = ppq if isinstance(ppq, dict) else document
    amax = {name: _amax(value, name, path) for name, value in entries.items()}
    return RangesFile("PPQ ranges" if entries is ppq else "JSON ranges", amax)


def _amax(value: Any, name: str, path: Path) -> float:
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
        raise PlanError(f"{path}: {name} is {value!r}; expected its amax, or [low, high].")
    return max(abs(float(number)) for number in numbers)


def _parse_scales(text: str, path: Path) -> RangesFile:
    scales = read_scales(path)
    live = {name: amax for name, amax in scales.amax.items() if amax > 0}
    return RangesFile("trtflow scales", live, scales=scales)


def _parse_text(text: str, path: Path) -> RangesFile:
    amax: dict[str, float] = {}
    for number, line in enumerate(text.splitlines(), 1):
        entry = TEXT_LINE.fullmatch(line.strip())
        try:
            if line.strip() and not line.startswith("#"):
                amax[entry["name"]] = float(entry["amax"])  # type: ignore[index]
        except (TypeError, ValueError):
            raise PlanError(
                f"{path}: line {number} is {line[:80]!r}; expected a TensorRT calibration cache, PPQ's or "
                "plain JSON, or 'tensor: range' a line."
            ) from None
    return RangesFile("dynamic ranges", amax)
