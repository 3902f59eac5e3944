"""The child process that parses a file and writes its names table: ``python -m trtflow.trt.names_child MODEL CSV``.

A parser may crash on a file, which ends this process and no other. It says on standard error why there is no table.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import onnx

from trtflow.files.names import NamesTable, write_names
from trtflow.model.naming import parsed_name
from trtflow.model.scopes import scopes
from trtflow.trt.capabilities import capabilities
from trtflow.trt.names import names_table

MODULES = ("tensorrt", "tensorrt_rtx")


def main(model: Path, destination: Path, libraries: list[str]) -> int:
    """Write the table of the first parser that takes the file; 1 where none does."""
    said = []
    for module in filter(importlib.util.find_spec, MODULES):
        try:
            _write(importlib.import_module(module), model, destination, libraries)
        except Exception as error:  # a library without its driver fails in ways of its own
            said.append(f"{module}: {' '.join(str(error).split())}")
            continue
        return 0
    sys.stderr.write("; ".join(said) or "neither tensorrt nor tensorrt_rtx is installed")
    return 1


def _write(trt: Any, path: Path, destination: Path, libraries: list[str]) -> None:
    logger = trt.Logger(trt.Logger.ERROR)
    trt.init_libnvinfer_plugins(logger, "")
    for library in libraries:
        trt.get_plugin_registry().load_library(library)
    network = trt.Builder(logger).create_network(_flags(trt))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(path)):
        raise ValueError(parser.get_error(0).desc())
    model = onnx.load(path, load_external_data=False)
    ops = {parsed_name(node): node.op_type for scope in scopes(model) for node in scope.graph.node}
    table = NamesTable(capabilities(trt).says, names_table(network, model))
    write_names(table, ops, destination)


def _flags(trt: Any) -> int:
    """Batches as ONNX has them: a flag up to 8.6, the only way later."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
    return 0 if flag is None else 1 << int(flag)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
