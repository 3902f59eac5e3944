"""From files and arguments to steps with their options: parse, merge, override, substitute, collect problems.

What the options mean is not known here: the engine checks them against the step types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trtflow.checked import validate, version_problems
from trtflow.config.declared import is_of_type, read_inputs
from trtflow.config.merge import merge, override
from trtflow.config.model import FORMAT, Config, Workflow, seconds
from trtflow.config.references import RESERVED, Substitution
from trtflow.config.workflows import builtins, is_path
from trtflow.errors import ConfigError
from trtflow.located import Located, Location, Problem, problem, raise_problems, shown
from trtflow.text import suggestion
from trtflow.yaml12 import read_yaml


@dataclass(frozen=True)
class StepEntry:
    """A step after merging and substitution; ``options`` are not checked yet."""

    name: str
    at: Located
    uses: Located
    options: Located
    needs: tuple[Located, ...] = ()
    timeout: float | None = None


@dataclass(frozen=True)
class LoadedConfig:
    """A config with its workflow. ``changed``: the command line altered what the file says."""

    file: Path
    workflow: str
    description: str
    steps: Mapping[str, StepEntry]
    changed: bool

    @property
    def name(self) -> str:
        """What its outputs are called after: the file's name without suffix."""
        return self.file.stem


def load_config(
    file: Path, overrides: Sequence[str] = (), workflow: str | None = None, folder: Path | None = None
) -> tuple[LoadedConfig, list[Problem]]:
    """The config in ``file``, and the problems found in what could still be read.

    ``folder`` (the current one) is what paths on the command line are relative to.

    Raises:
        ConfigError: a file that cannot be read or parsed, another format version, no workflow.
    """
    folder = folder or Path.cwd()
    base = read(file)
    config = override(base, overrides, folder)
    if workflow:
        config = merge(config, _workflow_argument(workflow, folder))
    problems = validate(Config, config)[1]
    name, flow = _read_workflow(config, problems)
    problems += validate(Workflow, flow)[1]
    inputs, specs = read_inputs(config, flow, problems)
    steps = merge(flow.child("steps") or flow, config.child("steps") or Located({}, config.at))
    entries = _entries(steps, flow, inputs, specs, problems)
    written = base.child("workflow")
    changed = bool(overrides) or (written is not None and written.value != name)
    description = flow.child("description")
    text = str(description.value) if description else ""
    return LoadedConfig(file.resolve(), name, text, entries, changed), problems


def read(file: Path) -> Located:
    """A config or workflow file whose format version is ours.

    Raises:
        ConfigError: it cannot be read, is not YAML, or is of another version.
    """
    located = read_yaml(file)
    raise_problems(version_problems(located, "trtflow", FORMAT))
    return located


def _workflow_argument(name: str, folder: Path) -> Located:
    at = Location("--workflow", folder, 1, 1, len(name), (name,))
    return Located({"workflow": Located(name, at, at)}, at)


def _read_workflow(config: Located, problems: list[Problem]) -> tuple[str, Located]:
    named = config.child("workflow")
    known = builtins()
    if named is None or not isinstance(named.value, str):
        raise_problems(problems)
        raise ConfigError("the config names no workflow")
    if is_path(named.value):
        file = named.at.folder / named.value
    elif named.value in known:
        file = known[named.value]
    else:
        problems.append(problem(f"no workflow '{named.value}'", named, suggestion(named.value, known)))
        raise_problems(problems)
    if not file.is_file():
        raise_problems([*problems, problem(f"no such file: {shown(file)}", named)])
    return named.value, read(file)


def _entries(
    steps: Located,
    flow: Located,
    inputs: Mapping[str, Located],
    specs: Mapping[str, Located],
    problems: list[Problem],
) -> dict[str, StepEntry]:
    declared = flow.child("steps")
    known = declared.entries if declared else {}
    paths = frozenset(name for name, spec in specs.items() if is_of_type(spec, "path"))
    substitution = Substitution(inputs, list(steps.entries), paths=paths, problems=problems)
    entries: dict[str, StepEntry] = {}
    for name, step in steps.entries.items():
        uses = step.child("uses")
        if name in RESERVED:
            problems.append(problem(f"a step cannot be called '{name}'", step, "references use that name", key=True))
        elif uses is None and name not in known:
            hint = suggestion(name, known)
            problems.append(
                problem(f"the workflow has no step '{name}', and a new one needs 'uses'", step, hint, key=True)
            )
        elif uses is not None and isinstance(uses.value, str):
            entries[name] = _entry(name, step, uses, substitution)
    problems += [
        problem(f"no step '{needed.value}'", needed, suggestion(needed.value, steps.entries))
        for entry in entries.values()
        for needed in entry.needs
        if needed.value not in steps.entries
    ]
    return entries


def _entry(name: str, step: Located, uses: Located, substitution: Substitution) -> StepEntry:
    options = step.child("with") or Located({}, step.at, step.key)
    needs = step.child("needs")
    timeout = step.child("timeout")
    return StepEntry(
        name,
        step,
        uses,
        substitution.apply(options),
        tuple(needs.items) if needs else (),
        _seconds(timeout.value) if timeout else None,
    )


def _seconds(value: Any) -> float | None:
    """A timeout; None where it is malformed, which the check of the file has reported already."""
    try:
        return float(seconds(value))
    except (TypeError, ValueError):
        return None
