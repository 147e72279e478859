"""Rules hold no release number: what begins with a release is in the tables. Examples and docstrings may name one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import webhook

ROOMS = ("rules", "catalogue", "engine")
MODULES = sorted(
    path for room in ROOMS for path in (Path(webhook.__file__).parent / room).glob("*.py") if path.name != "examples.py"
)
RELEASE = re.compile(r"(?<![\d.])1\.\d{1,2}(\.\d{1,2})?(?![\d.])")


def parts(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module without docstrings and without the arguments of `@rule`."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.FunctionDef) and child in node.decorator_list):
            yield from parts(child)


def numbers(source: str) -> list[str]:
    return [ast.unparse(node) for node in parts(ast.parse(source)) if is_release(node)]


def is_release(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and RELEASE.search(node.value) is not None
    entries = node.elts if isinstance(node, ast.Tuple) else node.args if isinstance(node, ast.Call) else []
    values = [entry.value for entry in entries if isinstance(entry, ast.Constant) and type(entry.value) is int]
    return len(entries) in {2, 3} and len(values) == len(entries) and values[0] == 1


@pytest.mark.parametrize("module", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_code_of_a_rule_names_a_release(module: Path) -> None:
    assert numbers(module.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("line", ["x = (1, 9, 0)", "Version(1, 7, 0)", 'Version.of("1.7.7")', 'f"before {x} and 1.12"'])
def test_a_release_would_be_seen(line: str) -> None:
    assert numbers(line)
