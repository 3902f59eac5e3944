"""PyTorch's recurrent layers in FP16 on a GPU: cuDNN's, and its own cells where cuDNN is off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from int8_task import Array
from recurrent_steps import GATES, Weights

ORDER: Mapping[str, tuple[int, ...]] = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where ONNX has PyTorch's gates: i f g o among i o f c, r z n among z r h."""


def torch_kernels(weights: Weights) -> Iterator[tuple[str, Callable[[Array], Array]]]:
    layer = getattr(torch.nn, weights.op)(weights.w.shape[1], weights.hidden)
    own, recurrent = np.split(weights.b, 2)
    given = {"weight_ih_l0": weights.w, "weight_hh_l0": weights.r, "bias_ih_l0": own, "bias_hh_l0": recurrent}
    layer.load_state_dict({name: torch.from_numpy(ordered(weights.op, array)) for name, array in given.items()})
    layer = layer.half().cuda().eval()

    def run(x: Array, cudnn: bool) -> Array:
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=cudnn):
            return np.asarray(layer(torch.from_numpy(x).cuda().half())[0].float().cpu().numpy(), np.float32)

    yield "PyTorch, cuDNN", lambda x: run(x, True)
    yield "PyTorch, cells", lambda x: run(x, False)


def ordered(op: str, array: Array) -> Array:
    parts = np.split(array, GATES[op])
    return np.concatenate([parts[index] for index in ORDER[op]])
