"""Which tensors of the ONNX file an engine hands out, and under which names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trtflow.errors import BackendError

if TYPE_CHECKING:
    from onnx import ModelProto

    from trtflow.trt.marking import Mark


def unfused_marks(layers: str | None, why: str, model: ModelProto) -> tuple[Mark, ...]:
    """The tensors that fusion leaves of ``model``, under the engine's names: those that are one of the file's.

    ``layers``: the inspector's text, of which ``why`` says why there is none.

    Raises:
        BackendError: there is none.
    """
    from trtflow.model.naming import parsed_name
    from trtflow.model.stages import reads
    from trtflow.trt.debug import onnx_names
    from trtflow.trt.inspector import read_layers
    from trtflow.trt.marking import Mark
    from trtflow.trt.names import made_tensors

    if layers is None:
        raise BackendError(
            f"unfused debug tensors have names of the engine, whose layers were not read: {why}. Use `capture: "
            "debug`, which keeps the names of the file."
        )
    known = read_layers(layers)
    ends = {value.name for value in model.graph.output}
    read = {parsed_name(node): sorted(reads(node)) for node in model.graph.node}
    names = onnx_names(known, made_tensors(model), read)
    types = {tensor.name: tensor.precision for layer in known for tensor in layer.outputs}
    told = ((tensor, name, types[name]) for name, tensor in names.items() if tensor not in ends)
    return tuple(Mark(tensor, name, "debug", precision) for tensor, name, precision in told if precision)
