"""The types that a file declares for its tensors, held against those that follow from its inputs."""

from __future__ import annotations

import onnx

from trtflow.errors import ModelError
from trtflow.model.scopes import STANDARD_DOMAINS, Scope, scopes
from trtflow.model.skeleton import skeleton
from trtflow.model.types import Shape, TensorType, declared_type, infer

Names = frozenset[str]
"""Names of dimensions."""


def mend_declared(model: onnx.ModelProto) -> list[str]:
    """Let ``model`` declare, in place, nothing that contradicts its inputs, and the shapes of its outputs.

    What it declares of inner tensors goes where it is stale. Of an output only the dimensions that are wrong change:
    what is unknown or named otherwise stays as it is. Foreign operators are believed: nothing else tells.

    Raises:
        ModelError: an output is declared in another element type than its node makes.
    """
    truth = infer(_unbelieving(model))
    free = frozenset(
        dim.dim_param for value in model.graph.input for dim in value.type.tensor_type.shape.dim if dim.dim_param
    )
    notes: list[str] = []
    stale: list[str] = []
    for scope in scopes(model):
        stale += _drop_stale(scope, {v.name: truth.of(scope, v.name) for v in scope.graph.value_info}, free)
    if stale:
        shown = ", ".join(stale[:5]) + (f" and {len(stale) - 5} more" if len(stale) > 5 else "")
        notes.append(f"the types or shapes declared inside contradict the inputs and were dropped: {shown}")
    main = scopes(model)[0]
    for value in model.graph.output:
        if believed(main, value.name) or value.type.WhichOneof("value") not in ("tensor_type", None):
            continue
        notes += _mend_output(value, truth.of(main, value.name), free, main.producer(value.name))
    return notes


def believed(scope: Scope, name: str) -> bool:
    """Whether a declaration alone tells the type of ``name``: an input's, a constant's, a foreign operator's."""
    node = scope.producers.get(name)
    return node is None or node.domain not in STANDARD_DOMAINS


def _unbelieving(model: onnx.ModelProto) -> onnx.ModelProto:
    bare = skeleton(model)
    for scope in scopes(bare):
        graph = scope.graph
        kept = [value for value in graph.value_info if believed(scope, value.name)]
        outputs = [v if believed(scope, v.name) else onnx.ValueInfoProto(name=v.name) for v in graph.output]
        held = onnx.GraphProto(value_info=kept, output=outputs)
        del graph.value_info[:], graph.output[:]
        graph.value_info.extend(held.value_info)
        graph.output.extend(held.output)
    return bare


def _drop_stale(scope: Scope, truth: dict[str, TensorType], free: Names) -> list[str]:
    values = scope.graph.value_info
    wrong = [i for i, v in enumerate(values) if contradicts(declared_type(v.type), truth[v.name], free)]
    names = [values[index].name for index in wrong if not believed(scope, values[index].name)]
    for index in reversed(wrong):
        if not believed(scope, values[index].name):
            del values[index]
    return names


def contradicts(declared: TensorType, found: TensorType, free: Names) -> bool:
    """Whether what is ``found`` cannot be as it is ``declared``. ``free``: dimensions that inputs name."""
    if declared.elem and found.elem and declared.elem != found.elem:
        return True
    if declared.shape is None or found.shape is None:
        return False
    if len(declared.shape) != len(found.shape):
        return True
    return any(_differ(said, is_, free) for said, is_ in zip(declared.shape, found.shape, strict=True))


def _differ(said: int | str | None, found: int | str | None, free: Names) -> bool:
    return isinstance(said, int) and said != found and (isinstance(found, int) or found in free)


def _mend_output(
    value: onnx.ValueInfoProto, found: TensorType, free: Names, node: onnx.NodeProto | None
) -> list[str]:
    declared = declared_type(value.type)
    if declared.elem and found.elem and declared.elem != found.elem:
        said, made = (onnx.TensorProto.DataType.Name(elem) for elem in (declared.elem, found.elem))
        maker = f"its node '{node.name}' ({node.op_type})" if node is not None else "its node"
        raise ModelError(
            f"output '{value.name}' is declared as {said}, but {maker} makes {made}: ONNX Runtime refuses the model, "
            "too. Declare the type that it has, or export the model again."
        )
    if found.shape is None or (declared.shape is not None and not contradicts(declared, found, free)):
        if not declared.elem and found.elem:
            value.type.tensor_type.elem_type = found.elem
            return [f"output '{value.name}' had no type and has the one that its node makes"]
        return []
    mended = _mended(declared.shape, found.shape, free)
    value.type.CopyFrom(onnx.helper.make_tensor_type_proto(found.elem or declared.elem, mended))
    if declared.shape is None:
        return [f"output '{value.name}' had no shape and has the one that follows, {_shown(mended)}"]
    return [f"output '{value.name}' was declared {_shown(declared.shape)} and is {_shown(mended)}"]


def _mended(declared: Shape | None, found: Shape, free: Names) -> Shape:
    known = tuple(size if isinstance(size, int) or size in free else None for size in found)
    if declared is None or len(declared) != len(found):
        return known
    return tuple(is_ if _differ(said, is_, free) else said for said, is_ in zip(declared, known, strict=True))


def _shown(shape: Shape) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"
