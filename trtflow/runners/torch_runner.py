"""PyTorch's eager kernels: a second witness beside ONNX Runtime's CUDA provider, one kernel an operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trtflow.facts import gpu
from trtflow.runners.backend import Runner
from trtflow.runners.remedies import NO_GPU, why_not_imported
from trtflow.trt.capabilities import Typing
from trtflow.trt.request import EngineRequest, EngineSettings

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtflow.data import Array, Feed

SHAPES = 16
"""For how many shapes of a feed graphs are kept."""


class Torch:
    """A GPU, through PyTorch."""

    name = "torch"
    is_engine = True
    builds = False
    facts: tuple[str, ...] = ("torch", "cuda-runtime", "cublas", "cudnn", "gpu", "driver")

    def why_not(self) -> str:
        """PyTorch must be installed."""
        return why_not_imported("torch")

    def why_not_run(self) -> str:
        """There must be a GPU, too."""
        return ", and ".join(reason for reason in (self.why_not(), "" if gpu() else NO_GPU) if reason)

    def typing(self, settings: EngineSettings) -> Typing:
        """It executes files as they are typed; no engine is built."""
        return "strong"

    def start(self, model: ModelProto, request: EngineRequest) -> Runner:
        """What executes ``model`` as it is typed."""
        return TorchRunner(model)


class TorchRunner:
    """Executes a model node by node on ``device``, in the file's types; BF16 outputs come back as FP32.

    Raises:
        BuildError: PyTorch lacks an operator of the model here, or the form that it has.
        ModelError: the opset cannot be raised to the one that operators are written for.
    """

    def __init__(self, model: ModelProto, device: str = "cuda") -> None:
        from trtflow.runners.torch_graph import supported

        self.name = "torch"
        self._model, self._device = supported(model), device
        self._weights: dict[str, Any] = {}
        self._graphs: dict[tuple[object, ...], Any] = {}

    def __enter__(self) -> TorchRunner:
        from trtflow.runners.torch_graph import placed

        self._weights = placed(self._model, self._device)
        return self

    def __exit__(self, *raised: object) -> None:
        self._weights, self._graphs = {}, {}

    def __call__(self, feed: Feed) -> dict[str, Array]:
        """The outputs for ``feed``."""
        from trtflow.runners.torch_graph import converted, fed, to_array

        with exactly():
            given = fed(self._model, feed, self._device)
            key = tuple((name, tuple(tensor.shape)) for name, tensor in given.items())
            if key not in self._graphs:
                if len(self._graphs) == SHAPES:
                    self._graphs.clear()
                self._graphs[key] = converted(self._model, self._weights, given)
            made = self._graphs[key](*given.values())
            return {value.name: to_array(one) for value, one in zip(self._model.graph.output, made, strict=True)}


@contextmanager
def exactly() -> Iterator[None]:
    """Without TF32 and without sums in FP16, the same kernels each time; as it was before, afterwards."""
    import torch

    products = torch.backends.cuda.matmul
    names = ("allow_tf32", "allow_fp16_reduced_precision_reduction", "allow_bf16_reduced_precision_reduction")
    before = {name: getattr(products, name) for name in names}
    for name in names:
        setattr(products, name, False)
    try:
        with (
            torch.no_grad(),
            torch.autocast("cuda", enabled=False),
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        ):
            yield
    finally:
        for name, value in before.items():
            setattr(products, name, value)
