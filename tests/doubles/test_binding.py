from __future__ import annotations

from typing import Any

import pytest
from trt_double.binding import bind, fits
from trt_double.listing import parse
from trt_double.values import enumeration

KNOWN = {"Kind": enumeration("Kind", {"A": 0, "B": 1}), "Thing": type("Thing", (), {})}
TWO = [parse("f(self: X, a: int, b: Kind = <Kind.B: 1>) -> None"), parse("f(self: X, name: str) -> None")]


@pytest.mark.parametrize(
    ("args", "kwargs", "bound"),
    [
        ((1,), {}, [1, KNOWN["Kind"].B]),
        ((1, KNOWN["Kind"].A), {}, [1, KNOWN["Kind"].A]),
        ((), {"b": KNOWN["Kind"].A, "a": 2}, [2, KNOWN["Kind"].A]),
        (("n",), {}, ["n"]),
        ((), {"name": "n"}, ["n"]),
    ],
)
def test_the_first_overload_that_takes_the_arguments_is_bound(
    args: tuple[Any, ...], kwargs: dict[str, Any], bound: list[Any]
) -> None:
    assert bind("f", TWO, args, kwargs, KNOWN) == bound


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((1, 2), {}), ((1.5,), {}), ((1,), {"a": 1}), ((1,), {"c": 1}), ((1, KNOWN["Kind"].A, 3), {})],
)
def test_what_no_overload_takes_is_a_type_error(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"f\(\): incompatible function arguments"):
        bind("f", TWO, args, kwargs, KNOWN)


@pytest.mark.parametrize(
    ("value", "wanted", "fit"),
    [
        (1, "typing.SupportsInt", True),
        (1.0, "typing.SupportsInt", False),
        ("1", "int", False),
        (True, "bool", True),
        (1, "bool", False),
        (1, "float", True),
        ((1, 2), "Dims", True),
        ((1, "a"), "Dims", False),
        ([1, 2], "collections.abc.Sequence[typing.SupportsInt]", True),
        ([1, "a"], "List[int]", False),
        (b"ab", "typing_extensions.Buffer", True),
        ("ab", "buffer", False),
        (KNOWN["Kind"].A, "nvinfer1::Kind", True),
        (0, "Kind", False),
        (KNOWN["Thing"](), "Thing", True),
        (None, "Thing", True),
        (3, "nvinfer1::v_1_0::Unlisted", True),
    ],
)
def test_types_are_checked_as_pybind11_does(value: Any, wanted: str, fit: bool) -> None:
    assert fits(value, wanted, KNOWN) is fit
