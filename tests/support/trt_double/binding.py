"""Whether arguments bind to a signature, by the rules of pybind11."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from trt_double.listing import Argument

_ENUM = re.compile(r"<(?P<enum>\w+)\.(?P<name>\w+): -?\d+>")
_SEQUENCE = re.compile(r"(?:\w+\.)*(?:Sequence|List|list)\[(.*)\]")
_NESTED = {"Severity": "ILogger.Severity"}
_LITERALS = {"None": None, "True": True, "False": False}


def bind(
    called: str,
    overloads: Sequence[Sequence[Argument]],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    known: Mapping[str, Any],
) -> list[Any]:
    """The values of the first of ``overloads`` that takes the arguments; ``known``: classes by name.

    Raises:
        TypeError: none takes them.
    """
    for overload in overloads:
        bound = _bind(overload, args, kwargs, known)
        if bound is not None:
            return bound
    told = "; ".join(", ".join(f"{a.name}: {a.type}" for a in overload) for overload in overloads)
    given = ", ".join([*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())])
    raise TypeError(f"{called}(): incompatible function arguments ({given}); supported: ({told})")


def fits(value: Any, wanted: str, known: Mapping[str, Any]) -> bool:
    """Whether ``value`` is of the type that the bindings call ``wanted``; what they do not say is taken."""
    sequence = _SEQUENCE.fullmatch(wanted)
    if sequence:
        return isinstance(value, Sequence) and all(fits(one, sequence[1], known) for one in value)
    wanted = wanted.removeprefix("typing.").rpartition("::")[2]
    if wanted in ("int", "SupportsInt"):
        return hasattr(value, "__index__") and not isinstance(value, bytes | str)
    if wanted in ("float", "SupportsFloat"):
        return hasattr(value, "__float__") or hasattr(value, "__index__")
    if wanted in ("bool", "str", "tuple", "list"):
        return isinstance(value, {"bool": bool, "str": str, "tuple": tuple, "list": list}[wanted])
    if wanted in ("Dims", "Permutation") and isinstance(value, tuple | list):
        return all(fits(one, "int", known) for one in value)
    if wanted == "buffer" or wanted.endswith(".Buffer"):
        return _is_buffer(value)
    wanted = _NESTED.get(wanted, wanted)
    return value is None or wanted not in known or isinstance(value, known[wanted])


def _is_buffer(value: Any) -> bool:
    try:
        memoryview(value)
    except TypeError:
        return False
    return True


def _bind(
    overload: Sequence[Argument], args: Sequence[Any], kwargs: Mapping[str, Any], known: Mapping[str, Any]
) -> list[Any] | None:
    names = [argument.name for argument in overload]
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    if len(args) > len(names) or len(given) < len(args) + len(kwargs) or set(given) - set(names):
        return None
    values = []
    for argument in overload:
        if argument.name not in given and argument.default is None:
            return None
        value = given.get(argument.name)
        unset = value is None and argument.default == "None"
        if argument.name in given and not unset and not fits(value, argument.type, known):
            return None
        values.append(value if argument.name in given else _default(str(argument.default), known))
    return values


def _default(text: str, known: Mapping[str, Any]) -> Any:
    enum = _ENUM.fullmatch(text)
    if enum:
        return getattr(known[_NESTED.get(enum["enum"], enum["enum"])], enum["name"])
    if text in _LITERALS:
        return _LITERALS[text]
    return text.strip("'") if text.startswith("'") else int(text)
