"""The tree of trtflow/ in CONTRIBUTING.md, one sentence a file, from the files' own docstrings: ``make tree``."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
BLOCK = re.compile(r"(?<=<!-- tree -->\n).*?(?=<!-- end of tree -->)", re.DOTALL)
WIDTH = 26


def sentence(file: Path) -> str:
    """The first sentence of a module's docstring, without marks for code."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.split("\n")[0].split(". ")[0].rstrip(".").replace("``", "")


def lines(folder: Path, depth: int = 0) -> list[str]:
    """``folder``, its files, then the folders in it."""
    files = [file for file in sorted(folder.glob("*.py")) if file.name != "__init__.py"]
    named = [(f"{'  ' * (depth + 1)}{file.name}", sentence(file)) for file in files]
    found = [f"{'  ' * depth}{folder.name}/", *(f"{name:{WIDTH}}{said}" for name, said in named)]
    for inner in sorted(path.parent for path in folder.glob("*/__init__.py")):
        found += lines(inner, depth + 1)
    return found


def written(page: str) -> str:
    """``page`` with the tree as it is now."""
    tree = "\n".join(lines(ROOT / "trtflow"))
    return BLOCK.sub(lambda _: f"```text\n{tree}\n```\n", page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
