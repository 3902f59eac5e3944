"""From a loaded config to a checked, ordered plan of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from trtflow.checked import validate
from trtflow.config.load import LoadedConfig, StepEntry, load_config
from trtflow.engine.catalog import StepType, catalog, find_type
from trtflow.engine.inputs import Input, OutputInput, RecordInput, file_problems, find_inputs
from trtflow.located import Problem, problem, raise_problems
from trtflow.text import suggestion


@dataclass(frozen=True)
class PlannedStep:
    """A step with checked options. ``needs`` must be done before it; ``after`` must be over, however it ended.

    ``gates`` are those of ``needs`` that the config names as such: they must not only be done, but be met.
    ``options`` is JSON-ready, complete with defaults, keys as in YAML; ``inputs`` says which of its values
    stand for files, code, outputs and records. ``environment`` names the facts that its result depends on.
    """

    name: str
    type: StepType
    options: Mapping[str, Any]
    environment: tuple[str, ...]
    inputs: tuple[Input, ...]
    needs: tuple[str, ...]
    gates: tuple[str, ...]
    after: tuple[str, ...]
    timeout: float | None

    @property
    def before(self) -> tuple[str, ...]:
        """All steps that come before this one."""
        return (*self.needs, *self.after)

    @property
    def looks_back(self) -> bool:
        """Whether it tells of other steps, whatever became of them."""
        return any(isinstance(one, RecordInput) for one in self.inputs)


@dataclass(frozen=True)
class Plan:
    """The steps of a config in an order in which they can run."""

    config: LoadedConfig
    steps: Mapping[str, PlannedStep]

    def ancestors(self, name: str) -> set[str]:
        """``name`` and every step that it comes after."""
        found = {name}
        for step in reversed(list(self.steps.values())):
            if step.name in found:
                found.update(step.before)
        return found

    def descendants(self, name: str) -> set[str]:
        """``name`` and every step that comes after it."""
        found = {name}
        for step in self.steps.values():
            if found.intersection(step.before):
                found.add(step.name)
        return found


def make_plan(
    file: Path,
    overrides: Sequence[str] = (),
    workflow: str | None = None,
    steps: Mapping[str, str] | None = None,
) -> Plan:
    """Load and check a config. ``steps`` replaces the installed step types (for tests).

    Raises:
        ConfigError: anything is wrong with it; all problems at once.
    """
    config, problems = load_config(file, overrides, workflow)
    planned = {name: _plan(entry, config, problems, steps) for name, entry in config.steps.items()}
    known = {name: step for name, step in planned.items() if step is not None}
    ordered = _ordered(known, config, problems)
    raise_problems(problems)
    return Plan(config, ordered)


def _plan(
    entry: StepEntry, config: LoadedConfig, problems: list[Problem], steps: Mapping[str, str] | None
) -> PlannedStep | None:
    kind = find_type(entry.uses.value, steps)
    if kind is None:
        hint = suggestion(entry.uses.value, catalog(steps))
        problems.append(problem(f"no step type '{entry.uses.value}'", entry.uses, hint))
        return None
    problems += _output_problems(entry, config, steps)
    options, found = validate(kind.options, entry.options)
    problems += _unless_known(found, problems)
    if options is None:
        return None
    inputs = find_inputs(options, entry.options)
    problems += file_problems(inputs, entry.options)
    problems += _record_problems(inputs, entry, config)
    outputs = {one.step for one in inputs if isinstance(one, OutputInput)}
    gates = {str(one.value) for one in entry.needs}
    needs = outputs | gates
    after = {one.step for one in inputs if isinstance(one, RecordInput)} - needs
    document = options.model_dump(mode="json", by_alias=True)
    before, met, over = (_known(names, config) for names in (needs, gates, after))
    depends = tuple(dict.fromkeys((*kind.environment, *kind.added(options))))
    return PlannedStep(entry.name, kind, document, depends, tuple(inputs), before, met, over, entry.timeout)


def _unless_known(found: list[Problem], problems: list[Problem]) -> list[Problem]:
    """Without what has been reported at the same place: a reference in error left a null there."""
    reported = {one.at for one in problems}
    return [one for one in found if one.at not in reported]


def _known(names: set[str], config: LoadedConfig) -> tuple[str, ...]:
    return tuple(name for name in config.steps if name in names)


def _output_problems(entry: StepEntry, config: LoadedConfig, steps: Mapping[str, str] | None) -> list[Problem]:
    found = []
    for _, leaf in entry.options.leaves():
        step = config.steps.get(getattr(leaf.value, "step", ""))
        kind = find_type(step.uses.value, steps) if step else None
        if step and kind and leaf.value.output not in kind.outputs:
            message = f"the step '{step.name}' ({kind.name}) has no output '{leaf.value.output}'"
            found.append(problem(message, leaf, suggestion(leaf.value.output, kind.outputs)))
    return found


def _record_problems(inputs: list[Input], entry: StepEntry, config: LoadedConfig) -> list[Problem]:
    return [
        problem(f"no step '{one.step}'", entry.options.find(one.path), suggestion(one.step, config.steps))
        for one in inputs
        if isinstance(one, RecordInput) and one.step not in config.steps
    ]


def _ordered(
    steps: Mapping[str, PlannedStep], config: LoadedConfig, problems: list[Problem]
) -> dict[str, PlannedStep]:
    """The steps in the order of the file as far as their edges allow."""
    edges = {name: [other for other in step.before if other in steps] for name, step in steps.items()}
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        cycle = error.args[1]
        message = f"these steps wait for each other: {' → '.join(reversed(cycle))}"
        problems.append(problem(message, config.steps[cycle[0]].at, key=True))
        return dict(steps)
    ordered: dict[str, PlannedStep] = {}
    while len(ordered) < len(steps):
        name = next(n for n in steps if n not in ordered and all(o in ordered for o in edges[n]))
        ordered[name] = steps[name]
    return ordered
