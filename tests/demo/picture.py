"""`python -m tests.demo.picture`: the picture in the README, drawn from what `cni-guard check` prints."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import yaml

from tests.demo.files import CIDR, CONFLICT, NEXT, ROOT, aws_node, eniconfig

PICTURE = ROOT / ".github" / "check.svg"
COMMAND = ("check", "deploy/")

_COLORS = {"1;31": "#ff7b72", "33": "#e3b341", "2": "#8b949e", "32": "#7ee787"}
"""The colors of `webhook.report.text`, on a dark background."""

_PLAIN, _BACKGROUND = "#e6edf3", "#0d1117"
_COLORED = re.compile(r"\x1b\[([\d;]+)m(.*?)\x1b\[0m")
_COLUMN, _LINE, _MARGIN = 8.4, 20, 20
"""Pixels of a character of 14 pixels, of a line, and around the text."""


def printed() -> str:
    """What the command prints about a conflict of targets and an ENIConfig whose subnet is a CIDR, with colors."""
    with tempfile.TemporaryDirectory() as folder:
        for name, manifest in (("aws-node", aws_node(NEXT, CONFLICT)), ("us-west-2a", eniconfig(CIDR))):
            file = Path(folder, "deploy", f"{name}.yaml")
            file.parent.mkdir(exist_ok=True)
            file.write_text(yaml.safe_dump(manifest, sort_keys=False))
        done = subprocess.run(
            [sys.executable, "-m", "webhook.cli", *COMMAND, "--color", "always"],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "CNI_GUARD_POLICY": ""},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 1:
        raise RuntimeError(f"exit code {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def drawn(text: str) -> str:
    """The text as SVG, below the command that prints it."""
    lines = [f"$ cni-guard {' '.join(COMMAND)}", *text.splitlines()]
    columns = max(len(_COLORED.sub(r"\2", line)) for line in lines)
    width, height = round(columns * _COLUMN) + 2 * _MARGIN, len(lines) * _LINE + 2 * _MARGIN
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">',
            f'<rect width="100%" height="100%" rx="8" fill="{_BACKGROUND}"/>',
            f'<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" fill="{_PLAIN}">',
            *(_row(line, _MARGIN + (number + 0.75) * _LINE) for number, line in enumerate(lines) if line),
            "</g>",
            "</svg>",
            "",
        )
    )


def _row(line: str, y: float) -> str:
    """A line, placed behind its indentation; its length is given, so that any monospaced font fits."""
    text = line.lstrip()
    x = _MARGIN + (len(line) - len(text)) * _COLUMN
    length = len(_COLORED.sub(r"\2", text)) * _COLUMN
    pieces = "".join(_pieces(text))
    return f'<text x="{x:g}" y="{y:g}" textLength="{length:.5g}" lengthAdjust="spacingAndGlyphs">{pieces}</text>'


def _pieces(line: str) -> Iterator[str]:
    end = 0
    for found in _COLORED.finditer(line):
        yield escape(line[end : found.start()])
        yield f'<tspan fill="{_COLORS[found[1]]}">{escape(found[2])}</tspan>'
        end = found.end()
    yield escape(line[end:])


if __name__ == "__main__":
    sys.stdout.write(drawn(printed()))
