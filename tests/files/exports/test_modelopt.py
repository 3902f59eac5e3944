"""ModelOpt takes regular expressions, which it matches from the start of a name only."""

from __future__ import annotations

import re
import shlex

import pytest
from decisions import decision, int8_decision

from trtflow.files.exports import modelopt


@pytest.mark.parametrize(("name", "matches"), [("/a.b/Conv", True), ("/a.b/Conv_1", False), ("/axb/Conv", False)])
def test_a_pattern_matches_the_whole_name_only(name: str, matches: bool) -> None:
    pattern = re.search(r"'(.+)'", modelopt.write(decision("/a.b/Conv")))
    assert pattern
    assert bool(re.match(pattern[1], name)) is matches


def test_the_shell_reads_each_kept_node_as_one_argument() -> None:
    lines = modelopt.write(decision("/a/Conv", "b c")).splitlines()
    assert lines[0].startswith("# NVIDIA ModelOpt AutoCast 0.40 and later")
    assert [word for line in lines[1:] for word in shlex.split(line)] == [
        "--low_precision_type", "fp16", "--nodes_to_exclude", "^/a/Conv$", r"^b\ c$",
    ]  # fmt: skip


def test_by_its_rule_just_the_kept_nodes_come_back() -> None:
    """``any(re.match(pattern, node.name))``, patterns split by the shell and by argparse."""
    kept = ["/a/Conv", "/a/Conv_1", "b.c", "d[0]", "e]f", "g+", "h h"]
    others = ["/a/Conv_11", "x/a/Conv", "bxc", "d0", "gg", "node_of_y"]
    arguments = [word for line in modelopt.write(decision(*kept)).splitlines()[1:] for word in shlex.split(line)]
    patterns = arguments[arguments.index("--nodes_to_exclude") + 1 :]
    assert [name for name in kept + others if any(re.match(pattern, name) for pattern in patterns)] == kept


def test_what_is_quantized_is_not_excluded() -> None:
    assert "'^b$'" in modelopt.write(int8_decision())
    assert "^a$" not in modelopt.write(int8_decision())


def test_without_kept_nodes_nothing_is_excluded() -> None:
    assert modelopt.write(decision()).splitlines()[1:] == ["--low_precision_type fp16"]
