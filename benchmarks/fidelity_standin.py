"""What stands in for the GPU where there is none: the emulator, as the runner ``cuda``.

With it everything of ``fidelity.py`` can be run on any machine; all verdicts must agree and all ratios be 1.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import cast

from trtflow.runners.backend import Backend
from trtflow.runners.cpu import Emulated
from trtflow.runners.registry import BACKENDS


class StandIn(Emulated):
    """Executes models as they are typed, by the emulator."""

    name = "cuda"
    is_engine = True


def install() -> None:
    """Be the runner ``cuda`` of this process."""
    cast(MutableMapping[str, Backend], BACKENDS)["cuda"] = StandIn()
