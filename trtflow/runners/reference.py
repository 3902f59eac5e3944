"""The FP32 reference runner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onnx import ModelProto
from polygraphy.backend.onnxrt import OnnxrtRunner

from trtflow.doing import doing
from trtflow.model.fed import not_run
from trtflow.model.selection import tapped
from trtflow.model.session import create_session


class ReferenceRunner(OnnxrtRunner):  # type: ignore[misc]
    """A model in ONNX Runtime: by default the FP32 reference, on the CPU provider, which has no TF32.

    ``session`` makes the session when the runner is entered. ``taps`` are tensors to return behind the outputs.
    """

    def __init__(
        self,
        model: ModelProto,
        name: str = "onnxruntime-fp32",
        session: Callable[[ModelProto], Any] = create_session,
        taps: tuple[str, ...] = (),
    ) -> None:
        super().__init__(lambda: session(tapped(model, taps)), name=name)
        self._model = model

    def activate(self) -> None:
        """See Polygraphy."""
        with doing(f"starting {self.name}"):
            super().activate()

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        """The outputs for ``feed``.

        Raises:
            ModelError: ONNX Runtime cannot run the model on it.
        """
        try:
            with doing(f"running {self.name}"):
                return dict(self.infer(feed, check_inputs=False))
        except Exception as error:  # ONNX Runtime raises a dozen classes without a common base
            raise not_run(self._model, feed, error) from error
