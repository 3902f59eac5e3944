"""TensorRT's calibration cache, which trtexec, Polygraphy and ModelOpt take.

``TRT-<version>-<algorithm>``, then ``tensor: <8 hex digits>``: the big-endian bits in FP32 of one step, amax/127,
which TensorRT calls the scale. trtexec asks an EntropyCalibrator2 whatever the ranges came from, so the header names
that algorithm.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from trtflow.files.exports.decision import Decision, Version
from trtflow.files.ranges import LARGEST

file = "calibration.cache"
summary = "ranges for trtexec --int8 --calib, Polygraphy, ModelOpt and ONNX Runtime; see --tensorrt"
valid = "the TensorRT of its header"

ALGORITHM = "EntropyCalibration2"


def suits(decision: Decision) -> bool:
    """Only implicit quantization to INT8 reads ranges."""
    return decision.has_int8


def write(decision: Decision) -> str:
    """The cache for ``decision.tensorrt``, which skips those of other versions."""
    return cache_text(decision.ranges, decision.tensorrt)


def cache_text(ranges: Mapping[str, float], version: Version, algorithm: str = ALGORITHM) -> str:
    """A cache of ``ranges``, tensor → amax, as TensorRT ``version`` writes it after calibrating by ``algorithm``."""
    lines = [f"TRT-{_number(version)}-{algorithm}"]
    lines += [f"{name}: {struct.pack('>f', amax / LARGEST).hex()}" for name, amax in ranges.items()]
    return "\n".join(lines) + "\n"


def _number(version: Version) -> int:
    """NV_TENSORRT_VERSION: 8.6.1 is 8601 up to 9, 10.3.0 is 100300 from 10 on."""
    major, minor, patch = version
    return major * (10_000 if major >= 10 else 1_000) + minor * 100 + patch
