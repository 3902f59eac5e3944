"""Samples on disk for a calibrator, which works in the process that builds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trtflow.data import Array

NAMES = "inputs.json"


def write_feeds(feeds: Iterable[Mapping[str, Array]], folder: Path) -> Path:
    """Write each of ``feeds``, all of the same inputs, into ``folder``, which is made and returned."""
    import numpy as np

    folder.mkdir(parents=True)
    names: list[str] = []
    for number, feed in enumerate(feeds):
        names = names or list(feed)
        np.savez(folder / f"{number:06}.npz", *(feed[name] for name in names))
    (folder / NAMES).write_text(json.dumps(names), encoding="utf-8")
    return folder


def read_feeds(folder: Path) -> Iterator[dict[str, Array]]:
    """What ``write_feeds`` wrote, in order, one in memory at a time."""
    import numpy as np

    names = json.loads((folder / NAMES).read_text(encoding="utf-8"))
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as arrays:
            yield {name: arrays[f"arr_{index}"] for index, name in enumerate(names)}
