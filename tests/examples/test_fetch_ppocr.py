"""Fetching: only the expected file is stored, and nothing is fetched twice."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def target(fetch: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A target of its own, with the digest of ``b"model"``."""
    path = tmp_path / "fetched" / "model.onnx"
    monkeypatch.setattr(fetch, "TARGET", path)
    monkeypatch.setattr(fetch, "SHA256", hashlib.sha256(b"model").hexdigest())
    return path


@pytest.mark.parametrize("before", [None, b"half a mod"], ids=["missing", "broken"])
def test_it_stores_the_expected_file(
    fetch: ModuleType, target: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    if before is not None:
        target.parent.mkdir()
        target.write_bytes(before)
    monkeypatch.setattr(fetch, "download", lambda: b"model")
    fetch.main()
    assert {one.name: one.read_bytes() for one in target.parent.iterdir()} == {"model.onnx": b"model"}


def test_it_downloads_nothing_when_the_file_is_there(
    fetch: ModuleType, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.parent.mkdir()
    target.write_bytes(b"model")
    monkeypatch.setattr(fetch, "download", lambda: pytest.fail("downloaded again"))
    fetch.main()


def test_it_refuses_another_file(fetch: ModuleType, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "download", lambda: b"something else")
    with pytest.raises(SystemExit, match=r"has sha256 .*, expected .*: not stored"):
        fetch.main()
    assert not target.exists()
