from __future__ import annotations

import os
from pathlib import Path

import pytest
from external_weights import loaded, write_model
from toyrun import Toy

from trtflow.engine import publish as publishing
from trtflow.engine.outcome import Outcome
from trtflow.engine.plan import Plan
from trtflow.engine.publish import destinations, publish
from trtflow.engine.select import select
from trtflow.steps.contract import StepRecord

CHAIN = {
    "first": {"uses": "write", "with": {"text": "a"}},
    "second": {"uses": "write", "with": {"text": "b", "after": "${first.text}"}},
    "third": {"uses": "write", "with": {"text": "c", "after": "${second.text}"}},
    "apart": {"uses": "write", "with": {"text": "d"}},
}


@pytest.fixture
def chain(toy: Toy) -> Toy:
    """Three steps in a row and one apart."""
    toy.workflow(CHAIN)
    return toy


def test_files_are_published_and_edited_ones_restored(chain: Toy) -> None:
    out = chain.folder / "out"

    def published(**chosen: str) -> set[str]:
        plan = chain.plan()
        selection = select(plan, **chosen)
        outcome = chain.run(**chosen)
        publish(plan, chain.store, selection, outcome, out)
        return {path.name for path in out.iterdir()}

    assert published(until="first") == {"toy.toy.txt"}
    names = {"toy.toy.txt", "second.toy.toy.txt", "third.toy.toy.txt", "apart.toy.toy.txt"}
    assert published() == names
    (out / "third.toy.toy.txt").write_text("edited")
    assert published() == names
    assert (out / "third.toy.toy.txt").read_text() == "abc"


def test_a_step_that_was_skipped_takes_its_stale_files_along(chain: Toy) -> None:
    out, plan = chain.folder / "out", chain.plan()
    publish(plan, chain.store, select(plan), chain.run(), out)
    (out / "other.txt").write_text("of the user")
    met = chain.run()
    met.records["third"] = StepRecord("third", "write", "skipped")
    publish(plan, chain.store, select(plan), met, out)
    assert {path.name for path in out.iterdir()} == {
        "toy.toy.txt",
        "second.toy.toy.txt",
        "apart.toy.toy.txt",
        "other.txt",
    }


def test_a_run_that_failed_tells_of_itself_and_leaves_the_last_good_result(toy: Toy) -> None:
    gather = {"gather": {"uses": "gather", "with": {"of": ["one", "two"]}}}
    toy.workflow({"one": {"uses": "write"}, "two": {"uses": "end"}, **gather})
    plan, out = toy.plan(), toy.folder / "out"
    publish(plan, toy.store, select(plan), toy.run(), out)
    good = {path.name: path.read_text() for path in out.iterdir()}
    assert set(good) == {"toy.toy.txt", "summary.json"}
    failing = {"uses": "end", "with": {"how": "raise"}}
    toy.workflow({"one": {"uses": "write", "with": {"text": "b"}}, "two": failing, **gather})
    plan = toy.plan()
    outcome = toy.run()
    assert outcome.records["one"].status == "done"
    assert publish(plan, toy.store, select(plan), outcome, out) == [out / "summary.json"]
    assert (out / "toy.toy.txt").read_text() == good["toy.toy.txt"]
    assert '"failed"' in (out / "summary.json").read_text()


def test_the_first_step_takes_a_name_and_later_ones_put_theirs_before_it(chain: Toy) -> None:
    assert destinations(chain.plan()) == {
        ("first", "text"): "toy.toy.txt",
        ("second", "text"): "second.toy.toy.txt",
        ("third", "text"): "third.toy.toy.txt",
        ("apart", "text"): "apart.toy.toy.txt",
    }


def placed(toy: Toy, source: Path) -> tuple[Path, list[Path]]:
    """Publish ``source`` as what the step ``one`` made; the target, and what publish says."""
    toy.workflow({"one": {"uses": "write"}})
    plan: Plan = toy.plan()
    outcome = Outcome({"one": StepRecord("one", status="done", outputs={"text": source})})
    said = publish(plan, toy.store, select(plan), outcome, toy.folder / "out")
    return toy.folder / "out" / "toy.toy.txt", said


def source_file(toy: Toy, content: str) -> Path:
    """A file as the store keeps it."""
    path = toy.folder / "object.txt"
    path.unlink(missing_ok=True)
    path.write_text(content)
    return path


def test_a_small_file_is_copied_so_that_editing_it_leaves_the_store_alone(toy: Toy) -> None:
    source = source_file(toy, "content")
    target, said = placed(toy, source)
    assert (said, target.read_text()) == ([target], "content")
    target.write_text("edited")
    assert source.read_text() == "content"


def test_a_large_file_is_linked(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "LINKED", 4)
    source = source_file(toy, "content")
    assert source.samefile(placed(toy, source)[0])


def test_a_large_file_is_copied_where_links_are_not_to_be_had(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(publishing, "LINKED", 4)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    source = source_file(toy, "content")
    target, _ = placed(toy, source)
    assert (target.read_text(), source.samefile(target)) == ("content", False)


def test_an_equal_file_is_left_as_it_is(toy: Toy) -> None:
    target, _ = placed(toy, source_file(toy, "content"))
    os.utime(target, (1, 1))
    placed(toy, source_file(toy, "content"))
    assert target.stat().st_mtime == 1


@pytest.mark.parametrize("content", ["CONTENT", "longer content"])
def test_another_file_replaces_it(toy: Toy, content: str) -> None:
    placed(toy, source_file(toy, "content"))
    assert placed(toy, source_file(toy, content))[0].read_text() == content


def test_weights_beside_a_file_keep_the_name_that_it_knows_them_by(toy: Toy) -> None:
    source = write_model(source_file(toy, ""), "weights.bin", "sub/more.bin")
    target, _ = placed(toy, source)
    assert {path.name for path in target.parent.iterdir()} == {"toy.toy.txt", "weights.bin", "sub"}
    assert loaded(target) == loaded(source)


def folder(toy: Toy, **files: str) -> Path:
    """A folder as the store keeps it."""
    path = toy.folder / f"dump{len(list(toy.folder.iterdir()))}"
    path.mkdir()
    for name, content in files.items():
        (path / name).write_text(content)
    return path


def test_a_folder_is_replaced_whole(toy: Toy) -> None:
    target, said = placed(toy, folder(toy, a="1", b="2"))
    assert said == [target]
    placed(toy, folder(toy, b="3"))
    assert {path.name: path.read_text() for path in target.iterdir()} == {"b": "3"}
    assert [path.name for path in target.parent.iterdir()] == ["toy.toy.txt"]


def test_an_equal_folder_is_left_as_it_is(toy: Toy) -> None:
    target, _ = placed(toy, folder(toy, a="1"))
    os.utime(target / "a", (1, 1))
    placed(toy, folder(toy, a="1"))
    assert (target / "a").stat().st_mtime == 1


def test_a_file_and_a_folder_take_each_others_place(toy: Toy) -> None:
    target, _ = placed(toy, folder(toy, a="1"))
    placed(toy, source_file(toy, "content"))
    assert target.read_text() == "content"
    placed(toy, folder(toy, a="1"))
    assert (target / "a").read_text() == "1"


def test_a_stale_folder_of_a_wanted_step_is_removed(toy: Toy) -> None:
    target, _ = placed(toy, folder(toy, a="1"))
    plan = toy.plan()
    skipped = Outcome({"one": StepRecord("one", status="skipped")})
    assert publish(plan, toy.store, select(plan), skipped, toy.folder / "out") == []
    assert not target.exists()
