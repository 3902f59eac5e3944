"""The module ``tensorrt`` of one version."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any

from trt_double import builder, config, cuda, engine, inspector, network, parser, small
from trt_double.behaviour import VERSION_ENV
from trt_double.classes import Api, method
from trt_double.listing import read
from trt_double.touched import missing

DEFAULT = "10.16.1"
ROOMS = (builder, config, engine, inspector, network, parser, small)
SHORT = {"FLOAT": "float32", "HALF": "float16", "BF16": "bfloat16", "E8M0": "e8m0"}
"""What the package calls the values of ``DataType``; the others by their own names in lower case."""


def behaviours() -> dict[str, type]:
    """Behaviour by the name of its class."""
    found = {kind.__name__: kind for room in ROOMS for kind in vars(room).values() if isinstance(kind, type)}
    return {**found, **small.CALIBRATORS}


def fill(module: ModuleType) -> None:
    """Make ``module`` that of the version in the environment, and CUDA memory that of the host."""
    listing = read(os.environ.get(VERSION_ENV) or DEFAULT)
    api = Api(listing, behaviours())
    members: dict[str, Any] = {name: api[name] for name in listing.classes}
    members |= {SHORT.get(name, name.lower()): value for name, value in api["DataType"].__members__.items()}
    for name, member in listing.functions.items():
        members[name] = _function(api, name, member)
    vars(module).update(members, __version__=listing.version, __getattr__=lambda name: _lacking(name))
    cuda.install()


def _lacking(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise missing("tensorrt", name)


def _function(api: Api, name: str, member: Any) -> Any:
    known = {
        "init_libnvinfer_plugins": lambda self, logger, namespace: True,
        "get_plugin_registry": lambda self: api.new("IPluginRegistry"),
        "get_nv_onnx_parser_version": lambda self: 0,
    }
    bound = method(api, name, member, known.get(name))
    return lambda *args, **kwargs: bound(None, *args, **kwargs)
