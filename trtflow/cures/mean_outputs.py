"""What quantization does to the mean of a layer's outputs.

A rounded weight is off by a little that multiplies the mean of its input, so the mean of every output channel is
off as well, and so are clipped activations (Nagel et al., 2019, section 4.2; here from measured means of the
inputs).
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from trtflow.model.types import attribute_int

Floats = NDArray[np.float32]
Wide = NDArray[np.float64]


def bias_correction(node: onnx.NodeProto, weight: Floats, rounded: Floats, exact: Wide, quantized: Wide) -> Floats:
    """What to add to the bias of ``node``: its mean output in FP32 less that with ``rounded`` weights.

    ``exact`` and ``quantized`` are the means of each input channel before and after its Q/DQ pair. Padding is left
    out of account. One number per output channel.
    """
    wanted, found = (_mean_output(node, w.astype(np.float64), m) for w, m in ((weight, exact), (rounded, quantized)))
    return np.asarray(wanted - found, np.float32)


def _mean_output(node: onnx.NodeProto, weight: Wide, mean: Wide) -> Wide:
    if node.op_type == "Gemm":
        return np.asarray(weight @ mean if attribute_int(node, "transB") else mean @ weight)
    taps = weight.reshape(*weight.shape[:2], -1).sum(axis=2)
    groups = attribute_int(node, "group") or 1
    parts = taps.reshape(groups, taps.shape[0] // groups, taps.shape[1])
    return np.asarray((parts * mean.reshape(groups, 1, -1)).sum(axis=2).reshape(-1))
