"""`python -m tests.words`: each phrase that must not come back is found, and its idiomatic neighbors pass."""

from pathlib import Path

import pytest

from tests import words

REFUSED = (
    ("it can not be read", "can not"),
    ("Can not read it", "can not"),
    ("8080 is no port", "is no"),
    ("That is no `Secret`", "is no"),
    ("these are no lists", "are no"),
    ("the page is made anew", "anew"),
    ("it restarts for ever", "for ever"),
    ("the key stands twice", "stands twice"),
    ("nobody reads it", "nobody"),
    ("Whoever asks", "whoever"),
    ("it passes unjudged", "unjudged"),
    ("a sentence that can\n    not end here", "can not"),
    ("# it is\n# no port", "is no"),
    ('f"{name} is "\n    f"no port"', "is no"),
    ("whether there is a port, 8080 is no port", "is no"),
)


@pytest.mark.parametrize(("text", "phrase"), REFUSED)
def test_each_phrase_is_found(text: str, phrase: str) -> None:
    (found,) = words.phrases(f"first line\n{text}\n", "README.md")
    assert (found.file, found.line, found.phrase) == ("README.md", 2, phrase)
    assert found.instead


def test_no_phrase_is_without_a_row() -> None:
    found = {one.instead for text, _ in REFUSED for one in words.phrases(text, "")}
    assert found == {instead for _, instead in words.PHRASES}


@pytest.mark.parametrize(
    "text",
    [
        "it cannot be read",
        "there is no port",
        "There are no ports",
        "it is no longer served",
        "# it is no\n    # longer served",
        "they are no\nlonger served",
        "a no-op is not an error",
        "value is not None",
        "forever",
        "canals renew",
    ],
)
def test_idiomatic_english_passes(text: str) -> None:
    assert not list(words.phrases(text, "README.md"))


def test_there_at_the_end_of_a_line_passes() -> None:
    assert not list(words.phrases("# if there\n# is no port, and there\n    are no lists", "README.md"))


def test_each_product_text_is_looked_through(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in words.TEXTS:
        if "." in name or name[0].isupper():
            (tmp_path / name).write_text("plain text\n")
        else:
            (tmp_path / name / "deep").mkdir(parents=True)
            (tmp_path / name / "deep" / "compiled.pyc").write_bytes(b"\xff nobody")
    assert words.main(tmp_path) == 0
    assert not capsys.readouterr().out
    (tmp_path / "certs" / "deep" / "x.py").write_text('"""Fine."""\n# it can not\n')
    (tmp_path / "Makefile").write_text("help: ## nobody\n")
    assert words.main(tmp_path) == 1
    assert capsys.readouterr().out.splitlines() == [
        'Makefile:1: "nobody": write no one, or the fact: undefined, unused',
        'certs/deep/x.py:2: "can not": write cannot',
    ]
