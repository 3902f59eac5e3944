"""Networks that packages on PyPI ship as ONNX files: which package, which file, and what kind of data each takes.

The rows are in ``zoo.json``. Nothing of these packages is installed or run, and nothing of them is in the
repository. ``networks.py`` fetches those that benchmarks judge by labels, ``benchmarks/real_networks.py`` these.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pypi import Member, Package

_HELD = json.loads(Path(__file__).with_suffix(".json").read_text())


@dataclass(frozen=True)
class Row:
    """A network: ``feed`` is the kind of its data and its sizes; the file is ``path`` in the package."""

    requirement: str
    name: str
    feed: str
    path: str
    sha256: str

    @property
    def file(self) -> str:
        """What the file is stored as."""
        return f"zoo-{self.name}.onnx"

    @property
    def package(self) -> Package:
        """What to fetch."""
        return Package(self.requirement, {self.file: Member(self.path, self.sha256)})


ROWS = tuple(Row(requirement, *row) for requirement, rows in _HELD["networks"].items() for row in rows)

PHOTOGRAPHS = tuple(
    Package(requirement, {path.rpartition("/")[2]: Member(path, digest) for path, digest in files})
    for requirement, files in _HELD["photographs"].items()
)
"""Twenty of ImageNet, from foolbox (MIT)."""
