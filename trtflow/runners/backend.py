"""What a runner and a backend are. Importing this, or any backend, is cheap: what they need is imported when used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtflow.data import Array

SHAPE_TENSOR = 64
"""How many elements a tensor may have that TensorRT takes for a shape."""


class Runner(Protocol):
    """Executes one model, between entering and leaving it. Polygraphy's runners do, with a feed check on top."""

    name: str

    def __enter__(self) -> Any:
        """Get ready."""
        ...

    def __exit__(self, *raised: object) -> Any:
        """Give back what running took."""
        ...

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        """The outputs for ``feed``."""
        ...


class Bounds(NamedTuple):
    """The smallest, the typical and the largest of integers side by side, each for itself."""

    low: tuple[int, ...]
    typical: tuple[int, ...]
    high: tuple[int, ...]


@dataclass(frozen=True)
class ShapeRange:
    """The smallest, the typical and the largest shape of an input.

    ``values`` are those of a small integer one, which may say the shape of something; None: of any other.
    """

    low: tuple[int, ...]
    typical: tuple[int, ...]
    high: tuple[int, ...]
    values: Bounds | None = None


class Backend(Protocol):
    """Where a model can run."""

    @property
    def name(self) -> str:
        """What configs and reports call it."""
        ...

    @property
    def is_engine(self) -> bool:
        """Whether it computes in the model's own types, so that what it says of a plan decides."""
        ...

    @property
    def builds(self) -> bool:
        """Whether it makes engine files, with ``trtflow.runners.tensorrt.build_engine``."""
        ...

    @property
    def facts(self) -> tuple[str, ...]:
        """What measurements on it depend on, beside the model: names of ``trtflow.facts``, its own version first."""
        ...

    def why_not(self) -> str:
        """What is missing here to build; empty: nothing."""
        ...

    def why_not_run(self) -> str:
        """What is missing here to execute, and what to do; empty: nothing that can be told without trying."""
        ...

    def start(self, model: ModelProto, shapes: Mapping[str, ShapeRange]) -> Runner:
        """What executes ``model`` as it is typed; ``shapes`` bound an engine's inputs."""
        ...


def shape_ranges(feeds: Iterable[Mapping[str, Array]]) -> dict[str, ShapeRange]:
    """Per input the range of shapes, and of values where it may hold a shape, seen in ``feeds``.

    The typical one is the first. Only shapes and values are kept of a feed.
    """
    shapes: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    values: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for feed in feeds:
        for name, array in feed.items():
            shapes[name].append(array.shape)
            if array.dtype.kind in "iu" and array.ndim < 2 and array.size <= SHAPE_TENSOR:
                values[name].append(tuple(array.reshape(-1).tolist()))
    return {name: ShapeRange(*_bounds(seen), _values(values[name], len(seen))) for name, seen in shapes.items()}


def _values(seen: Sequence[tuple[int, ...]], samples: int) -> Bounds | None:
    """None where not all samples have values, or not equally many."""
    return _bounds(seen) if len(seen) == samples and len({len(entry) for entry in seen}) == 1 else None


def _bounds(seen: Sequence[tuple[int, ...]]) -> Bounds:
    sides = [*zip(*seen, strict=True)]
    return Bounds(tuple(map(min, sides)), seen[0], tuple(map(max, sides)))
