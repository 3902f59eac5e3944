"""The command line. Commands only: each loads what it needs when it runs, so that ``--help`` is instant."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trtflow.crash import ended_by_signals, exit_status

if TYPE_CHECKING:
    from rich.console import Console

    from trtflow.engine.plan import Plan
    from trtflow.engine.store import Store

app = typer.Typer(
    help="Find the layers that FP16 or INT8 breaks, keep just those in higher precision, and prove the result.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file of one model")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="with.accept.iou.drop=0.01 steps.bisect.with.max-evaluations=8"),
]
Workflow = Annotated[str | None, typer.Option(help="another workflow than the config names")]
StoreFolder = Annotated[Path | None, typer.Option("--store", help="the cache [default: ~/.cache/trtflow]")]
Jobs = Annotated[int, typer.Option(min=0, help="steps at once; 0: as many as there are cores")]


@app.command(epilog="Example: trtflow run configs/unet.yaml with.accept.iou.drop=0.01")
def run(
    config: ConfigFile,
    overrides: Overrides = None,
    workflow: Workflow = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would run, and why")] = False,
    only: Annotated[str | None, typer.Option(help="just this step; those before it must be in the store")] = None,
    until: Annotated[str | None, typer.Option(help="this step and what it needs")] = None,
    start: Annotated[str | None, typer.Option("--from", help="this step and all after it, afresh")] = None,
    locked: Annotated[bool, typer.Option("--locked", help="fail if anything would differ from the lock")] = False,
    out: Annotated[Path | None, typer.Option(help="where files go [default: out/<config>]")] = None,
    store: StoreFolder = None,
    jobs: Jobs = 0,
) -> None:
    """Run a config: what is in the store is used, what is missing is made."""
    from trtflow.engine import commands
    from trtflow.engine.select import select

    plan = _plan(config, overrides, workflow)
    selection = select(plan, only, until, start)
    again = shlex.join(["trtflow", *sys.argv[1:]])
    folder = out or Path("out") / plan.config.name
    request = commands.Request(plan, selection, folder, again, locked, jobs)
    if dry_run:
        commands.dry_run(_console(), request, _store(store))
        return
    raise typer.Exit(commands.run(_console(), request, _store(store)))


@app.command(epilog="Example: trtflow check configs/*.yaml")
def check(
    configs: Annotated[list[Path], typer.Argument(metavar="CONFIG...", help="YAML files")], workflow: Workflow = None
) -> None:
    """Load and check configs without running anything; all problems of all files at once."""
    from trtflow.errors import ConfigError

    files = [config for config in configs if not config.name.endswith(".lock.yaml")]  # so that *.yaml may be said
    problems = [text for text in (_check(config, workflow) for config in files) if text]
    if problems:
        raise ConfigError("\n\n".join(problems))


@app.command(epilog="Example: trtflow steps bisect")
def steps(name: Annotated[str | None, typer.Argument(help="a step type, for its options")] = None) -> None:
    """List the step types, or the options, defaults and outputs of one."""
    from trtflow.engine.describe import show_step, show_steps

    show_step(_console(), name) if name else show_steps(_console())


@app.command(epilog="Example: trtflow schema > .trtflow.schema.json")
def schema() -> None:
    """Print the JSON Schema of configs and workflows, for completion in editors."""
    import json

    from trtflow.engine.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=1))


@app.command(epilog="Example: trtflow why configs/unet.yaml bisect")
def why(
    config: ConfigFile,
    step: Annotated[str, typer.Argument(metavar="STEP", help="a step of the config")],
    overrides: Overrides = None,
    workflow: Workflow = None,
    store: StoreFolder = None,
) -> None:
    """Say whether a step would run and why, and show what its key is made of."""
    from trtflow.engine import commands
    from trtflow.engine.select import select

    plan = _plan(config, overrides, workflow)
    commands.why(_console(), plan, _store(store), select(plan, until=step), step)


@app.command(epilog="Example: trtflow verify configs/unet.yaml")
def verify(
    config: ConfigFile,
    tolerance: Annotated[float, typer.Option(min=0.0, help="relative difference allowed in a metric")] = 0.01,
    jobs: Jobs = 0,
) -> None:
    """Run a config without the store and compare its metrics with the lock file's."""
    from trtflow.engine import commands

    plan = _plan(config, None, None)
    raise typer.Exit(commands.verify(_console(), plan, tolerance, jobs))


