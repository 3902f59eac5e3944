"""What a parsed network is told beside its file, and what calibrates it: each a function of a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trtflow.errors import BackendError
from trtflow.trt.request import EngineRequest

Edit = Callable[[Any, Any, EngineRequest], None]
"""Changes a network; takes it, TensorRT's module, and the request."""

EDITS: Mapping[str, Edit] = {}
"""Field of the request → what carries it out, in this order: precisions, ranges, marks."""
CALIBRATORS: Mapping[str, Callable[[Any, EngineRequest], Any]] = {}
"""Name in the settings → what makes the calibrator."""


def edit(network: Any, module: Any, request: EngineRequest) -> None:
    """Tell ``network`` everything that ``request`` holds beside the file.

    Raises:
        BackendError: nothing here can.
    """
    for name in ("plan", "ranges", "marks"):
        if getattr(request, name):
            if name not in EDITS:
                raise BackendError(f"a network cannot be told its {name} here; leave `typing: weak` and marks out.")
            EDITS[name](network, module, request)


def make_calibrator(module: Any, request: EngineRequest) -> Any:
    """The calibrator that the settings name; None where nothing is calibrated.

    Raises:
        BackendError: there is none of that name.
    """
    name = request.settings.calibrator
    if name is None or not request.calibrated:
        return None
    if name not in CALIBRATORS:
        raise BackendError(
            f"there is no calibrator '{name}' here; expected one of {', '.join(CALIBRATORS) or 'none'}."
        )
    return CALIBRATORS[name](module, request)
