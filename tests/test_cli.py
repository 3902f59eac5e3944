from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import trtflow.cli
import trtflow.steps
from trtflow import crash
from trtflow.cli import main
from trtflow.files.exports.registry import EXPORTS
from trtflow.files.machine import MachineFacts
from trtflow.runners import registry
from trtflow.tasks import doctor

TOYS = {name: f"toysteps.{name}" for name in ("end", "gather", "search", "write")}
FLOW = """\
trtflow: 1
inputs:
  text: {type: string, default: a}
  how: {type: string, default: well}
steps:
  first: {uses: write, with: {text: "${inputs.text}"}}
  second: {uses: write, with: {text: "b", after: "${first.text}"}}
  end: {uses: end, with: {how: "${inputs.how}"}}
"""
REPOSITORY = Path(__file__).parents[1]

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def trtflow_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in a folder with a config, with fake steps; its status, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRTFLOW_STORE", str(tmp_path / "store"))
    monkeypatch.syspath_prepend(REPOSITORY / "tests" / "support")
    for name in list(trtflow.steps.STEPS):
        monkeypatch.delitem(trtflow.steps.STEPS, name)
    for name, module in TOYS.items():
        monkeypatch.setitem(trtflow.steps.STEPS, name, module)
    Path("flow.yaml").write_text(FLOW)
    Path("toy.yaml").write_text("trtflow: 1\nworkflow: ./flow.yaml\n")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["trtflow", *arguments])
        with pytest.raises(SystemExit) as ending:
            main()
        output, errors = capsys.readouterr()
        return ending.value.code, output, errors  # type: ignore[return-value]

    return run


def test_a_run_shows_its_steps_tables_and_files(trtflow_command: Command) -> None:
    status, output, errors = trtflow_command("run", "toy.yaml", "--jobs", "1")
    assert (status, errors) == (0, "")
    lines = [" ".join(line.split()) for line in output.splitlines() if line.strip() and "─" not in line]
    shown = [line for line in lines if " done " not in line]
    assert shown == [
        "first run never ran",
        "end run never ran",
        "second run never ran",
        "first",
        "text length",
        "a 1",
        "second",
        "text length",
        "b 1",
        "Files",
        "out/toy/toy.toy.txt",
        "out/toy/second.toy.toy.txt",
        "Done: 3 steps, 0 of them from the store.",
        "Wrote toy.lock.yaml: check it in.",
    ]
    assert Path("out/toy/second.toy.toy.txt").read_text() == "ab"


def test_a_second_run_is_all_hits(trtflow_command: Command) -> None:
    trtflow_command("run", "toy.yaml")
    output = trtflow_command("run", "toy.yaml", "--out", "elsewhere")[1]
    assert "Done: 3 steps, 3 of them from the store." in output
    assert Path("elsewhere/toy.toy.txt").exists()


def test_a_failure_ends_with_one_its_log_and_the_next_command(trtflow_command: Command) -> None:
    status, output, _ = trtflow_command("run", "toy.yaml", "with.how=raise")
    assert status == 1
    assert "end raised ZeroDivisionError: one by none" in output
    assert '  |     raise ZeroDivisionError("one by none")' in output
    assert "when the cause is mended, go on with:\n  trtflow run toy.yaml with.how=raise\n" in output
    assert output.endswith("\nFailed: end: raised ZeroDivisionError: one by none\n")


def test_a_gate_that_is_not_met_ends_with_three(trtflow_command: Command) -> None:
    status, output, _ = trtflow_command("run", "toy.yaml", "with.how=gate")
    assert (status, output.splitlines()[-1]) == (3, "Not accepted: end")


def test_five_mistakes_give_five_messages_and_status_two(trtflow_command: Command) -> None:
    status, output, errors = trtflow_command(
        "run",
        "toy.yaml",
        "with.txt=x",
        "steps.first.with.max-count=no",
        "steps.secnd.with.text=x",
        "steps.end.timeout=soon",
        "stps={}",
    )
    assert (status, output) == (2, "")
    assert [line for line in errors.splitlines() if line.startswith("argument")] == [
        "argument 1:1:6: the workflow has no input 'txt'",
        "argument 2:1:28: expected an integer, found 'no'",
        "argument 3:1:7: the workflow has no step 'secnd', and a new one needs 'uses'",
        "argument 4:1:19: expected seconds, or a number with s, m or h such as 30m, found 'soon'",
        "argument 5:1:1: unknown key 'stps'",
    ]
    assert errors.endswith("5 problems found\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "toy.yaml", "with.text=b"],
        ["run", "toy.yaml", "--until", "second"],
        ["run", "toy.yaml", "with.how=raise"],
        ["run", "toy.yaml", "--dry-run"],
    ],
)
def test_the_lock_is_written_only_by_a_run_that_stands_for_the_config(
    arguments: list[str], trtflow_command: Command
) -> None:
    trtflow_command(*arguments)
    assert not Path("toy.lock.yaml").exists()


