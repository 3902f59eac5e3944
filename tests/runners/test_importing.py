"""A library that cannot be imported is an answer, whatever way it takes to fail."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import onnxruntime
import pytest

from trtflow.runners import importing
from trtflow.runners.importing import Imported, imported

needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)


@pytest.fixture(autouse=True)
def _forgetting() -> Iterator[None]:
    importing._asked.cache_clear()
    yield
    importing._asked.cache_clear()


def _module(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    (folder / "stub_wheel.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("__version__ = '1.2'", Imported("1.2")),
        ("print('noise')\n__version__ = '1.2'", Imported("1.2")),
        ("import ctypes\nctypes.string_at(0)", Imported(failed="crashes (SIGSEGV)")),
        (
            "raise ImportError('libnvinfer.so.10: cannot open')",
            Imported(failed="fails (libnvinfer.so.10: cannot open)"),
        ),
        ("raise RuntimeError", Imported(failed="fails (RuntimeError)")),
        ("import sys; sys.exit(0)", Imported(failed="ends Python")),
    ],
)
def test_what_becomes_of_an_import_is_told(
    source: str, expected: Imported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _module(tmp_path, monkeypatch, source)
    assert imported("stub_wheel") == expected


def test_a_module_that_is_not_there_is_absent() -> None:
    assert imported("no_such_module_at_all") == Imported(absent=True)


def test_a_module_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _module(tmp_path, monkeypatch, "__version__ = '1.2'")
    assert imported("stub_wheel") is imported("stub_wheel")


def test_what_is_imported_already_is_asked_here() -> None:
    found = imported("onnxruntime")
    assert (found.version, found.providers) == (
        onnxruntime.__version__,
        tuple(onnxruntime.get_available_providers()),
    )


@needs_rtx
def test_a_tensorrt_tells_what_it_can_do() -> None:
    able = importing._asked("tensorrt_rtx").capabilities
    assert able is not None
    assert (able.flavour, able.strong, able.weak) == ("tensorrt-rtx", True, False)


def test_the_child_says_on_standard_error_why_it_cannot(capsys: pytest.CaptureFixture[str]) -> None:
    assert importing.main("no_such_module_at_all") == 1
    assert capsys.readouterr().err == "No module named 'no_such_module_at_all'\n"


def test_a_module_without_a_version_has_none() -> None:
    assert importing._read(SimpleNamespace(__name__="own")) == Imported()
