"""How a builder is configured, through Polygraphy: limits, profiles, flags, calibrator, progress."""

from __future__ import annotations

import warnings
from typing import Any

from trtflow.precision import FP32
from trtflow.progress import Progress
from trtflow.trt import timing
from trtflow.trt.capabilities import Capabilities, Typing
from trtflow.trt.monitor import make_monitor
from trtflow.trt.profile import SampledProfile
from trtflow.trt.request import EngineRequest


def configuration(
    request: EngineRequest, module: Any, can: Capabilities, typing: Typing, progress: Progress, calibrator: Any
) -> Any:
    """What makes the configuration of a builder and its network.

    TF32 is off unless asked for, which ``CreateConfigRTX`` cannot do.
    """
    from polygraphy.backend.trt import CreateConfig

    settings = request.settings
    create = CreateConfig(
        tf32=settings.tf32,
        calibrator=calibrator,
        profiles=[SampledProfile(request.bounds)],
        memory_pool_limits=settings.workspace and {module.MemoryPoolType.WORKSPACE: settings.workspace},
        builder_optimization_level=settings.level,
        profiling_verbosity=module.ProfilingVerbosity.DETAILED,
        progress_monitor=make_monitor(module, progress) if can.progress else None,
        **(weak_flags(request) if typing == "weak" else {}),
    )

    def configured(builder: Any, network: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Polygraphy sets a timing cache, RTX deprecates it
            config = create(builder, network)
        if settings.timing_cache is not None and can.timing_cache:
            timing.use(config, settings.timing_cache)
        if settings.strict_nans:
            config.set_flag(module.BuilderFlag.STRICT_NANS)
        return config

    return configured


def weak_flags(request: EngineRequest) -> dict[str, Any]:
    """What a weakly typed build is allowed: the precisions of the plan, and no others where the plan names them."""
    plan = request.plan
    used = set() if plan is None else {plan.default, *plan.nodes.values()} - {FP32}
    return {"precision_constraints": "obey", **dict.fromkeys(sorted(used), True)}
