"""The builder configuration."""

from __future__ import annotations

from typing import Any

from trt_double.classes import Stored


class IBuilderConfig:
    """Flags, profiles, limits."""

    builder_optimization_level = Stored(3)
    progress_monitor = Stored()
    max_aux_streams = Stored(0)
    avg_timing_iterations = Stored(1)
    min_timing_iterations = Stored(1)
    default_device_type = Stored()
    DLA_core = Stored(-1)
    hardware_compatibility_level = Stored()
    engine_capability = Stored()
    algorithm_selector = Stored()
    runtime_platform = Stored()
    tiling_optimization_level = Stored()
    plugins_to_serialize = Stored(())
    profile_stream = Stored(0)

    def _begin(self) -> None:
        api: Any = self._api  # type: ignore[attr-defined]
        self._flags = 1 << int(api["BuilderFlag"].TF32)
        self._profiles: list[Any] = []
        self._limits: dict[str, int] = {}
        self._sources, self._cache, self._calibrator, self._calibration_profile = 0, None, None, None
        self._features: dict[str, bool] = {}
        self._quantization = 0
        self._verbosity = api["ProfilingVerbosity"].LAYER_NAMES_ONLY
        self._stored_engine_capability = api["EngineCapability"].STANDARD
        self._stored_default_device_type = api["DeviceType"].GPU
        for name, owner in (("hardware_compatibility_level", "HardwareCompatibilityLevel"),
                            ("tiling_optimization_level", "TilingOptimizationLevel")):  # fmt: skip
            if owner in api.listing.classes:
                setattr(self, f"_stored_{name}", api[owner].NONE)

    def set_flag(self, flag: Any) -> None:
        """See TensorRT."""
        self._flags |= 1 << int(flag)

    def clear_flag(self, flag: Any) -> None:
        """See TensorRT."""
        self._flags &= ~(1 << int(flag))

    def get_flag(self, flag: Any) -> bool:
        """See TensorRT."""
        return bool(self._flags >> int(flag) & 1)

    @property
    def flags(self) -> int:
        """See TensorRT."""
        return self._flags

    @flags.setter
    def flags(self, value: int) -> None:
        self._flags = int(value)

    def _names(self) -> frozenset[str]:
        """The flags that are set."""
        members = self._api["BuilderFlag"].__members__  # type: ignore[attr-defined]
        return frozenset(name for name, flag in members.items() if self._flags >> int(flag) & 1)

    def add_optimization_profile(self, profile: Any) -> int:
        """See TensorRT."""
        self._profiles.append(profile)
        return len(self._profiles) - 1

    @property
    def num_optimization_profiles(self) -> int:
        """See TensorRT."""
        return len(self._profiles)

    def set_calibration_profile(self, profile: Any) -> bool:
        """See TensorRT."""
        self._calibration_profile = profile
        return True

    def get_calibration_profile(self) -> Any:
        """See TensorRT."""
        return self._calibration_profile

    @property
    def int8_calibrator(self) -> Any:
        """See TensorRT."""
        return self._calibrator

    @int8_calibrator.setter
    def int8_calibrator(self, value: Any) -> None:
        self._calibrator = value

    @property
    def profiling_verbosity(self) -> Any:
        """See TensorRT."""
        return self._verbosity

    @profiling_verbosity.setter
    def profiling_verbosity(self, value: Any) -> None:
        self._verbosity = value

    def set_memory_pool_limit(self, pool: Any, size: int) -> None:
        """See TensorRT."""
        self._limits[pool.name] = int(size)

    def get_memory_pool_limit(self, pool: Any) -> int:
        """See TensorRT; a GPU of 16 GiB."""
        return self._limits.get(pool.name, 1 << 34)

    def set_tactic_sources(self, sources: int) -> bool:
        """See TensorRT."""
        self._sources = int(sources)
        return True

    def get_tactic_sources(self) -> int:
        """See TensorRT."""
        return self._sources

    def set_preview_feature(self, feature: Any, enable: bool) -> None:
        """See TensorRT."""
        self._features[feature.name] = enable

    def get_preview_feature(self, feature: Any) -> bool:
        """See TensorRT."""
        return self._features.get(feature.name, False)

    def set_quantization_flag(self, flag: Any) -> None:
        """See TensorRT."""
        self._quantization |= 1 << int(flag)

    def get_quantization_flag(self, flag: Any) -> bool:
        """See TensorRT."""
        return bool(self._quantization >> int(flag) & 1)

    def create_timing_cache(self, content: Any) -> Any:
        """See TensorRT."""
        return self._api.new("ITimingCache", bytes(content))  # type: ignore[attr-defined]

    def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
        """See TensorRT."""
        self._cache = cache
        return True

    def get_timing_cache(self) -> Any:
        """See TensorRT."""
        return self._cache
