"""What cures are to fit."""

from __future__ import annotations

import onnx

from trtflow.cures.base import Host, WeightPlace
from trtflow.cures.transfers import transfers
from trtflow.model.analysis import analyse

ABOUT = {"nodes": ("up",), "before": 1.0, "after": 0.5}


def host(model: onnx.ModelProto, **axes: int | None) -> Host:
    """``model``, of which the nodes of ``axes`` can be quantized, with that axis of their weights."""
    analysis = analyse(model)
    main = analysis.scopes[0]
    weights = {}
    for name, axis in axes.items():
        held = main.constant(analysis.by_name[name][1].input[1])
        assert held is not None
        weights[name] = WeightPlace(held, axis)
    return Host(analysis, weights, {transfer.tensor: transfer for transfer in transfers(model)})
