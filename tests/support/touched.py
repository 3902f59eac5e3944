"""What a piece of Python touches of TensorRT, read off its syntax, and which of it a version lacks.

An object is known by what it came from (``network.get_layer(0)``) or, where that does not show, by the name of its
variable (``NAMES``). Not seen: names that are made at run time (``getattr(module, word)``), and what the code asks
for first (``hasattr``, ``getattr`` with a default).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from guarded import guards_behind, guards_in, root
from listed import MODULE, Kind, can, member, result, takes

NAMES = {
    "trt": MODULE,
    "module": MODULE,
    "network": "INetworkDefinition",
    "layer": "ILayer",
    "tensor": "ITensor",
    "config": "IBuilderConfig",
    "builder": "Builder",
    "parser": "OnnxParser",
    "engine": "ICudaEngine",
    "context": "IExecutionContext",
    "profile": "IOptimizationProfile",
    "inspector": "EngineInspector",
}
MODULES = ("tensorrt", "tensorrt_rtx")
Known = dict[str, ast.expr | Kind | None]
"""Name → what it was assigned, or is; None: nothing of TensorRT's."""


@dataclass(frozen=True)
class Touch:
    """``owner.name`` at a line, as an expression tree; ``guards``: capabilities without which it is not reached."""

    line: int
    inside: str
    owner: ast.expr
    name: str
    node: ast.AST
    guards: frozenset[str]
    known: Known


def touches(source: str, others: Iterable[str] = ()) -> Iterator[Touch]:
    """Every attribute that ``source`` reads, sets or calls, of whatever: ``fault`` knows what is TensorRT's.

    ``others``: variables of it that are something else in spite of their names.
    """
    yield from _read(ast.parse(source).body, frozenset(), dict.fromkeys(others), "")


def faults(
    source: str, versions: Iterable[str], claims: Mapping[str, str] | None = None, others: Iterable[str] = ()
) -> list[str]:
    """What ``source`` touches that one of ``versions`` lacks or takes otherwise.

    ``claims``: function → the capability without which it is not called; '' stands for the whole source.
    """
    claims = claims or {}
    found = []
    for touch in touches(source, others):
        needed = touch.guards | {claim for name, claim in claims.items() if name in ("", *touch.inside.split("."))}
        for version in versions:
            said = fault(touch, version) if all(getattr(can(version), guard) for guard in needed) else ""
            if said:
                found.append(f"line {touch.line}: {said} in {version}")
    return list(dict.fromkeys(found))


def members(source: str, version: str) -> set[str]:
    """What ``source`` touches in ``version``, as ``ILayer.precision``."""
    kinds = ((kind_of(touch.owner, touch.known, version), touch.name) for touch in touches(source))
    return {f"{kind.name}.{name}" for kind, name in kinds if kind}


def fault(touch: Touch, version: str) -> str:
    """What is wrong with ``touch`` in ``version``; empty: nothing, or it is not TensorRT's."""
    owner = kind_of(touch.owner, touch.known, version)
    if owner is None or touch.name.startswith("__"):
        return ""
    said, found = f"{owner.name}.{touch.name}", member(version, owner, touch.name)
    if found is None:
        return f"there is no {said}"
    if isinstance(touch.node, ast.Attribute) and isinstance(touch.node.ctx, ast.Store) and not found.is_settable:
        return f"{said} cannot be set"
    arguments = _arguments(touch.node)
    if arguments and found.signatures and not any(takes(one, *arguments) for one in found.signatures):
        return f"{said} does not take {arguments[0]} arguments and {sorted(arguments[1])}, but {found.signatures}"
    return ""


def _arguments(node: ast.AST) -> tuple[int, frozenset[str]] | None:
    """How many positional arguments a call or an overriding method has, and its keywords; None: it does not show."""
    if isinstance(node, ast.FunctionDef):
        return len(node.args.args) - 1, frozenset()
    if not isinstance(node, ast.Call) or any(isinstance(argument, ast.Starred) for argument in node.args):
        return None
    names = [keyword.arg for keyword in node.keywords]
    return None if None in names else (len(node.args), frozenset(name for name in names if name))