@pytest.mark.parametrize(("needs", "locked"), [("", True), (", needs: [end]", False)])
def test_a_run_that_a_gate_stopped_leaves_no_lock(trtflow_command: Command, needs: str, locked: bool) -> None:
    Path("flow.yaml").write_text(FLOW + f"  last: {{uses: write{needs}}}\n")
    Path("toy.yaml").write_text("trtflow: 1\nworkflow: ./flow.yaml\nwith: {how: gate}\n")
    assert trtflow_command("run", "toy.yaml")[0] == 3
    assert Path("toy.lock.yaml").exists() == locked


def test_a_locked_run_that_would_change_something_fails_before_it_starts(trtflow_command: Command) -> None:
    trtflow_command("run", "toy.yaml")
    assert trtflow_command("run", "toy.yaml", "--locked")[0] == 0
    before = Path("toy.lock.yaml").read_bytes()
    Path("toy.yaml").write_text("trtflow: 1\nworkflow: ./flow.yaml\nwith: {text: z}\n")
    status, output, errors = trtflow_command("run", "toy.yaml", "--locked")
    assert (status, output) == (1, "")
    assert "  first: with.text a → z\n" in errors
    assert Path("toy.lock.yaml").read_bytes() == before


def test_verify_runs_without_the_store_and_compares(trtflow_command: Command) -> None:
    status, _, errors = trtflow_command("verify", "toy.yaml")
    assert (status, "toy.lock.yaml is not there" in errors) == (1, True)
    trtflow_command("run", "toy.yaml")
    status, output, _ = trtflow_command("verify", "toy.yaml")
    assert (status, output.splitlines()[-1]) == (0, "Verified: 3 steps within 0.01 of toy.lock.yaml.")
    assert "never ran" not in output
    lock = Path("toy.lock.yaml")
    lock.write_text(lock.read_text().replace("length: 1", "length: 2"))
    status, _, errors = trtflow_command("verify", "toy.yaml")
    assert (status, "  first.length: 2 → 1\n" in errors) == (3, True)


def test_a_dry_run_runs_nothing(trtflow_command: Command) -> None:
    status, output, _ = trtflow_command("run", "toy.yaml", "--dry-run")
    assert status == 0
    assert [line.split() for line in output.splitlines()] == [
        ["step", "state", "why"],
        ["first", "run", "never", "ran"],
        ["second", "waits", "on", "first"],
        ["end", "run", "never", "ran"],
    ]
    assert not Path("out").exists()


def test_why_shows_what_a_key_is_made_of(trtflow_command: Command) -> None:
    trtflow_command("run", "toy.yaml")
    status, output, _ = trtflow_command("why", "toy.yaml", "first", "with.text=z")
    assert status == 0
    assert "with.text a → z" in output
    assert "  max-count: 1\n" in output


def test_check_tells_of_all_files(trtflow_command: Command) -> None:
    Path("bad.yaml").write_text("trtflow: 1\nworkflow: none-such\n")
    assert trtflow_command("check", "toy.yaml")[:2] == (0, "toy.yaml: good (./flow.yaml, 3 steps)\n")
    status, output, errors = trtflow_command("check", "bad.yaml", "toy.yaml", "none.yaml")
    assert (status, output) == (2, "toy.yaml: good (./flow.yaml, 3 steps)\n")
    assert "bad.yaml:2:11: no workflow 'none-such'" in errors
    assert "none.yaml: cannot be read" in errors


def test_steps_lists_types_and_describes_one(trtflow_command: Command) -> None:
    output = trtflow_command("steps")[1]
    assert [line.split()[0] for line in output.splitlines() if line[0] != " "] == ["step", *sorted(TOYS)]
    output = trtflow_command("steps", "write")[1]
    assert "max-count    integer         1" in output
    assert trtflow_command("steps", "wirte")[::2] == (2, "no step type 'wirte'; did you mean 'write'?\n")


def test_schema_is_json(trtflow_command: Command) -> None:
    assert "with-write" in json.loads(trtflow_command("schema")[1])["$defs"]


