from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from trtflow.engine import digest
from trtflow.engine.digest import REMEMBERED, Digests


def settled(path: Path, content: bytes) -> Path:
    """A file that was written long ago."""
    path.write_bytes(content)
    os.utime(path, (1, 1))
    return path


def test_the_digest_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    path = settled(tmp_path / "a.bin", b"content")
    assert Digests()(path) == hashlib.sha256(b"content").hexdigest()


def test_a_large_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = settled(tmp_path / "a.bin", b"x" * REMEMBERED)
    digests = Digests(tmp_path / "digests.sqlite")
    first = digests(path)
    monkeypatch.setattr(digest, "_sha256", lambda path: "read again")
    assert digests(path) == first
    os.utime(path, (2, 2))
    assert digests(path) == "read again"


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    digests = Digests(tmp_path / "digests.sqlite")
    path.write_bytes(b"x" * REMEMBERED)
    first, state = digests(path), path.stat()
    path.write_bytes(b"y" * REMEMBERED)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # same size, time and inode
    assert digests(path) != first


def test_a_folder_is_its_files_and_their_names(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two", "three"):
        folder = tmp_path / name
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "a").write_text("content")
        (folder / ".hidden").write_text(name)
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__" / "x.pyc").write_text(name)
        found.append(folder)
    (found[2] / "sub" / "a").rename(found[2] / "sub" / "b")
    one, two, three = map(Digests(), found)
    assert one == two != three


@pytest.mark.parametrize(
    ("name", "belongs"),
    [("net.onnx.data", True), ("net.onnx_data", True), ("net.onnx.bak", False), ("net.onnx.json", False)],
)
def test_weights_beside_a_model_belong_to_it(name: str, belongs: bool, tmp_path: Path) -> None:
    model = settled(tmp_path / "net.onnx", b"graph")
    (tmp_path / name).write_bytes(b"1")
    first = Digests()(model)
    (tmp_path / name).write_bytes(b"2")
    assert (Digests()(model) != first) == belongs
