"""The same decision for other tools. Each text says for which versions it is valid.

Weak typing (trtexec's and Polygraphy's flags) ended with TensorRT 10.16; from 11 on, and for TensorRT-RTX, the
rewritten ONNX is the only form. Formats and their traps: trtexec splits lists at every comma and then at the last
colon, knows no escape, and ignores unknown names; its wildcards do not do what its help says, so names are exact.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trtflow.cures.rescaling import Rescaling
from trtflow.files.constraints import Constraints
from trtflow.files.ranges import calibration_cache, dynamic_ranges, positive_ranges, ppq_ranges
from trtflow.precision import FP32, INT8, PRECISIONS, QUANTIZED, ROWS, Precision

ARGUMENT_LIMIT = 128 * 1024  # bytes that Linux allows one argument
_TRITON_TYPES = {row.dtype_name: row.names.triton for row in ROWS.values() if row.names.triton}


@dataclass(frozen=True)
class Port:
    """An input or output of the model: its name, numpy dtype and dims (None where free)."""

    name: str
    dtype: str
    dims: tuple[int | None, ...]


def trtexec_args(constraints: Constraints) -> str:
    """``trtexec --onnx=MODEL $(grep -v '^#' trtexec.args)``."""
    typed = _weakly_typed(constraints)
    sayable = {name: precision for name, precision in typed.items() if not re.search(r"[,'\s]", name)}
    lost = sorted(set(typed) - set(sayable))
    pairs = ",".join(f"{name}:{precision}" for name, precision in sayable.items())
    lines = [f"# {line}" for line in _weak(constraints)]
    lines += [f"# trtexec cannot express this name, use polygraphy_postprocess.py: {name}" for name in lost]
    if len(pairs) > ARGUMENT_LIMIT:
        lines.append("# Too long for one argument on Linux, use polygraphy_postprocess.py.")
    flags = _flags(constraints)
    if "--int8" in flags:
        lines.append("# trtexec may run other layers in INT8, too; polygraphy_postprocess.py holds them.")
        flags.append("--calib=calibration.cache")
    lines += flags
    floats = ",".join(f"{name}:{precision}" for name, precision in sayable.items() if precision not in QUANTIZED)
    if pairs:
        lines += ["--precisionConstraints=obey", f"--layerPrecisions={pairs}"]
    if floats:
        lines.append(f"--layerOutputTypes={floats}")
    return "\n".join(lines) + "\n"


def polygraphy_postprocess(constraints: Constraints) -> str:
    """``polygraphy run MODEL --trt --fp16 --precision-constraints obey --trt-npps polygraphy_postprocess.py``."""
    layers = {name: ROWS[precision].names.bindings for name, precision in _weakly_typed(constraints).items()}
    flags = _flags(constraints)
    quantised = "--int8" in flags
    if quantised:  # without the cache Polygraphy would calibrate on random data
        flags.append("--calibration-cache calibration.cache")
    usage = " ".join(["--trt", *flags, "--precision-constraints obey"])
    model = "MODEL.cured.onnx" if _is_rescaled(constraints) else constraints.model.path
    return _POSTPROCESS.format(
        valid="\n".join(_weak(constraints)),
        usage=f"polygraphy run {model} {usage} \\\\\n    --trt-npps polygraphy_postprocess.py",
        precisions=json.dumps(layers, indent=4, ensure_ascii=False),
        default=repr(ROWS[constraints.default].names.bindings if quantised else None),
        quantized=json.dumps(sorted(ROWS[precision].names.bindings for precision in QUANTIZED)),
        ranges=json.dumps(positive_ranges(constraints.scales) if quantised else {}, indent=4, ensure_ascii=False),
    )


_POSTPROCESS = '''"""{valid}

{usage}
"""

import re

import tensorrt as trt

PRECISIONS = {precisions}
DEFAULT = {default}  # of other layers with weights, which TensorRT might run in INT8 as well
WEIGHTED = {{trt.LayerType.CONVOLUTION, trt.LayerType.DECONVOLUTION, trt.LayerType.MATRIX_MULTIPLY}}
RANGES = {ranges}
FLOATS = {{trt.float32, trt.float16}}
QUANTIZED = {quantized}


def postprocess(network):
    """Set the ranges of tensors, and compute precision and output types of layers by the nodes they come from."""
    for index in range(network.num_inputs):
        set_range(network.get_input(index))
    for layer in network:
        outputs = [layer.get_output(index) for index in range(layer.num_outputs)]
        for tensor in outputs:
            set_range(tensor)
        origin = re.search(r"\\[ONNX Layer: (.*?)\\]", getattr(layer, "metadata", "") or "")
        name = origin.group(1) if origin else layer.name
        precision = PRECISIONS.get(name, DEFAULT if layer.type in WEIGHTED else None)
        if precision is None:
            continue
        kind = getattr(trt, precision)
        if layer.type not in (trt.LayerType.CONSTANT, trt.LayerType.SHAPE):
            layer.precision = kind
        for index, tensor in enumerate(outputs if precision not in QUANTIZED else ()):
            if tensor.dtype in FLOATS and not tensor.is_shape_tensor:
                layer.set_output_type(index, kind)


def set_range(tensor):
    if tensor.name in RANGES:
        tensor.dynamic_range = (-RANGES[tensor.name], RANGES[tensor.name])
'''


def modelopt_args(constraints: Constraints) -> str:
    """``python -m modelopt.onnx.autocast --onnx_path MODEL $(grep -v '^#' modelopt.args)``."""
    kept = [name for name, node in constraints.nodes.items() if node.precision not in QUANTIZED]
    names = " ".join(f"'^{re.escape(name)}$'" for name in kept)
    exclude = f"--nodes_to_exclude {names}\n" if names else ""
    return (
        "# NVIDIA ModelOpt AutoCast 0.40 and later; it matches names as regular expressions from their start.\n"
        f"--low_precision_type {constraints.default}\n{exclude}"
    )


def ort_providers(constraints: Constraints) -> str:
    """Options for ONNX Runtime's TensorRT provider on the mixed ONNX: strongly typed, so the Casts are obeyed."""
    options = {"trt_fp16_enable": False, "trt_int8_enable": False, "trt_engine_cache_enable": True}
    document = {
        "valid-for": "onnxruntime-gpu 1.17 and later with TensorRT 9 and later, on the mixed ONNX",
        "providers": [["TensorrtExecutionProvider", options], ["CUDAExecutionProvider", {"use_tf32": 0}]],
    }
    return json.dumps(document, indent=2) + "\n"


