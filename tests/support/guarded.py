"""Which capabilities a piece of Python has asked for before it goes on."""

from __future__ import annotations

import ast
from dataclasses import fields

from trtflow.trt.capabilities import Capabilities

GUARDS = {field.name for field in fields(Capabilities) if field.type == "bool"}
WORDS = {"weak": "weak", "strong": "strong", "debug": "debug", "unfused-debug": "unfused_debug"}
"""Options whose value was held against the capability that it needs."""
CHECKS = {"require_implicit": "calibrators"}
"""Functions that raise where the capability is missing."""


def guards_in(test: ast.expr) -> frozenset[str]:
    """The capabilities that hold where ``test`` does."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return frozenset().union(*map(guards_in, test.values))
    if isinstance(test, ast.Attribute) and test.attr in GUARDS:
        return frozenset({test.attr})
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq):
        word = getattr(test.comparators[0], "value", None)
        return frozenset({WORDS[word]} if word in WORDS else ())
    return frozenset()


def guards_behind(statement: ast.stmt) -> frozenset[str]:
    """The capabilities that hold behind ``statement``: it ends the function, or raises, where they do not."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return frozenset({CHECKS[name]} if (name := root(statement.value)) in CHECKS else ())
    ends = isinstance(statement, ast.If) and isinstance(statement.body[-1], ast.Raise | ast.Return)
    if ends and isinstance(statement.test, ast.UnaryOp) and isinstance(statement.test.op, ast.Not):
        return guards_in(statement.test.operand)
    return frozenset()


def root(node: ast.AST) -> str:
    """The name that an expression begins with; empty: with none."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
