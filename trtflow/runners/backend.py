"""What a runner and a backend are. Importing this, or any backend, is cheap: what they need is imported when used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtflow.trt.capabilities import Typing
    from trtflow.trt.request import EngineRequest, EngineSettings


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
        """Whether it makes engine files, with ``trtflow.trt.isolated.build``."""
        ...

    @property
    def facts(self) -> tuple[str, ...]:
        """What measurements on it depend on, beside the model: names of ``trtflow.facts``, its own version first."""
        ...

    def why_not(self) -> str:
        """What is missing here to build; empty: nothing."""
        ...

    def why_not_run(self) -> str:
        """What is missing here to execute; empty: nothing that can be told without trying."""
        ...

    def typing(self, settings: EngineSettings) -> Typing:
        """Whether precision is in the file's types, as everywhere but in a weakly typed engine.

        Raises:
            BackendError: it cannot honour ``settings``.
        """
        ...

    def start(self, model: ModelProto, request: EngineRequest) -> Runner:
        """What executes ``model``, strongly typed as it is typed, weakly typed under the plan of ``request``.

        The file that ``request`` names is the backend's to write.
        """
        ...
