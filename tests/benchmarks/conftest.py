"""The benchmarks are scripts that import each other from their folder."""

from __future__ import annotations

import sys
from pathlib import Path

# Last: no benchmark stands in for an installed module.
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
