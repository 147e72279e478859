"""The picture in the README shows what the command prints today."""

import re
from html import unescape

import pytest

from tests.demo.files import ROOT
from tests.demo.picture import PICTURE, drawn, printed


@pytest.fixture(scope="module")
def output() -> str:
    return printed()


def rows(picture: str) -> list[str]:
    """The lines of the picture, as a browser shows them, without their indentation."""
    return [unescape(re.sub(r"</?tspan[^<>]*>", "", row)) for row in re.findall(r"<text [^<>]*>(.*)</text>", picture)]


def test_the_picture_is_fresh(output: str) -> None:
    assert PICTURE.read_text() == drawn(output), "run make rules"


def test_the_picture_has_each_line_and_color(output: str) -> None:
    plain = re.sub(r"\x1b\[[\d;]*m", "", output)
    assert rows(drawn(output)) == ["$ cni-guard check deploy/", *(line.strip() for line in plain.splitlines() if line)]
    colored = re.findall(r"<tspan [^<>]*>(.*?)</tspan>", drawn(output))
    assert colored == re.findall(r"\x1b\[[\d;]+m(.*?)\x1b\[0m", output)
    assert colored.count("deny") == plain.count(": deny ") > 0


def test_what_the_output_says_cannot_break_the_picture() -> None:
    picture = drawn('  a <b> & "c" </text> \x1b[1;31m<deny>\x1b[0m')
    assert rows(picture)[1:] == ['a <b> & "c" </text> <deny>']
    assert picture.count("</text>") == 2


def test_the_readme_shows_it() -> None:
    assert f"]({PICTURE.relative_to(ROOT)})" in (ROOT / "README.md").read_text()
