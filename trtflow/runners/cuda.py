"""ONNX Runtime's CUDA provider: real FP16 kernels, TF32 off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trtflow.errors import BackendError, BuildError, ModelError
from trtflow.facts import gpu
from trtflow.runners.backend import Runner
from trtflow.runners.importing import imported
from trtflow.runners.remedies import NO_GPU, why_not_imported
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
        found = imported("onnxruntime")
        if PROVIDER in found.providers:
            return ""
        offered = f"the installed onnxruntime offers {', '.join(found.providers)}"
        return f"it needs ONNX Runtime's CUDA provider, but {why_not_imported('onnxruntime') or offered}"

    def why_not_run(self) -> str:
        """There must be a GPU, too."""
        return ", and ".join(reason for reason in (self.why_not(), "" if gpu() else NO_GPU) if reason)

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
    options = onnxruntime.SessionOptions()
    # Else sums over rows are added up in FP16, block by block and in any order: no two runs agree.
    options.use_deterministic_compute = True
    try:
        session = open_session(model, options, providers)
    except ModelError as error:
        raise BuildError(f"ONNX Runtime's CUDA provider refuses the model: {error}") from error
    if session.get_providers()[0] != PROVIDER:
        raise BackendError(
            "ONNX Runtime's CUDA provider did not start, and its CPU provider hides FP16: "
            "install the CUDA and cuDNN libraries that onnxruntime-gpu was made for; its log names what is missing."
        )
    return session
