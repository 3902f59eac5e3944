from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from external_weights import SIX, fill, write_model

from trtflow.engine import digest
from trtflow.engine.digest import REMEMBERED, Digests, companions


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


@pytest.mark.parametrize("name", SIX)
def test_weights_belong_to_the_model_that_names_them(name: str, tmp_path: Path) -> None:
    model = write_model(tmp_path / "net.onnx", "w", name)
    first = Digests()(model)
    fill(tmp_path / name, 2.0)
    second = Digests()(model)
    (tmp_path / name).unlink()
    assert len({first, second, Digests()(model)}) == 3


@pytest.mark.parametrize("name", ["net.onnx.data", "net.onnx_data", "weights.bin"])
def test_what_a_model_does_not_name_is_none_of_it(name: str, tmp_path: Path) -> None:
    model = write_model(tmp_path / "net.onnx", "w")
    first = Digests()(model)
    (tmp_path / name).write_bytes(b"1")
    assert Digests()(model) == first


def test_a_model_and_its_weights_may_be_renamed_and_moved(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    one, other = (write_model(tmp_path / name, "w") for name in ("net.onnx", "there/other.onnx"))
    assert Digests()(one) == Digests()(other)


def test_companions_lie_below_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    model = write_model(tmp_path / "in" / "net.onnx", "w", "../outside", "gone", str(tmp_path / "absolute"), "sub/w")
    (tmp_path / "in" / "gone").unlink()
    assert companions(model) == [tmp_path / "in" / "sub" / "w", tmp_path / "in" / "w"]
