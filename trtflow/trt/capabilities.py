"""What an installed TensorRT can do: the one place that decides, by the module itself and not by its number.

Weak typing, calibrators and dynamic ranges end with 10.16; strong typing begins with 10; debug tensors with 10.0,
unfused ones with 10.12, progress monitors with 10.0, strict NaNs between 10.0 and 10.13 (listings of the bindings).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from trtflow.precision import PRECISIONS, Precision

Typing = Literal["strong", "weak"]


@dataclass(frozen=True)
class Capabilities:
    """What one version of TensorRT, or of TensorRT-RTX, offers; ``version`` is its number as it says it.

    ``flags``: the precisions that a weakly typed build may be allowed. ``timing_cache``: False where its calls do
    nothing.
    """

    flavour: Literal["tensorrt", "tensorrt-rtx"]
    version: str
    strong: bool
    weak: bool
    calibrators: bool
    dynamic_ranges: bool
    debug: bool
    unfused_debug: bool
    progress: bool
    strict_nans: bool
    flags: frozenset[Precision] = frozenset()
    timing_cache: bool = True

    @property
    def typing(self) -> Typing:
        """The typing of an engine for which none is asked."""
        return "strong" if self.strong else "weak"

    @property
    def says(self) -> str:
        """Name and version, for messages."""
        return f"{'TensorRT-RTX' if self.flavour == 'tensorrt-rtx' else 'TensorRT'} {self.version}"


def capabilities(module: Any) -> Capabilities:
    """What ``module``, an imported ``tensorrt`` or ``tensorrt_rtx``, can do."""
    flags, creation = module.BuilderFlag, module.NetworkDefinitionCreationFlag
    rtx = hasattr(module, "ComputeCapability")
    return Capabilities(
        flavour="tensorrt-rtx" if rtx else "tensorrt",
        version=str(module.__version__),
        strong=hasattr(creation, "STRONGLY_TYPED") or not hasattr(flags, "FP16"),
        weak=hasattr(flags, "FP16") and hasattr(module.ILayer, "set_output_type"),
        calibrators=hasattr(module, "IInt8EntropyCalibrator2"),
        dynamic_ranges=hasattr(module.ITensor, "set_dynamic_range"),
        debug=hasattr(module, "IDebugListener"),
        unfused_debug=hasattr(module.INetworkDefinition, "mark_unfused_tensors_as_debug_tensors"),
        progress=hasattr(module, "IProgressMonitor"),
        strict_nans=hasattr(flags, "STRICT_NANS"),
        flags=frozenset(name for name in PRECISIONS if hasattr(flags, name.upper())),
        timing_cache=not rtx,
    )
