from pathlib import Path

import pytest

from trtflow.checked import validate
from trtflow.config import workflows
from trtflow.config.load import read
from trtflow.config.model import Workflow
from trtflow.config.workflows import builtin_folder, builtins, is_path


def test_built_in_workflows_lie_in_the_package_or_else_in_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "trtflow"
    package.mkdir()
    monkeypatch.setattr(workflows, "PACKAGE", package)
    assert builtin_folder() == tmp_path / "workflows"
    (package / "workflows").mkdir()
    assert builtin_folder() == package / "workflows"


@pytest.mark.parametrize("file", builtins().values(), ids=builtins().keys())
def test_a_built_in_workflow_is_short_and_says_what_it_is_for(file: Path) -> None:
    lines = file.read_text().splitlines()
    workflow, problems = validate(Workflow, read(file))
    assert (problems, len(lines) <= 90, lines[0][:2]) == ([], True, "# ")
    assert workflow is not None
    assert workflow.description
    assert all(one.help for one in workflow.inputs.values())


@pytest.mark.parametrize(
    ("name", "path"), [("debug-fp16", False), ("./mine.yaml", True), ("mine.yaml", True), ("flows/mine", True)]
)
def test_a_workflow_is_a_name_or_a_path(name: str, path: bool) -> None:
    assert is_path(name) == path
