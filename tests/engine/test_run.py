from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from toyrun import Toy, states, texts

from trtflow.engine.outcome import RunSettings
from trtflow.errors import ConfigError, StepError

CHAIN = {
    "first": {"uses": "write", "with": {"text": "${inputs.text}"}},
    "second": {"uses": "write", "with": {"text": "b", "after": "${first.text}"}},
    "third": {"uses": "write", "with": {"text": "c", "after": "${second.text}"}},
    "apart": {"uses": "write", "with": {"text": "d"}},
}
INPUTS = {"text": {"type": "string", "default": "a"}}


@pytest.fixture
def chain(toy: Toy) -> Toy:
    """Three steps in a row and one apart."""
    toy.workflow(CHAIN, INPUTS)
    return toy


def test_outputs_flow_along_the_references(chain: Toy) -> None:
    outcome = chain.run()
    assert outcome.records["third"].outputs["text"].read_text() == "abc"
    assert (states(outcome), outcome.status) == (dict.fromkeys(CHAIN, "done"), 0)
    assert ("first", 1, 1, "written") in chain.notes.progress


def test_a_second_run_is_all_hits(chain: Toy) -> None:
    first = chain.run()
    second = chain.run()
    assert states(second) == dict.fromkeys(CHAIN, "hit")
    assert second.records["third"].digests == first.records["third"].digests
    assert (second.table("first"), second.records["first"].metrics) == (first.table("first"), {"length": 1})


def test_only_what_depends_on_a_change_runs_again(chain: Toy) -> None:
    chain.run()
    outcome = chain.run("with.text=z")
    assert states(outcome) == {"first": "done", "second": "done", "third": "done", "apart": "hit"}
    assert chain.notes.why == {
        "first": "with.text a → z",
        "second": "with.after changed",
        "third": "with.after changed",
    }


def test_equal_bytes_end_a_rerun_early(chain: Toy) -> None:
    chain.run()
    outcome = chain.run("steps.first.with.mode=other")
    assert states(outcome) == {"first": "done", "second": "hit", "third": "hit", "apart": "hit"}


def test_only_runs_one_step_on_what_the_store_has(chain: Toy) -> None:
    with pytest.raises(StepError, match="second needs first, which is not in the store"):
        chain.run(only="second")
    chain.run(until="first")
    outcome = chain.run(only="second")
    assert states(outcome) == {"first": "hit", "second": "done"}


def test_until_runs_a_step_and_what_it_needs(chain: Toy) -> None:
    assert set(chain.run(until="second").records) == {"first", "second"}


def test_from_runs_a_step_and_what_follows_afresh(chain: Toy) -> None:
    chain.run()
    outcome = chain.run(start="second")
    assert states(outcome) == {"first": "hit", "second": "done", "third": "done", "apart": "hit"}
    assert chain.notes.why == {"second": "afresh", "third": "afresh"}


@pytest.mark.parametrize("option", ["only", "until", "start"])
def test_an_unknown_step_on_the_command_line_is_a_mistake_of_the_user(chain: Toy, option: str) -> None:
    with pytest.raises(ConfigError, match="no step 'secnd' in toy: did you mean 'second'"):
        chain.run(**{option: "secnd"})


ENDS = {
    "segv": "was ended by SIGSEGV",
    "kill": "was ended by SIGKILL, which was not sent by trtflow: perhaps the machine ran out of memory",
    "exit": "ended with exit status 7 before it was done",
    "raise": "raised ZeroDivisionError: one by none",
    "expected": "no engine here. Install one.",
    "silent": "did not write 'text.txt' (its output 'text')",
    "hang": "was ended after 5 s, its timeout; raise 'timeout' if it needs longer",
}