def test_a_bug_ends_with_seventy_and_a_report(trtflow_command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(trtflow.cli, "_plan", broken)
    monkeypatch.setattr(crash.tempfile, "tempdir", os.curdir)
    status, _, errors = trtflow_command("run", "toy.yaml")
    report = next(Path().glob("trtflow-bug-*.txt"))
    assert (status, "This is a bug in trtflow: ZeroDivisionError: ours" in errors, report.name in errors) == (
        70,
        True,
        True,
    )
    assert "command: trtflow run toy.yaml" in report.read_text()
    assert "Traceback" in report.read_text()


@pytest.mark.parametrize("arguments", [["run"], ["run", "toy.yaml", "--none"], ["none"]])
def test_a_wrong_command_line_ends_with_two(arguments: list[str], trtflow_command: Command) -> None:
    assert trtflow_command(*arguments)[0] == 2


def test_the_doctor_tells_the_same_in_words_and_as_json(trtflow_command: Command) -> None:
    status, output, errors = trtflow_command("doctor")
    told = MachineFacts.model_validate_json(trtflow_command("doctor", "--json")[1])
    assert (status, errors) == (0, "")
    assert [name for name in told.runners if f"\n{name} " not in output] == []


@pytest.mark.parametrize(
    ("require", "status"), [("emulated", 0), ("polygraphy-script", 0), ("own", 1), ("tensorflow", 1)]
)
def test_the_doctor_fails_where_a_required_runner_cannot_run(
    require: str, status: int, trtflow_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = SimpleNamespace(
        name="own", is_engine=True, builds=False, why_not=lambda: "a key", why_not_run=lambda: "a key"
    )
    monkeypatch.setattr(registry, "BACKENDS", {**registry.BACKENDS, "own": lacking})
    monkeypatch.setattr(doctor, "BACKENDS", registry.BACKENDS)
    ended, _, errors = trtflow_command("doctor", "--json", "--require", require)
    assert (ended, "there is no runner" in errors) == (status, require == "tensorflow")


@pytest.mark.parametrize("command", ["run", "check", "steps", "schema", "why", "verify", "doctor"])
def test_the_help_of_each_command_has_an_example(command: str, trtflow_command: Command) -> None:
    status, output, _ = trtflow_command(command, "--help")
    assert (status, f"Example: trtflow {command}" in output) == (0, True)


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGINT, 130, "Interrupted. What is done is kept; the same command goes on from there."),
        (signal.SIGTERM, 143, "Ended by SIGTERM. What is done is kept; the same command goes on from there."),
        (signal.SIGHUP, 129, "Ended by SIGHUP. What is done is kept; the same command goes on from there."),
    ],
)
def test_a_signal_ends_with_its_status_and_no_child_left(
    number: signal.Signals, status: int, said: str, tmp_path: Path, trtflow_command: Command
) -> None:
    marks = tmp_path / "marks"
    Path("flow.yaml").write_text(
        f"trtflow: 1\nsteps: {{search: {{uses: search, with: {{marks: {marks}, count: 1000, seconds: 0.05}}}}}}\n"
    )
    code = (
        "import sys, trtflow.steps, trtflow.cli; "
        f"trtflow.steps.STEPS.update({TOYS!r}); sys.argv[1:] = ['run', 'toy.yaml']; trtflow.cli.main()"
    )
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests" / "support")])
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not marks.exists():
        assert process.poll() is None
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.splitlines()[-1]) == (status, said)
    count = len(marks.read_text())
    time.sleep(0.2)
    assert len(marks.read_text()) == count
    assert not list(tmp_path.glob("store/tmp/*"))
    assert {path.name for path in tmp_path.iterdir()} == {"flow.yaml", "toy.yaml", "marks", "store"}


HEAVY = ("numpy", "onnx", "onnxruntime", "onnx_graphsurgeon", "polygraphy", "tensorrt", "tensorrt_rtx", "jinja2")


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], [*HEAVY, "pydantic", "yaml", "rich"]),
        (["steps"], list(HEAVY)),
        (["schema"], list(HEAVY)),
        (["doctor"], list(HEAVY)),
    ],
)
def test_commands_load_nothing_heavy(arguments: list[str], heavy: list[str]) -> None:
    code = (
        f"import sys; sys.argv[1:] = {arguments!r}; import trtflow.cli\n"
        "try: trtflow.cli.main()\n"
        f"except SystemExit: sys.stderr.write(' '.join(sorted(set({heavy!r}) & set(sys.modules))))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ended.stderr == ""


def test_check_leaves_lock_files_out(trtflow_command: Command) -> None:
    trtflow_command("run", "toy.yaml")
    status, output, _ = trtflow_command("check", "toy.yaml", "toy.lock.yaml")
    assert status == 0
    assert "lock" not in output


def test_an_unknown_export_format_lists_the_known_ones(trtflow_command: Command) -> None:
    status, _, errors = trtflow_command("export", "constraints.yaml", "--to", "trtexce")
    assert status == 1
    assert "expected one of trtexec, polygraphy, modelopt, onnxruntime" in errors
    assert "did you mean 'trtexec'?" in errors


def test_export_formats_are_listed_with_the_versions_that_they_are_valid_for(trtflow_command: Command) -> None:
    status, output, errors = trtflow_command("export", "constraints.yaml")
    assert (status, errors, len(output.splitlines())) == (0, "", len(EXPORTS))
    assert "trtexec            trtexec.args               arguments of trtexec (TensorRT 8.4 to 10.16)\n" in output


@pytest.mark.parametrize(("version", "header"), [("8.6.1", "TRT-8601-"), ("10.3.0", "TRT-100300-")])
def test_a_calibration_cache_is_for_the_tensorrt_that_will_read_it(
    trtflow_command: Command, tmp_path: Path, version: str, header: str
) -> None:
    file = tmp_path / "constraints.yaml"
    file.write_text("trtflow-constraints: 1\nmodel: {path: m.onnx, sha256: '0'}\ndefault: fp16\nscales: {x: 1.0}\n")
    command = ("export", str(file), "--to", "calibration-cache", "--tensorrt")
    status, output, _ = trtflow_command(*command, version)
    assert (status, output.splitlines()) == (0, [f"{header}EntropyCalibration2", "x: 3c010204"])
    status, _, errors = trtflow_command(*command, "8.6")
    assert (status, "'8.6' is no version of TensorRT; expected three numbers" in errors) == (1, True)
