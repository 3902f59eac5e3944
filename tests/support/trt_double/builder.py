"""The builder double: an engine of a network, as the network, the flags and the test's behaviour want it."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from trt_double import calibration, executable
from trt_double.behaviour import behaviour
from trt_double.classes import Stored
from trt_double.effective import NAMES, effective
from trt_double.engine_layers import Typing, engine_layers, unfused
from trt_double.plan import EngineLayer, EnginePlan, serialize
from trt_double.small import host_memory, say

WEAK = frozenset(
    {"FP16", "BF16", "INT8", "FP8", "INT4", "OBEY_PRECISION_CONSTRAINTS", "PREFER_PRECISION_CONSTRAINTS"}
)
"""The flags that a strongly typed network is not built with."""
PHASE = "Building Engine"
TICK = 0.05  # seconds between the questions whether a build that hangs is to go on


class Builder:
    """Makes networks, configurations and engines."""

    error_recorder = Stored()
    max_threads = Stored(1)
    gpu_allocator = Stored()

    def _begin(self, logger: Any) -> None:
        self._logger, self._behaviour = logger, behaviour()

    def __bool__(self) -> bool:
        return True

    @property
    def logger(self) -> Any:
        """See TensorRT."""
        return self._logger

    @property
    def num_DLA_cores(self) -> int:  # noqa: N802 (TensorRT's name)
        """See TensorRT."""
        return 0

    @property
    def platform_has_fast_fp16(self) -> bool:
        """See TensorRT."""
        return True

    @property
    def platform_has_fast_int8(self) -> bool:
        """See TensorRT."""
        return True

    @property
    def platform_has_tf32(self) -> bool:
        """See TensorRT."""
        return True

    def create_network(self, flags: int) -> Any:
        """See TensorRT; from 11 on all networks are strongly typed."""
        api: Any = self._api  # type: ignore[attr-defined]
        kinds = api.listing.classes["NetworkDefinitionCreationFlag"].values
        asked = "STRONGLY_TYPED" in kinds and flags >> kinds["STRONGLY_TYPED"] & 1
        return api.new(
            "INetworkDefinition", self, int(flags), bool(asked) or not api.has("ILayer", "set_output_type")
        )

    def create_builder_config(self) -> Any:
        """See TensorRT."""
        return self._api.new("IBuilderConfig")  # type: ignore[attr-defined]

    def create_optimization_profile(self) -> Any:
        """See TensorRT."""
        return self._api.new("IOptimizationProfile")  # type: ignore[attr-defined]

    def get_plugin_registry(self) -> Any:
        """See TensorRT."""
        return self._api.new("IPluginRegistry")  # type: ignore[attr-defined]

    def is_network_supported(self, network: Any, config: Any) -> bool:
        """See TensorRT."""
        return self._objection(network, config) == ""

    def build_serialized_network(self, network: Any, config: Any, kernel_text: Any = None) -> Any:
        """See TensorRT; None where there is no engine."""
        if self._behaviour.crash:
            os.kill(os.getpid(), signal.SIGSEGV)
        objection = self._objection(network, config) or self._progress(config)
        if objection:
            say(self._logger, "ERROR", objection)
            return None
        return self._built(network, config)

    def build_engine(self, network: Any, config: Any) -> Any:
        """See TensorRT."""
        api: Any = self._api  # type: ignore[attr-defined]
        built = self.build_serialized_network(network, config)
        return None if built is None else api["Runtime"](self._logger).deserialize_cuda_engine(built)

    def _objection(self, network: Any, config: Any) -> str:
        """Why there is no engine."""
        flags = config._names()
        if network._model is None:
            return "Network must have at least one output"
        if network._strong and flags & WEAK:
            return f"Error Code 3: {', '.join(sorted(flags & WEAK))} set, but the network is strongly typed"
        bounded = {name for profile in config._profiles for name in profile._shapes}
        free = [t._name for t in network._inputs if -1 in t._shape and t._name not in bounded]
        if free:
            return f"Error Code 4: {', '.join(free)}: dynamic input is missing dimensions in profile 0"
        return self._behaviour.refuse

    def _progress(self, config: Any) -> str:
        """Go through the build's steps, and say so to the monitor; what it cancels ends here."""
        monitor = getattr(config, "progress_monitor", None)
        until = time.monotonic() + self._behaviour.hang
        if monitor is not None:
            monitor.phase_start(PHASE, None, self._behaviour.steps)
        step = 0
        while time.monotonic() < until or step < self._behaviour.steps:
            if monitor is not None and not monitor.step_complete(PHASE, min(step, self._behaviour.steps - 1)):
                return "the build was cancelled by the progress monitor"
            if self._behaviour.hang:
                time.sleep(TICK)
            step += 1
        if monitor is not None:
            monitor.phase_finish(PHASE)
        return ""

    def _built(self, network: Any, config: Any) -> Any:
        api: Any = self._api  # type: ignore[attr-defined]
        if network._strong:
            found, executed = None, executable.strong(network._model)
        else:
            flags = config._names()
            ranges = calibration.ranges(network, config, api.listing.version) if "INT8" in flags else {}
            found = effective(network, flags, ranges)
            executed = executable.weak(network._model, found, ranges)
            low = [name for name in self._behaviour.refuse_low if found.plan.precision(name) != NAMES["FLOAT"]]
            if low:
                say(self._logger, "ERROR", f"Error Code 10: Could not find any implementation for node {low[0]}.")
                return None
        typing = Typing(network, found, self._behaviour.renamed)
        layers = engine_layers(typing, self._behaviour.fuse)
        executable.add_one(
            executed, [p.onnx for one in layers if one.name in self._behaviour.broken for p in one.outputs]
        )
        self._time(config, layers)
        plan = EnginePlan(
            version=api.listing.version,
            verbosity=config._verbosity.name,
            inputs=tuple(map(typing.port, network._inputs)),
            outputs=tuple(map(typing.port, network._outputs)),
            debug=tuple(map(typing.port, network._debug)),
            unfused=tuple(unfused(typing, layers)) if network._unfused else (),
            layers=tuple(layers),
            profiles=tuple(
                {n: [list(b) for b in bounds] for n, bounds in p._shapes.items()} for p in config._profiles
            ),
        )
        return host_memory(api, serialize(plan, executed))

    def _time(self, config: Any, layers: list[EngineLayer]) -> None:
        if config._cache is not None:
            config._cache._lines |= {layer.name.encode() for layer in layers}