def test_a_child_that_ends_badly_ends_its_step_and_not_the_run(toy: Toy) -> None:
    steps: dict[str, object] = {how: {"uses": "end", "with": {"how": how}} for how in ENDS}
    steps["hang"] = {"uses": "end", "with": {"how": "hang"}, "timeout": "5s"}
    steps["dependent"] = {"uses": "write", "with": {"after": "${segv.text}"}}
    steps["ordered"] = {"uses": "write", "needs": ["exit", "apart"]}
    steps["apart"] = {"uses": "write"}
    steps["gather"] = {"uses": "gather", "with": {"of": ["segv", "dependent", "apart"]}}
    toy.workflow(steps)
    outcome = toy.run()
    assert texts(outcome.failed) == ENDS
    assert outcome.records["dependent"].error == "needs segv"
    assert outcome.records["ordered"].error == "needs exit"
    assert outcome.status == 1
    assert json.loads(outcome.records["gather"].outputs["summary"].read_text()) == {
        "segv": ["failed", "was ended by SIGSEGV", [], True],
        "dependent": ["skipped", "needs segv", [], False],
        "apart": ["done", "", ["text"], False],
    }
    logs = {name: "\n".join(record.log) for name, record in outcome.records.items()}
    assert all(f"about to end by {how}" in logs[how] for how in ENDS)
    assert "in run" in logs["segv"]  # faulthandler
    assert 'raise ZeroDivisionError("one by none")' in logs["raise"]
    assert "Traceback" not in logs["expected"]


def test_a_failure_is_not_stored(toy: Toy) -> None:
    toy.workflow({"end": {"uses": "end", "with": {"how": "raise"}}})
    assert states(toy.run()) == states(toy.run()) == {"end": "failed"}


def test_a_gate_that_is_not_met_ends_the_run_with_three(toy: Toy) -> None:
    gate = {"uses": "end", "with": {"how": "gate"}}
    toy.workflow({"gate": gate, "after": {"uses": "write", "with": {"after": "${gate.text}"}}})
    first, second = toy.run(), toy.run()
    assert (first.status, second.status) == (3, 3)
    assert states(second) == {"gate": "hit", "after": "hit"}


def test_a_gate_that_is_not_met_may_leave_out_its_outputs_and_what_needs_them(toy: Toy) -> None:
    gate = {"uses": "end", "with": {"how": "refuse"}}
    toy.workflow({"gate": gate, "after": {"uses": "write", "with": {"after": "${gate.text}"}}})
    outcome = toy.run()
    assert (outcome.status, states(outcome)) == (3, {"gate": "done", "after": "skipped"})
    assert outcome.records["after"].error == "gate.text was not made"


def test_who_names_a_gate_among_its_needs_waits_for_it_to_be_met(toy: Toy) -> None:
    gate = {"uses": "end", "with": {"how": "gate"}}
    toy.workflow(
        {
            "gate": gate,
            "guarded": {"uses": "write", "needs": ["gate"]},
            "behind": {"uses": "write", "with": {"after": "${guarded.text}"}},
            "apart": {"uses": "write"},
        }
    )
    outcome = toy.run()
    assert states(outcome) == {"gate": "done", "guarded": "skipped", "behind": "skipped", "apart": "done"}
    assert outcome.records["guarded"].error == "needs gate to be met"
    assert outcome.status == 3


def test_an_output_that_was_left_out_skips_who_needs_it(toy: Toy) -> None:
    toy.workflow({"first": {"uses": "write"}, "second": {"uses": "write", "with": {"after": "${first.extra}"}}})
    outcome = toy.run()
    assert (outcome.records["second"].error, outcome.status) == ("first.extra was not made", 0)


def test_scratch_is_left_empty(chain: Toy) -> None:
    chain.run()
    assert list((chain.store.root / "tmp").iterdir()) == []


def test_outputs_in_the_store_are_read_only_and_keep_their_names(chain: Toy) -> None:
    path = chain.run().records["first"].outputs["text"]
    assert (path.name, path.stat().st_mode & 0o777) == ("text.txt", 0o444)


