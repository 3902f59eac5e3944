"""Settings of ``torch_tensorrt.compile``, for the PyTorch model that the ONNX came from.

With explicit typing the model's own types decide, and ``enabled_precisions`` may be FP32 alone: anything else is
refused. Nodes are known there by their modules, which PyTorch's TorchScript exporter writes into names of nodes.
"""

from __future__ import annotations

import json

from trtflow.files.exports.decision import Decision
from trtflow.precision import FP32, QUANTIZED, ROWS

file = "torch_tensorrt.json"
summary = "settings of torch_tensorrt.compile, and the modules to keep"
valid = "Torch-TensorRT 2.6 to 2.12"

SETTINGS = {
    "enabled_precisions": [ROWS[FP32].names.bindings],  # the only one beside explicit typing
    "use_explicit_typing": True,
    "disable_tf32": True,
    "torch_executed_ops": [],
}


def suits(decision: Decision) -> bool:
    """Any decision can be said, what is quantized and what has no module left out."""
    return True


def write(decision: Decision) -> str:
    """Arguments of ``compile``, the ``dtype`` of the model, and that of modules to ``keep``: names in ``torch``."""
    constraints = decision.constraints
    floats = {name: node.precision for name, node in constraints.nodes.items() if node.precision not in QUANTIZED}
    modules = {name: module_of(name) for name in floats}
    document = {
        "valid-for": f"{valid} (TensorRT 10.7 and later), on the PyTorch model",
        "how": "model.to(dtype), then each module under keep .to(its own), with casts around it; then compile",
        "compile": SETTINGS,
        "dtype": ROWS[constraints.default].names.bindings,
        "keep": {modules[name]: ROWS[kind].names.bindings for name, kind in floats.items() if modules[name]},
        "no-module": [name for name in floats if not modules[name]],
        "quantized": [name for name in constraints.nodes if name not in floats],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def module_of(node: str) -> str:
    """``layer1.0.conv1`` of ``/layer1/layer1.0/conv1/Conv``; empty where the name has no module."""
    path: list[str] = []
    for part in node.split("/")[1:-1] if node.startswith("/") else ():
        if path and part.startswith(f"{path[-1]}."):  # an item of a list says the list's name again
            path[-1] = part
        else:
            path.append(part)
    return ".".join(path)
