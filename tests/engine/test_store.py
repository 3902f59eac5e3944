from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from external_weights import loaded, write_model

from trtflow.engine.store import Record, Store, default_root, read_json


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "store")


def test_a_file_with_companions_and_a_folder_are_stored_whole(store: Store) -> None:
    scratch = store.scratch()
    size = write_model(scratch / "net.onnx", "weights.bin", "sub/more.bin").stat().st_size
    (scratch / "dump").mkdir()
    (scratch / "dump" / "a.npy").write_text("array")
    model, dump = store.add(scratch / "net.onnx"), store.add(scratch / "dump")
    assert (model.size, dump.size) == (size + 32, 5)
    assert [len(tensor.raw_data) for tensor in loaded(store.path(model)).graph.initializer] == [16, 16]
    assert (store.path(dump) / "a.npy").read_text() == "array"
    assert [path for path in scratch.rglob("*") if path.is_file()] == []


def test_equal_files_are_stored_once(store: Store) -> None:
    paths = []
    for _ in range(2):
        scratch = store.scratch()
        (scratch / "a.txt").write_text("same")
        paths.append(store.path(store.add(scratch / "a.txt")))
    assert paths[0] == paths[1]


def test_a_record_is_read_back(store: Store) -> None:
    scratch = store.scratch()
    (scratch / "a.txt").write_text("same")
    record = Record("ab" * 32, {"uses": "write"}, {"a": store.add(scratch / "a.txt")}, {"x": float("inf")}, True, "s")
    store.commit(record)
    assert store.record("ab" * 32) == record
    assert store.record("cd" * 32) is None


def test_the_store_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRTFLOW_STORE", "somewhere")
    assert default_root() == Path("somewhere")
    monkeypatch.delenv("TRTFLOW_STORE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    assert default_root() == Path("/home/me/.cache/trtflow")


def test_a_document_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_json(tmp_path / "none.json") is None


def test_a_key_is_worked_on_alone_and_who_waits_is_told_once(store: Store) -> None:
    told: list[str] = []
    stopping = threading.Event()
    with store.hold("ab", stopping, lambda: told.append("first")):
        stopping.set()
        with pytest.raises(KeyboardInterrupt), store.hold("ab", stopping, lambda: told.append("second")):
            told.append("both worked")
        with store.hold("cd", stopping, lambda: told.append("another key")):
            pass
    with store.hold("ab", stopping, lambda: told.append("third")):
        pass
    assert told == ["second"]


def test_scratch_of_the_dead_is_swept_and_that_of_the_living_stays(store: Store) -> None:
    ours = store.scratch()
    dead = ours.with_name(f"{socket.gethostname()}+999999999+x")
    elsewhere = ours.with_name("another-machine+999999999+x")
    dead.mkdir()
    elsewhere.mkdir()
    store.sweep()
    assert set((store.root / "tmp").iterdir()) == {ours, elsewhere}


def test_the_material_of_the_last_run_is_kept_for_each_config_and_step(store: Store) -> None:
    store.set_last(Path("/a/unet.yaml"), "first", {"x": 1})
    store.set_last(Path("/a/unet.yaml"), "first", {"x": 2})
    assert store.last(Path("/a/unet.yaml"), "first") == {"x": 2}
    assert store.last(Path("/b/unet.yaml"), "first") is None
    assert store.last(Path("/a/unet.yaml"), "second") is None


def test_a_record_whose_file_is_gone_is_none(store: Store) -> None:
    scratch = store.scratch()
    (scratch / "a.txt").write_text("same")
    artifact = store.add(scratch / "a.txt")
    store.commit(Record("ab" * 32, {}, {"a": artifact}))
    assert store.record("ab" * 32) is not None
    store.path(artifact).unlink()
    assert store.record("ab" * 32) is None
