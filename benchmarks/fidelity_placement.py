"""What ONNX Runtime makes of a typed model: what it fuses, and what falls back to the CPU, which hides FP16."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import onnxruntime

from trtflow.model.session import open_session
from trtflow.runners.cuda import PROVIDER

ON_GPU: tuple[object, ...] = ((PROVIDER, {"use_tf32": "0"}), "CPUExecutionProvider")
ON_CPU: tuple[object, ...] = ("CPUExecutionProvider",)


def fallen_back(model: onnx.ModelProto, providers: Sequence[object] = ON_GPU) -> Mapping[str, int]:
    """Operators that CUDA does not run, and how many; empty where the installed ONNX Runtime does not tell."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    session = open_session(model, options, providers)
    parts: Sequence[Any] = getattr(session, "get_provider_graph_assignment_info", list)()
    return dict(Counter(node.op_type for part in parts for node in part.get_nodes() if part.ep_name != PROVIDER))


def fused(model: onnx.ModelProto, providers: Sequence[object] = ON_GPU) -> Mapping[str, int]:
    """Operators of ONNX Runtime's own in the graph that it executes, and how many."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        open_session(model, options, providers)
        held = onnx.load(options.optimized_model_filepath, load_external_data=False)
    return dict(Counter(node.op_type for node in held.graph.node if node.domain not in ("", "ai.onnx")))
