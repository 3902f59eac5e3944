"""The FP32 reference runner."""

from __future__ import annotations

from typing import Any

from onnx import ModelProto
from polygraphy.backend.onnxrt import OnnxrtRunner

from trtflow.model.session import create_session


class ReferenceRunner(OnnxrtRunner):  # type: ignore[misc]
    """The FP32 reference: the model as it is, on ONNX Runtime's CPU provider, which has no TF32."""

    def __init__(self, model: ModelProto, name: str = "onnxruntime-fp32") -> None:
        super().__init__(lambda: create_session(model), name=name)

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        """The outputs for ``feed``."""
        return dict(self.infer(feed, check_inputs=False))
