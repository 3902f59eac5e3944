from __future__ import annotations

import pytest
from trt_double.listing import VERSIONS, Argument, parse, read


@pytest.mark.parametrize("version", [*VERSIONS, "rtx-1.7.1"])
def test_every_signature_of_a_version_is_parsed(version: str) -> None:
    listing = read(version)
    overloads = [o for kind in listing.classes.values() for m in kind.members.values() for o in m.overloads]
    assert len(listing.classes) > 130
    assert len(overloads) > 400
    assert all(argument.name.isidentifier() for overload in overloads for argument in overload)


@pytest.mark.parametrize(
    ("signature", "arguments"),
    [
        ("reset(self: Builder) -> None", ()),
        ("create_network(self: Builder, flags: int = 0) -> X", (Argument("flags", "int", "0"),)),
        (
            "execute(self: C, batch_size: int = 1, bindings: List[int]) -> bool",
            (Argument("batch_size", "int", "1"), Argument("bindings", "List[int]", None)),
        ),
        (
            "f(self: E, s: S = <S.STATIC: 0>) -> X",
            (Argument("s", "S", "<S.STATIC: 0>"),),
        ),
        (
            "supports(self: P, model: Buffer) -> tuple[bool, list[tuple[list[int], bool]]]",
            (Argument("model", "Buffer", None),),
        ),
        (
            "get(self: R, kind: str, plugin_namespace: str = '') -> object",
            (Argument("kind", "str", None), Argument("plugin_namespace", "str", "''")),
        ),
    ],
)
def test_a_signature_tells_names_types_and_defaults(signature: str, arguments: tuple[Argument, ...]) -> None:
    assert parse(signature) == arguments


@pytest.mark.parametrize(
    ("version", "weak", "strong", "debug"),
    [("8.6.1", True, False, False), ("10.0.1", True, True, True), ("11.4.0", False, True, True)],
)
def test_versions_differ_where_they_do(version: str, weak: bool, strong: bool, debug: bool) -> None:
    classes = read(version).classes
    assert ("FP16" in classes["BuilderFlag"].values) is weak
    assert ("STRONGLY_TYPED" in classes["NetworkDefinitionCreationFlag"].values) is strong
    assert ("IDebugListener" in classes) is debug
