"""Loops inside an If that read what their body does not make: they, and who makes that, stay FP32.

TensorRT-RTX 1.7.1 builds such a Loop only where next to nothing leads to the tensor that it reads: two nodes on the
way are too many, in FP32 as well ("[graphScope.cpp::analyze] ... mScopedOp2Scopes"). So no Cast may join them.
Constants and state do no harm, nor does a Loop or an If inside a Loop or Scan, or a Scan inside an If.
"""

from __future__ import annotations

from collections.abc import Iterator

from trtflow.model.scopes import STANDARD_DOMAINS, Key, Scope
from trtflow.model.stages import reads

WHY = "a Loop inside an If reads a tensor from outside: TensorRT fails on Casts around that"


def held(scopes: tuple[Scope, ...]) -> frozenset[str]:
    """The nodes of ``scopes`` that stay FP32, bodies included."""
    found: set[str] = set()
    for scope in scopes:
        for node in scope.graph.node:
            if node.op_type == "Loop" and node.domain in STANDARD_DOMAINS and _is_in_if(scope):
                (body,) = scope.children[node.name]
                if makers := _captured(body):
                    found.update(inner.name for part in _inside(body) for inner in part.graph.node)
                    found.update(makers.values())
    return frozenset(found - {""})


def _is_in_if(scope: Scope) -> bool:
    """Whether ``scope`` is a branch, or lies in one."""
    while scope.parent is not None:
        if "_branch" in scope.path.rpartition(".")[2]:
            return True
        scope = scope.parent
    return False


def _captured(body: Scope) -> dict[Key, str]:
    """What ``body`` reads of the scopes around it, constants apart, with its maker ("" for what is fed)."""
    given = {name for node in body.graph.node for name in reads(node)} - body.producers.keys()
    found = {}
    for name in given:
        home = body.home(name)
        if home is not None and body.constant(name) is None:
            node = home.producers[name]
            found[home.path, name] = node.name if node else ""
    return found


def _inside(scope: Scope) -> Iterator[Scope]:
    yield scope
    for children in scope.children.values():
        for child in children:
            yield from _inside(child)