def kind_of(node: ast.expr, known: Known, version: str) -> Kind | None:
    """What ``node`` is in ``version``; None where it is not TensorRT's, or does not show."""
    if isinstance(node, ast.Name):
        value = known.get(node.id, Kind(NAMES[node.id]) if node.id in NAMES else None)
        if not isinstance(value, ast.expr):
            return value
        rest = {name: other for name, other in known.items() if name != node.id}
        return kind_of(value, rest, version) or kind_of(node, rest, version)
    called = isinstance(node, ast.Call)
    attribute = node.func if isinstance(node, ast.Call) else node
    if not isinstance(attribute, ast.Attribute):
        return None
    owner = kind_of(attribute.value, known, version)
    found = member(version, owner, attribute.attr) if owner else None
    if found is None:
        return None
    return result(version, found) if called else found.result


def _read(body: list[ast.stmt], guards: frozenset[str], known: Known, inside: str) -> Iterator[Touch]:
    """Of a block, in order, with what is known of names; a check that ends the block early guards what follows."""
    for statement in body:
        yield from _visit(statement, guards, known, inside)
        guards |= guards_behind(statement)


def _visit(node: ast.AST, guards: frozenset[str], known: Known, inside: str) -> Iterator[Touch]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        inside = f"{inside}.{node.name}"
        known = known | (_parameters(node) if isinstance(node, ast.FunctionDef) else {})
    _learn(node, known)
    for owner, name, touching in _own(node):
        yield Touch(touching.lineno, inside, owner, name, touching, guards, {**known})
    for field, value in ast.iter_fields(node):
        met = guards_in(node.test) if isinstance(node, ast.If | ast.IfExp) and field == "body" else frozenset()
        if field not in ("annotation", "returns"):
            yield from _inner(value, guards | met, known, inside)


def _inner(value: object, guards: frozenset[str], known: Known, inside: str) -> Iterator[Touch]:
    """Of one field of a node: a block, a list, or one node."""
    if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
        yield from _read(value, guards, known, inside)
        return
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, ast.AST):
            yield from _visit(entry, guards, known, inside)


def _own(node: ast.AST) -> Iterator[tuple[ast.expr, str, ast.expr | ast.FunctionDef]]:
    """What ``node`` itself touches; a class overrides members of those that it is derived from."""
    if isinstance(node, ast.ClassDef):
        methods = [one for one in node.body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")]
        yield from ((ast.Call(base, [], []), one.name, one) for base in node.bases for one in methods)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield node.func.value, node.func.attr, node
    elif isinstance(node, ast.Attribute):
        yield node.value, node.attr, node


def _parameters(function: ast.FunctionDef) -> Known:
    """Those that are nothing of TensorRT's: ``self``, and what is annotated otherwise than as anything."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return {one.arg: None for one in arguments if one.arg == "self" or _is_typed(one.arg, one.annotation)}


def _is_typed(name: str, annotation: ast.expr | None) -> bool:
    """Whether ``annotation`` says that ``name`` is of a class of ours, or holds none but those."""
    written = "Any" if annotation is None else ast.unparse(annotation)
    return written not in ("Any", "Any | None") if name in NAMES else "Any" not in written


def _learn(node: ast.AST, known: Known) -> None:
    """What an assignment, an import or a loop says of names."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            known.update({one.id: value for one, value in pairs if isinstance(one, ast.Name)})
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        known.update({node.target.id: None} if _is_typed(node.target.id, node.annotation) else {})
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            is_module = isinstance(node, ast.Import) and alias.name in MODULES
            known[alias.asname or alias.name] = Kind(MODULE) if is_module else None
    elif isinstance(node, ast.comprehension | ast.For):
        parts = node.iter.elts if isinstance(node.iter, ast.Tuple) else [node.iter]
        if isinstance(node.target, ast.Name) and all(known.get(root(part), node) is None for part in parts):
            known[node.target.id] = None
    for inner in ast.iter_child_nodes(node) if isinstance(node, ast.expr) else ():
        if isinstance(inner, ast.comprehension):
            _learn(inner, known)
