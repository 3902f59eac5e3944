"""A script that sets precisions, output types and ranges in Polygraphy, which hands it the network.

``polygraphy run MODEL --trt --fp16 --precision-constraints obey --trt-npps polygraphy_postprocess.py``
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from trtflow.files.exports import layers
from trtflow.files.exports.decision import Decision
from trtflow.files.exports.weak_typing import VALID, bindings, default_word, flags, model_file, notes, settable

file = "polygraphy_postprocess.py"
summary = "polygraphy run … --trt-npps: sets precisions, output types and dynamic ranges"
valid = VALID

SCRIPT = Path(__file__).with_name("polygraphy_postprocess.py.template")
HEAD = "from __future__ import annotations\n"


def suits(decision: Decision) -> bool:
    """Any decision can be said, under any name."""
    return True


def write(decision: Decision) -> str:
    """The script: the decision and the names table as its constants, and the code that trtflow itself uses."""
    constraints, used = decision.constraints, flags(decision.constraints)
    nodes = {name: node.precision for name, node in constraints.nodes.items()}
    quantized = "--int8" in used
    if quantized:  # without the cache Polygraphy would calibrate on random data
        used.append("--calibration-cache calibration.cache")
    usage = " ".join(["--trt", *used, "--precision-constraints obey"])
    own = [row for row in decision.names.rows if row.role == "own" and len(row.nodes) == 1]
    return Template(SCRIPT.read_text(encoding="utf-8")).substitute(
        valid="\n".join(notes(constraints, decision.renamed)),
        usage=f"polygraphy run {model_file(constraints, decision.renamed)} {usage} \\\\\n    --trt-npps {file}",
        precisions=_literal(bindings(settable(constraints))),
        default=repr(default_word(constraints.default, nodes)),
        ranges=_literal(decision.ranges if quantized else {}),
        nodes=_literal(decision.made or dict.fromkeys(nodes, ())),
        parser=repr(decision.names.parser),
        table=_literal({row.layer: row.nodes[0] for row in own}),
        code=Path(layers.__file__).read_text(encoding="utf-8").split(HEAD)[1].strip(),
    )


def _literal(table: Mapping[str, str] | Mapping[str, float] | Mapping[str, Sequence[str]]) -> str:
    lines = (f"    {_text(key)}: {_text(value)},\n" for key, value in table.items())
    return "".join(["{\n", *lines, "}"]) if table else "{}"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