def triton_config(name: str, inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> str:
    """``config.pbtxt`` for the engine; its TensorRT version must be the server's."""
    free = bool(inputs) and all(port.dims and port.dims[0] is None for port in inputs)

    def port(entry: Port) -> str:
        dims = ", ".join("-1" if size is None else str(size) for size in entry.dims[1 if free else 0 :])
        kind = _TRITON_TYPES.get(entry.dtype, f"TYPE_{entry.dtype.upper()}")
        return f'  {{ name: "{entry.name}" data_type: {kind} dims: [ {dims} ] }}'

    groups = (f"{label} [\n" + ",\n".join(map(port, ports)) + "\n]" for label, ports in
              (("input", inputs), ("output", outputs)))  # fmt: skip
    batch = 8 if free else 0
    head = "# Triton Inference Server; put engine.plan at 1/model.plan, built with the server's TensorRT version."
    return f'{head}\nname: "{name}"\nplatform: "tensorrt_plan"\nmax_batch_size: {batch}\n' + "\n".join(groups) + "\n"


def _weak(constraints: Constraints) -> list[str]:
    """For which versions and which file the weakly typed formats are, and what of the decision they lack."""
    model = "cured ONNX, which the run left beside the mixed one" if _is_rescaled(constraints) else "original ONNX"
    lines = [
        f"TensorRT 8.4 to 10.16, weakly typed, on the {model}. TensorRT 11 and TensorRT-RTX: build the mixed ONNX."
    ]
    lost: list[str] = sorted({cure.kind for cure in constraints.cures if not isinstance(cure, Rescaling)})
    if any(not ROWS[node.precision].weakly_typed for node in constraints.nodes.values()):
        lost.append("FP8 layers, which need Q/DQ pairs")
    return [*lines, *([f"Only the mixed ONNX has the {' and the '.join(lost)}."] if lost else [])]


def _weakly_typed(constraints: Constraints) -> dict[str, Precision]:
    """The nodes whose precision flags and scripts can set: FP8 exists as Q/DQ pairs only."""
    return {name: node.precision for name, node in constraints.nodes.items() if ROWS[node.precision].weakly_typed}


def _is_rescaled(constraints: Constraints) -> bool:
    return any(isinstance(cure, Rescaling) for cure in constraints.cures)


def _flags(constraints: Constraints) -> list[str]:
    """A flag for each precision that the decision uses; FP32 needs none."""
    used = {constraints.default, *_weakly_typed(constraints).values()}
    return [f"--{precision}" for precision in PRECISIONS if precision in used and precision != FP32]


SCALE_FORMATS: Mapping[str, tuple[str, Callable[[Constraints], str]]] = {
    "calibration-cache": ("calibration.cache", lambda constraints: calibration_cache(constraints.scales)),
    "ppq": ("ranges.json", lambda constraints: ppq_ranges(constraints.scales)),
    "dynamic-ranges": ("dynamic-ranges.txt", lambda constraints: dynamic_ranges(constraints.scales)),
}
"""Formats that hold the ranges of activations, for decisions with INT8: implicit quantisation knows nothing else."""

FORMATS: Mapping[str, tuple[str, Callable[[Constraints], str]]] = {
    "trtexec": ("trtexec.args", trtexec_args),
    "polygraphy": ("polygraphy_postprocess.py", polygraphy_postprocess),
    "modelopt": ("modelopt.args", modelopt_args),
    "onnxruntime": ("ort_providers.json", ort_providers),
    **SCALE_FORMATS,
}
"""What ``trtflow export --to`` offers: the format's name → its file and its writer."""


def formats_for(constraints: Constraints) -> tuple[tuple[str, Callable[[Constraints], str]], ...]:
    """The file and the writer of every format that says something about this decision."""
    int8 = any(node.precision == INT8 for node in constraints.nodes.values())
    return tuple(row for name, row in FORMATS.items() if int8 or name not in SCALE_FORMATS)
