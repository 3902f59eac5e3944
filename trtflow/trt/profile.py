"""The optimisation profile of an engine: which shapes, and values of shape tensors, it must take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trtflow.errors import BuildError
from trtflow.trt.shapes import ShapeRange

RETURNED = "__"
"""What TensorRT's parser puts before the name of an input that is an output as well."""


@dataclass(frozen=True)
class SampledProfile:
    """What Polygraphy asks of a profile, from the ``shapes`` that samples have, by the names of the ONNX file.

    Its own takes names for patterns, and asks bounds for inputs that have none.
    """

    shapes: Mapping[str, ShapeRange]

    def fill_defaults(self, network: Any) -> SampledProfile:
        """Nothing is made up."""
        return self

    def to_trt(self, builder: Any, network: Any) -> Any:
        """TensorRT's profile: of inputs with free dimensions their shapes, of shape tensors their values.

        Raises:
            BuildError: such an input is fed by no sample, or a shape tensor by values that cannot be bounded.
        """
        profile = builder.create_optimization_profile()
        for tensor in map(network.get_input, range(network.num_inputs)):
            if tensor.is_shape_tensor:
                values = self._of(tensor.name).values
                if values is None:
                    raise BuildError(f"'{tensor.name}' holds a shape; expected as many integers in all samples.")
                profile.set_shape_input(tensor.name, *values)
            elif -1 in tuple(tensor.shape):
                shape = self._of(tensor.name)
                profile.set_shape(tensor.name, shape.low, shape.typical, shape.high)
        return profile

    def _of(self, name: str) -> ShapeRange:
        found = self.shapes.get(name) or self.shapes.get(name.removeprefix(RETURNED))
        if found is None:
            raise BuildError(
                f"the network takes '{name}', of free dimensions, and the samples hold {', '.join(self.shapes)}."
            )
        return found


def by_engine_names(feed: Mapping[str, Any], names: Any) -> dict[str, Any]:
    """``feed`` under the ``names`` that an engine has for its inputs."""
    return {name if name in names else f"{RETURNED}{name}": array for name, array in feed.items()}
