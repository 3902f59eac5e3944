"""Stands in for the package ``tensorrt``: put ``tests/doubles`` on PYTHONPATH; ``TRTFLOW_DOUBLE`` is the version."""

import sys
from pathlib import Path

_support = str(Path(__file__).parents[2] / "support")
if _support not in sys.path:
    sys.path.append(_support)

from trt_double.module import fill  # noqa: E402 (its folder is on the path only now)

fill(sys.modules[__name__])