@app.command(epilog="Example: trtflow apply out/unet/constraints.yaml models/unet-v2.onnx")
def apply(
    constraints: Annotated[Path, typer.Argument(metavar="CONSTRAINTS", help="constraints.yaml of a run")],
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="ONNX file, as a rule exported again")],
    out: Annotated[Path | None, typer.Option(help="the file to write [default: MODEL.mixed.onnx]")] = None,
) -> None:
    """Re-apply a decision to another export of the model: names must match, nothing is measured."""
    from trtflow.rewriting.apply import apply as carry_over

    destination = out or model.with_suffix(".mixed.onnx")
    for note in carry_over(constraints, model, destination):
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"Wrote {destination}")


@app.command(epilog="Example: trtflow export out/unet/constraints.yaml --to trtexec > trtexec.args")
def export(
    constraints: Annotated[Path, typer.Argument(metavar="CONSTRAINTS", help="constraints.yaml of a run")],
    to: Annotated[str | None, typer.Option(help="the format [default: list those that there are]")] = None,
    model: Annotated[Path | None, typer.Option(help="the ONNX file, for a format with inputs or layers")] = None,
    tensorrt: Annotated[
        str, typer.Option(help="the version that will read a calibration cache: TensorRT skips those of others")
    ] = "10.13.3",
) -> None:
    """Print a decision in another tool's format, which says for which versions it is valid."""
    from trtflow.files.exports.decision import parse_version
    from trtflow.files.exports.registry import EXPORTS
    from trtflow.tasks import export as task

    if to is None:
        for name, row in EXPORTS.items():
            typer.echo(f"{name:17}  {row.file:25}  {row.summary} ({row.valid})")
        return
    typer.echo(task.export(constraints, to, model, parse_version(tensorrt)), nl=False)


@app.command(epilog="Example: trtflow doctor --require tensorrt")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="the same as one JSON document")] = False,
    require: Annotated[
        str | None, typer.Option(metavar="RUNNER", help="exit with 1 where this runner cannot run here")
    ] = None,
) -> None:
    """Say what is installed, what each runner can do here, why not, and what installs what is missing."""
    from trtflow.report.machine import show_machine
    from trtflow.runners.registry import known
    from trtflow.tasks import doctor as task

    asked = require and known(require)
    found = task.doctor()
    if as_json:
        typer.echo(found.model_dump_json(by_alias=True, indent=1))
    else:
        show_machine(_console(), found)
    raise typer.Exit(1 if asked and found.runners[asked].can != "run" else 0)


def main() -> None:
    """Run the command line; expected errors end with their status, bugs with 70 and a report."""
    try:
        with ended_by_signals():
            app(prog_name="trtflow")
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        sys.exit(exit_status(error))


def _check(config: Path, workflow: str | None) -> str:
    """What is wrong with one config; empty where it is good."""
    from trtflow.errors import ConfigError

    try:
        plan = _plan(config, None, workflow)
    except ConfigError as error:
        return str(error)
    typer.echo(f"{config}: good ({plan.config.workflow}, {len(plan.steps)} steps)")
    return ""


def _plan(config: Path, overrides: list[str] | None, workflow: str | None) -> Plan:
    from trtflow.engine.plan import make_plan

    return make_plan(config, overrides or (), workflow)


def _store(folder: Path | None) -> Store:
    from trtflow.engine.store import Store, default_root

    return Store(folder or default_root())


def _console() -> Console:
    from rich.console import Console

    from trtflow.engine.display import WIDTH

    return Console(width=None if sys.stdout.isatty() else WIDTH)