def test_a_lost_object_is_made_again(chain: Toy) -> None:
    path = chain.run().records["first"].outputs["text"]
    path.unlink()
    outcome = chain.run()
    assert states(outcome) == {"first": "done", "second": "hit", "third": "hit", "apart": "hit"}
    assert chain.notes.why == {"first": "its result is no longer in the store"}


DRIVER = """
import sys
sys.path[:0] = [{here!r}, {root!r}]
from pathlib import Path
from toyrun import Toy, states
toy = Toy.__new__(Toy)
toy.folder = Path({folder!r})
from trtflow.engine.store import Store
toy.store = Store(toy.folder / "store")
print(states(toy.run()), flush=True)
"""


def start(toy: Toy) -> subprocess.Popen[str]:
    """Run the toy's config in a process of its own."""
    root = Path(__file__).parents[2]
    code = DRIVER.format(here=str(root / "tests" / "support"), root=str(root), folder=str(toy.folder))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def searching(toy: Toy, **options: object) -> Path:
    """A workflow that searches; the file in which each evaluation leaves its mark."""
    marks = toy.folder / "marks"
    toy.workflow({"search": {"uses": "search", "with": {"marks": str(marks), **options}}})
    return marks


def wait_for(marks: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until ``count`` evaluations are done."""
    while len(marks.read_text().splitlines() if marks.exists() else ()) < count:
        assert process.poll() is None
        threading.Event().wait(0.02)


def test_after_kill_9_the_same_command_continues_and_evaluates_nothing_twice(toy: Toy) -> None:
    marks = searching(toy, count=8, seconds=0.1)
    process = start(toy)
    wait_for(marks, 3, process)
    process.kill()
    process.communicate()
    made = marks.read_text().split()
    outcome = toy.run()
    assert states(outcome) == {"search": "done"}
    numbers = marks.read_text().split()
    assert numbers[: len(made)] == made
    assert len(numbers) <= 9  # at most the one evaluation that was under way is made again
    assert sorted(set(numbers)) == sorted(map(str, range(8)))
    assert outcome.records["search"].metrics == {"sum": 140}
    assert list((toy.store.root / "tmp").iterdir()) == []


def test_a_killed_run_leaves_no_child_behind(toy: Toy) -> None:
    marks = searching(toy, count=1000, seconds=0.05)
    process = start(toy)
    wait_for(marks, 1, process)
    process.kill()
    process.communicate()
    threading.Event().wait(0.5)
    count = len(marks.read_text())
    threading.Event().wait(0.3)
    assert len(marks.read_text()) == count


def test_two_processes_on_one_key_do_the_work_once(toy: Toy) -> None:
    marks = searching(toy, count=4, seconds=0.1)
    one = start(toy)
    wait_for(marks, 1, one)
    outcome = toy.run()
    output, _ = one.communicate(timeout=60)
    assert output == "{'search': 'done'}\n"
    assert states(outcome) == {"search": "hit"}
    assert marks.read_text().split() == ["0", "1", "2", "3"]
    assert toy.notes.told == ["search: never ran", "search: another process works on it; waiting"]


def test_an_interrupt_ends_the_children(toy: Toy) -> None:
    marks = searching(toy, count=1000, seconds=0.05)

    def interrupt() -> None:
        while not marks.exists():
            threading.Event().wait(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        toy.run()
    count = len(marks.read_text())
    threading.Event().wait(0.3)
    assert len(marks.read_text()) == count


def test_evaluations_are_shared_between_configs_and_forgotten_on_request(toy: Toy) -> None:
    marks = searching(toy, count=3)
    toy.run()
    searching(toy, count=5)
    toy.run()
    assert marks.read_text().split() == ["0", "1", "2", "3", "4"]
    toy.run(start="search", settings=RunSettings(fresh_memo=True))
    assert marks.read_text().split() == ["0", "1", "2", "3", "4", "0", "1", "2", "3", "4"]
