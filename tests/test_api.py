"""The front door for Python: names that cost nothing until used, each with an example, and a page that runs."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import trtflow

ROOT = Path(__file__).parents[1]
CALLED = [name for name in trtflow.__all__ if name[0].islower()]


def test_names_are_sorted_and_those_that_a_checker_sees() -> None:
    tree = ast.parse(Path(trtflow.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = {
        name.asname: entry.module for entry in block.body if isinstance(entry, ast.ImportFrom) for name in entry.names
    }
    assert imported == trtflow._HOMES
    assert trtflow.__all__ == sorted([*imported, "__version__"]) == dir(trtflow)


@pytest.mark.parametrize("name", trtflow.__all__)
def test_every_name_resolves(name: str) -> None:
    assert getattr(trtflow, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'trtflow' has no attribute 'bisection'"):
        _ = trtflow.bisection  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", CALLED)
def test_every_function_shows_its_use(name: str) -> None:
    found = getattr(trtflow, name)
    assert re.search(r"Example:\n +>>> ", found.__doc__), f"{name} has no example"


def test_importing_loads_nothing_that_takes_time() -> None:
    script = (
        "import sys, trtflow; print({'numpy', 'onnx', 'onnxruntime', 'pydantic', 'yaml', 'rich'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.slow
def test_the_page_on_python_runs_as_it_stands(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    (tmp_path / "models").symlink_to(ROOT / "models")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "['/down0/bn0/BatchNormalization', '/down0/conv0/Conv']" in done.stdout
    assert "unet-v2.onnx" in done.stdout.splitlines()[-1]
