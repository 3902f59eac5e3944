"""References: ``${inputs.x}``, ``${step.output}``, ``${env.X}``, and ``$${`` for a literal ``${``.

Look-ups only. A value that is nothing but a reference keeps the type of what it refers to; inside a longer
string the value is written out. Outputs of steps are files that do not exist yet, so they stand alone and
become an ``OutputReference``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from trtflow.located import Located, OutputReference, Problem
from trtflow.text import suggestion

TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}?")
NAME = re.compile(r"[A-Za-z_][\w-]*")
RESERVED = ("inputs", "env")


@dataclass
class Substitution:
    """Replaces references below a value and collects what is wrong with them.

    ``inputs`` and ``steps`` are None where a file may not refer to them.
    """

    inputs: Mapping[str, Located] | None = None
    steps: Iterable[str] | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    paths: frozenset[str] = frozenset()  # inputs that are paths: written out absolute inside a longer string
    problems: list[Problem] = field(default_factory=list)

    def apply(self, located: Located) -> Located:
        """``located`` with every reference below it replaced; one in error becomes None."""
        if isinstance(located.value, dict):
            return replace(located, value={key: self.apply(child) for key, child in located.entries.items()})
        if isinstance(located.value, list):
            return replace(located, value=[self.apply(child) for child in located.items])
        return self._text(located) if isinstance(located.value, str) else located

    def _text(self, located: Located) -> Located:
        text = located.value
        whole = TOKEN.fullmatch(text)
        if whole and whole.group(1) is not None:
            return self._look_up(whole, located)
        parts: list[str] = []
        end = 0
        for token in TOKEN.finditer(text):
            parts += [text[end : token.start()], self._written(token, located)]
            end = token.end()
        return replace(located, value="".join([*parts, text[end:]]))

    def _written(self, token: re.Match[str], located: Located) -> str:
        if token.group(1) is None:
            return "${"
        found = self._look_up(token, located)
        if isinstance(found.value, (dict, list, OutputReference)):
            kind = "a file of another step" if isinstance(found.value, OutputReference) else "a collection"
            self._report(token, located, f"{token.group()} is {kind}", "let it stand alone as the value")
            return ""
        if token.group(1).removeprefix("inputs.") in self.paths and isinstance(found.value, str):
            return str(found.at.folder / found.value)
        return "" if found.value is None else str(found.value)

    def _look_up(self, token: re.Match[str], located: Located) -> Located:
        first, dot, second = token.group(1).partition(".")
        if not token.group().endswith("}") or not dot or not (NAME.fullmatch(first) and NAME.fullmatch(second)):
            hint = "write ${inputs.NAME}, ${STEP.OUTPUT} or ${env.NAME}; $${ is a literal ${"
            return self._report(token, located, f"{token.group()} is not a reference", hint)
        if first == "inputs":
            return self._input(second, token, located)
        if first == "env":
            return self._environment(second, token, located)
        return self._output(first, second, token, located)

    def _input(self, name: str, token: re.Match[str], located: Located) -> Located:
        if self.inputs is None:
            return self._report(token, located, f"{token.group()} cannot stand here", "write the value itself")
        if name not in self.inputs:
            return self._report(token, located, f"no input '{name}'", suggestion(name, self.inputs))
        found = self.inputs[name]
        return replace(found, key=located.key, used=located.at.narrowed(token.group()))

    def _environment(self, name: str, token: re.Match[str], located: Located) -> Located:
        if name not in self.environment:
            hint = f"set it: export {name}=…"
            return self._report(token, located, f"the environment variable {name} is not set", hint)
        return replace(located, value=self.environment[name])

    def _output(self, step: str, output: str, token: re.Match[str], located: Located) -> Located:
        if self.steps is None:
            return self._report(token, located, f"{token.group()} cannot stand here", "only ${env.NAME} may")
        if step not in self.steps:
            hint = suggestion(step, [*self.steps, *RESERVED])
            return self._report(token, located, f"no step '{step}'", hint)
        at = located.at.narrowed(token.group())
        return replace(located, value=OutputReference(step, output), at=at)

    def _report(self, token: re.Match[str], located: Located, message: str, hint: str) -> Located:
        at = located.at.narrowed(token.group())
        self.problems.append(Problem(message, at, hint, located.used))
        return replace(located, value=None, at=at)
