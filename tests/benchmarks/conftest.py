"""The benchmarks are scripts that import each other from their folder."""

from __future__ import annotations

import sys
from pathlib import Path

# Last, since one of them is called as a module of Python's own is: statistics.
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
