"""A typed model by PyTorch, node by node or compiled, for ``fusion.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import onnx

from trtflow.data import Array, Feed

Outputs = Mapping[str, Array]
Execute = Callable[[Feed], Outputs]


@dataclass(frozen=True)
class Torch:
    """A typed model by PyTorch, node by node or compiled by ``backend``."""

    model: onnx.ModelProto
    device: str
    backend: str

    def __enter__(self) -> Execute:
        from trtflow.runners.torch_graph import converted, fed, placed, supported, to_array
        from trtflow.runners.torch_runner import exactly

        model = supported(self.model)
        weights = placed(model, self.device)
        graphs: dict[tuple[object, ...], Any] = {}

        def execute(feed: Feed) -> Outputs:
            with exactly():
                given = fed(model, feed, self.device)
                key = tuple(tuple(tensor.shape) for tensor in given.values())
                if key not in graphs:
                    graph = converted(model, weights, given)
                    graphs[key] = self._compiled(graph) if self.backend else graph
                made = graphs[key](*given.values())
                return {value.name: to_array(one) for value, one in zip(model.graph.output, made, strict=True)}

        return execute

    def __exit__(self, *raised: object) -> None: ...

    def _compiled(self, graph: Any) -> Any:
        import torch

        attention_as_written()
        torch._dynamo.reset()  # else it remembers, and in the end refuses, the networks before
        return torch.compile(graph, backend=self.backend, fullgraph=True, dynamic=False)


def attention_as_written() -> None:
    """Keep Inductor from recognising decomposed attention, which is one kernel then and not a chain.

    It also fails where the scale is a tensor, or the mask one that several heads share.
    """
    from torch._inductor.fx_passes import fuse_attention

    fuse_attention._sfdp_init = lambda *_, **__: None
