"""ONNX Runtime's CUDA provider: real FP16 kernels, TF32 off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trtflow.errors import BackendError, BuildError, ModelError
from trtflow.facts import gpu
from trtflow.runners.backend import Runner
from trtflow.trt.capabilities import Typing
from trtflow.trt.request import EngineRequest, EngineSettings

if TYPE_CHECKING:
    from onnx import ModelProto

PROVIDER = "CUDAExecutionProvider"


class Cuda:
    """A GPU, through ONNX Runtime."""

    name = "cuda"
    is_engine = True
    builds = False
    facts: tuple[str, ...] = ("onnxruntime", "onnxruntime-gpu", "cuda-runtime", "cublas", "cudnn", "gpu", "driver")

    def why_not(self) -> str:
        """The installed ONNX Runtime must have the provider."""
        import onnxruntime

        offered = onnxruntime.get_available_providers()
        if PROVIDER in offered:
            return ""
        return (
            f"it needs ONNX Runtime's CUDA provider, but the installed onnxruntime offers {', '.join(offered)}: "
            "install onnxruntime-gpu on a machine with a GPU"
        )

    def why_not_run(self) -> str:
        """There must be a GPU, too."""
        return self.why_not() or ("" if gpu() else "nvidia-smi finds no GPU: use a machine that has one")

    def typing(self, settings: EngineSettings) -> Typing:
        """It executes files as they are typed; no engine is built."""
        return "strong"

    def start(self, model: ModelProto, request: EngineRequest) -> Runner:
        """What executes ``model`` as it is typed."""
        from trtflow.runners.reference import ReferenceRunner

        return ReferenceRunner(model, self.name, _session)


def _session(model: ModelProto) -> Any:
    import onnxruntime

    from trtflow.model.session import open_session

    providers = [(PROVIDER, {"use_tf32": "0"}), "CPUExecutionProvider"]
    try:
        session = open_session(model, onnxruntime.SessionOptions(), providers)
    except ModelError as error:
        raise BuildError(f"ONNX Runtime's CUDA provider refuses the model: {error}") from error
    if session.get_providers()[0] != PROVIDER:
        raise BackendError(
            "ONNX Runtime's CUDA provider did not start, and its CPU provider hides FP16: "
            "install the CUDA and cuDNN libraries that onnxruntime-gpu was made for; its log names what is missing."
        )
    return session
