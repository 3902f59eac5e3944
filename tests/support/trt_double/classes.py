"""The classes of a listing, each made of the members that it has there and of what we know them to do.

A behaviour is a plain class of the same name: its methods take the arguments in the listing's order, its properties
and ``Stored`` fields are used where the listing has them, and what begins with an underscore is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trt_double.binding import bind, fits
from trt_double.listing import ListedClass, Listing, Member
from trt_double.touched import missing
from trt_double.values import enumeration

SEVERITIES = {"INTERNAL_ERROR": 0, "ERROR": 1, "WARNING": 2, "INFO": 3, "VERBOSE": 4}


class Stored:
    """A property of a behaviour that is only kept."""

    def __init__(self, default: Any = None) -> None:
        self.default = default


class Doubled(type):
    """The type of the doubled classes: what they lack is noted, and users' own must call their constructor."""

    def __getattr__(cls, name: str) -> Any:
        raise missing(cls.__name__, name)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        if "_begun" not in vars(made):
            raise TypeError(f"{cls.__name__}.__init__() must be called when overriding __init__")
        return made


class Thing(metaclass=Doubled):
    """What every doubled object is: strict about its members, unless a user's class extends it."""

    _api: Api

    def _begin(self, *args: Any) -> None:
        """What a constructor does, after its arguments are bound."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *raised: object) -> None:
        """Nothing is to be freed."""

    def __getattr__(self, name: str) -> Any:
        raise missing(type(self).__name__, name)

    def __setattr__(self, name: str, value: Any) -> None:
        known = isinstance(getattr(type(self), "__dict__", {}).get(name), property)
        if known or name.startswith("_") or "_listed" not in vars(type(self)):
            object.__setattr__(self, name, value)
        else:
            raise missing(type(self).__name__, name)


class Api:
    """The classes of one version: ``api["DataType"].FLOAT``; ``new`` makes what has no constructor."""

    def __init__(self, listing: Listing, behaviours: Mapping[str, type]) -> None:
        self.listing = listing
        self.classes: dict[str, Any] = {"ILogger.Severity": enumeration("Severity", SEVERITIES)}
        self._behaviours = behaviours
        for name in listing.classes:
            self._make(name)

    def __getitem__(self, name: str) -> Any:
        return self.classes[name]

    @property
    def major(self) -> int:
        """The first number of the version."""
        return int(self.listing.version.partition(".")[0])

    def new(self, name: str, *args: Any) -> Any:
        """An object of a class that only the library makes."""
        made = object.__new__(self.classes[name])
        made._begun = True
        made._begin(*args)
        return made

    def has(self, owner: str, member: str) -> bool:
        """Whether the version has ``member`` of ``owner``."""
        return owner in self.listing.classes and member in self.listing.classes[owner].members

    def _make(self, name: str) -> Any:
        if name in self.classes:
            return self.classes[name]
        listed = self.listing.classes[name]
        if listed.values:
            made = enumeration(name, listed.values)
        else:
            made = Doubled(name, self._bases(name, listed), self._body(name, listed))
        self.classes[name] = made
        return made

    def _bases(self, name: str, listed: ListedClass) -> tuple[type, ...]:
        bases = [self._make(base) for base in listed.bases if base in self.listing.classes]
        minimal = [b for b in bases if not any(b is not other and issubclass(other, b) for other in bases)]
        carrier = getattr(self._behaviours.get(name), "_carrier", None)
        return (*(minimal or [Thing]), *([carrier] if carrier else []))

    def _body(self, name: str, listed: ListedClass) -> dict[str, Any]:
        behaviour = self._behaviour(name)
        own = {key: value for key, value in _all(behaviour).items() if key.startswith("_") and key not in _OBJECT}
        body = {**own, "_listed": name, "_api": self, "__module__": "tensorrt.tensorrt"}
        body["__init__"] = _constructor(self, name, listed)
        for key, member in listed.members.items():
            body[key] = self._member(name, key, member, _all(behaviour).get(key))
        return body

    def _behaviour(self, name: str) -> type:
        """Its own, or that of the nearest base that has one."""
        for candidate in (name, *self.listing.classes[name].bases):
            if candidate in self._behaviours:
                return self._behaviours[candidate]
        return object

    def _member(self, owner: str, name: str, member: Member, does: Any) -> Any:
        if name == "Severity":
            return self.classes["ILogger.Severity"]
        if member.kind == "Severity":
            return getattr(self.classes["ILogger.Severity"], name)
        if member.kind == "method":
            return method(self, f"{owner}.{name}", member, does)
        return _property(self, f"{owner}.{name}", name, member, does)


_OBJECT = {"__dict__", "__weakref__", "__module__", "__doc__", "__qualname__", "__annotations__", "__firstlineno__",
           "__static_attributes__"}  # fmt: skip


def _all(behaviour: type) -> dict[str, Any]:
    return {key: value for kind in reversed(behaviour.__mro__[:-1]) for key, value in vars(kind).items()}


def _constructor(api: Api, name: str, listed: ListedClass) -> Any:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 (it becomes the constructor)
        if not listed.init:
            raise TypeError(f"tensorrt.tensorrt.{name}: No constructor defined!")
        bound = bind(f"{name}.__init__", listed.init, args, kwargs, api.classes)
        object.__setattr__(self, "_begun", True)
        self._begin(*bound)

    return __init__


def method(api: Api, called: str, member: Member, does: Any) -> Any:
    """A method, or a function where ``called`` has no dot, that binds its arguments before it does anything."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        bound = bind(called, member.overloads, args, kwargs, api.classes)
        if does is None:
            raise NotImplementedError(f"the double knows {called} but not what it does")
        return does(self, *bound)

    return call


def _property(api: Api, called: str, name: str, member: Member, does: Any) -> property:
    def get(self: Any) -> Any:
        if isinstance(does, Stored):
            return vars(self).get(f"_stored_{name}", does.default)
        if does is None:
            raise NotImplementedError(f"the double knows {called} but not what it is")
        return does.fget(self)

    def put(self: Any, value: Any) -> None:
        if not fits(value, member.type, api.classes):
            raise TypeError(f"{called}: expected {member.type}, got {value!r}")
        if isinstance(does, Stored):
            object.__setattr__(self, f"_stored_{name}", value)
        elif does is None or does.fset is None:
            raise NotImplementedError(f"the double knows {called} but not what setting it does")
        else:
            does.fset(self, value)

    return property(get, put if member.is_settable else None)
