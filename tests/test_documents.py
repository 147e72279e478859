"""Text to values with positions: as kubectl reads them, and never a traceback."""

import json
import math
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.documents import Document, DocumentError, load, read
from webhook.documents.refusal import MAX_CHARACTERS, MAX_DEPTH
from webhook.documents.scalars import plain

FIXTURES = Path(__file__).resolve().parents[2] / "shared" / "fixtures" / "aws-node"

MANIFEST = """\
# a comment
apiVersion: apps/v1
kind: DaemonSet
spec:
  template:
    spec:
      containers:
        - name: aws-node
          image:
            registry/amazon-k8s-cni:v1.20.0
          env:
            - {name: A, value: "1"}
            - name: B
              value: "2"
"""

CONTAINER = ("spec", "template", "spec", "containers", 0)


def only(text: str) -> Document:
    """The one document of a text."""
    [document] = load(text)
    return document


def refusal(text: str) -> DocumentError:
    """Why a text can not be read."""
    with pytest.raises(DocumentError) as caught:
        load(text)
    return caught.value


def place(document: Document, *path: str | int) -> tuple[int, int]:
    """Line and column of a field."""
    position = document.positions[path]
    return position.line, position.column


# Positions


def test_scalar_has_the_place_of_its_value() -> None:
    document = only(MANIFEST)
    assert place(document, *CONTAINER, "image") == (10, 13)
    assert place(document, *CONTAINER, "env", 0, "value") == (12, 32)
    assert place(document, *CONTAINER, "env", 1, "value") == (14, 22)


def test_collection_has_the_place_of_its_key_and_an_item_its_own() -> None:
    document = only(MANIFEST)
    assert place(document) == (2, 1)
    assert place(document, "spec") == (4, 1)
    assert place(document, *CONTAINER) == (8, 11)
    assert place(document, *CONTAINER, "env") == (11, 11)
    assert place(document, *CONTAINER, "env", 1) == (13, 15)


def test_empty_value_stands_in_the_line_of_its_key() -> None:
    assert place(only("a:\nb: 1\n"), "a") == (1, 3)


def test_lines_go_on_over_documents() -> None:
    text = MANIFEST + "---\n" + MANIFEST + "---\n# nothing\n---\na: 1\n"
    first, second, last = load(text)
    assert place(first, "kind") == (3, 7)
    assert place(second, "kind") == (18, 7)
    assert place(last, "a") == (33, 4)


def test_every_field_has_a_place() -> None:
    document = only(MANIFEST)
    assert set(document.positions) == set(paths(document.value))


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path of a value."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [path, *(found for key, item in items for found in paths(item, (*path, key)))]


@pytest.mark.parametrize("manifest", sorted(FIXTURES.glob("*.yaml")), ids=lambda path: path.stem)
def test_places_of_a_real_manifest_hold_the_values(manifest: Path) -> None:
    text = manifest.read_text()
    lines = text.split("\n")
    for document in load(text):
        for path, position in document.positions.items():
            shown = lines[position.line - 1][position.column - 1 :]
            value = document.value
            for step in path:
                value = value[step]
            if isinstance(value, str) and len(value) < 80 and not shown.startswith(("|", ">")):
                assert shown.lstrip("'\"").startswith(value.split("\n")[0][:20].rstrip()), path
            elif isinstance(value, (dict, list)) and path and isinstance(path[-1], str):
                assert shown.lstrip("'\"").startswith(path[-1]), path


def test_aliased_value_has_the_place_of_its_anchor() -> None:
    document = only("base: &base\n  a: &one 1\nuse: *base\nalso: *one\n")
    assert document.value == {"base": {"a": 1}, "use": {"a": 1}, "also": 1}
    assert place(document, "use") == (3, 1)
    assert place(document, "use", "a") == (2, 6)
    assert place(document, "also") == (2, 6)


# Duplicate keys, anchors, merges


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: 1\nb: 2\n'a': 3\n", 3), ('{"a": 1,\n"a": 2}', 2), ("yes: 1\ntrue: 2\n", 2), ('1: a\n"1": b\n', 2)],
)
def test_duplicate_key_names_key_and_both_lines(text: str, line: int) -> None:
    error = refusal(text)
    assert "twice" in error.reason
    assert "first in line 1" in error.reason
    assert error.line == line


def test_merge_keeps_what_stands_below_it() -> None:
    text = "base: &b {a: 1, c: {d: 1}}\nuse:\n  <<: *b\n  a: 2\n  c: {e: 3}\n"
    document = only(text)
    assert document.value["use"] == {"a": 2, "c": {"e": 3}}
    assert ("use", "c", "d") not in document.positions


def test_merge_wins_over_what_stands_above_it_as_in_kubectl() -> None:
    assert only("base: &b {a: 1}\nuse:\n  a: 2\n  <<: *b\n").value["use"] == {"a": 1}


def test_merge_of_a_list_prefers_the_first() -> None:
    text = "x: &x {a: 1}\ny: &y {a: 2, b: 2}\nuse: {<<: [*x, *y]}\nown: {<<: {z: 1}}\nkey: {'<<': 1}\n"
    value = only(text).value
    assert value["use"] == {"a": 1, "b": 2}
    assert value["own"] == {"z": 1}
    assert value["key"] == {"<<": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &a [*a]", "contains itself"),
        ("a: &a {b: {c: *a}}", "contains itself"),
        ("a: *none", "no anchor"),
        ("a: &a 1\n---\nb: *a", "no anchor"),
        ("a: {<<: 1}", "<< must be a mapping"),
        ("a: {<<: [1]}", "<< must be a mapping"),
        ("[a]: 1", "cannot be a key"),
        ("{a: 1}: 1", "cannot be a key"),
        ("~: 1", "a key is missing or null"),
        ("? \n: 1", "a key is missing or null"),
        ("a: !!binary aGk=", "the tag !!binary is not supported"),
        ("a: !!set {b}", "the tag !!set is not supported"),
        ("a: !Ref b", "the tag !Ref is not supported"),
        ("a: !!python/object:os.system x", "is not supported"),
        ("a: !!timestamp 2026-01-01", "is not supported"),
        ("a: !!int x", "'x' is not a valid !!int"),
        ("a: .nan", "a number that JSON cannot represent"),
        ("a: -.Inf", "a number that JSON cannot represent"),
        ('{"a": 1e999}', "out of range"),
        ('{"a": "\\ud800"}', "unpaired surrogate"),
        ("a: \ud800", "unpaired surrogate"),
        ("a: \x00", "U+0000"),
        ("a: \x1b[31m", "U+001B"),
        ("a: [1", "broken YAML"),
        ('{"a": 1} {"a": ', "broken JSON"),
        ("a: b: c", "broken YAML"),
        ("%FOO\n---\na: 1", "broken YAML"),
    ],
)
def test_refused_with_a_reason(text: str, reason: str) -> None:
    assert reason in refusal(text).reason


def laughs(levels: int, item: str) -> str:
    """A short text that expands to ten to the power of `levels`."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} {item.format(', '.join([f'*a{n - 1}'] * 10))}" for n in range(1, levels)]
    return "\n".join(rows)


def test_expansion_of_aliases_is_bounded() -> None:
    assert only(laughs(3, "[{}]")).value["a2"][0][0][0] == "x"
    assert "after its aliases are expanded" in refusal(laughs(9, "[{}]")).reason


def test_expansion_of_merges_is_bounded() -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(1000))
    text = f"base: &base {{{keys}}}\n" + "".join(f"u{n}: {{<<: [{', '.join(['*base'] * 100)}]}}\n" for n in range(10))
    assert "merges add more than" in refusal(text).reason


def test_depth_is_bounded_through_aliases_too() -> None:
    chain = "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, MAX_DEPTH + 5))
    assert "nested deeper" in refusal("a0: &a0 []\n" + chain).reason


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "- " * 200_000, "a: " + "{b: " * 100_000])
def test_depth_is_bounded(text: str) -> None:
    assert "nested deeper" in refusal(text).reason


def test_size_is_bounded() -> None:
    assert "split it" in refusal("#" * (MAX_CHARACTERS + 1)).reason


# Words for the person who wrote the file


def test_tab_in_the_indentation_is_named() -> None:
    error = refusal("a:\n  b: 1\n\tc: 2\n")
    assert (error.line, error.column) == (3, 1)
    assert error.reason == "this line is indented with a tab; YAML requires spaces"
    assert str(error) == "line 3, column 1: this line is indented with a tab; YAML requires spaces"


def test_tab_elsewhere_is_fine() -> None:
    assert only("a:\t1\nb: 2\t# c\n").value == {"a": 1, "b": 2}
    assert only('{\n\t"a":\t[1,\t2]\n}\n').value == {"a": [1, 2]}
    assert only("{\n\ta: 1\n}\n").value == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "a: {{ .Values.a }}\n",
        "{{- if .Values.a }}\na: 1\n{{- end }}\n",
        "a: 1\n{{ include 'x' . | indent 2 }}\n",
        "a: {{ .Values.a }}-b\n",
    ],
)
def test_helm_template_is_told_how_to_be_rendered(text: str) -> None:
    assert "looks like a Helm template" in refusal(text).reason
    assert "helm template … | cni-guard check -" in refusal(text).reason


def test_template_beside_another_fault_names_both() -> None:
    error = refusal("a: 'x {{ y }}'\n\tb: 1\n")
    assert error.line == 2
    assert error.reason.endswith("; otherwise: this line is indented with a tab; YAML requires spaces")


def test_braces_in_a_string_are_no_template() -> None:
    assert only("a: 'x {{ y }}'\n").value == {"a": "x {{ y }}"}


# Several documents


def test_documents_are_read_around_a_broken_one() -> None:
    found = list(read("a: 1\n---\nb: [\n---\nc: 3\n"))
    assert [item.value if isinstance(item, Document) else item.line for item in found] == [{"a": 1}, 4, {"c": 3}]


def test_first_values_of_a_broken_json_stream_are_read() -> None:
    first, second = read('{"a": 1}\n{"b" 2}')
    assert isinstance(first, Document)
    assert isinstance(second, DocumentError)
    assert second.line == 2


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        ("# only a comment\n", []),
        ("---\n---\n# x\n---\n", []),
        ("---\na: 1\n...\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("%YAML 1.1\n---\na: 1\n", [{"a": 1}]),
        ("# x\n---\na: 1\n", [{"a": 1}]),
        ("--- {a: 1}\n--- # c\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("\ufeffa: 1\n", [{"a": 1}]),
        ("a: 1\r\n---\r\nb: 2\r\n", [{"a": 1}, {"b": 2}]),
        ("a: |\n  x\n  ---\n  y\n", [{"a": "x\n---\ny\n"}]),
        ('{"a": 1}\n{"b": 2}', [{"a": 1}, {"b": 2}]),
        ('{"a": 1}{"b": 2}\n---\n[3]', [{"a": 1}, {"b": 2}, [3]]),
        ("---\n{}\n", [{}]),
        ("a", ["a"]),
    ],
)
def test_documents_of_a_text(text: str, values: list[Any]) -> None:
    assert [document.value for document in load(text)] == values


# Scalars

SCALARS = {
    "yes": True,
    "No": False,
    "on": True,
    "OFF": False,
    "y": True,
    "N": False,
    "tRue": "tRue",
    "~": None,
    "NULL": None,
    "007": 7,
    "0o17": 15,
    "08": 8,
    "0x1F": 31,
    "-0b101": -5,
    "1_000": 1000,
    "1.0": 1,
    "1.50": 1.5,
    "1e3": 1000,
    ".5": 0.5,
    "-.5e1": -5,
    "9223372036854775807": 2**63 - 1,
    "9223372036854775808": float(2**63),
    "0xFFFFFFFFFFFFFFFFF": "0xFFFFFFFFFFFFFFFFF",
    "1e999": "1e999",
    "1:30": "1:30",
    "12:30:45": "12:30:45",
    "2026-01-01": "2026-01-01",
    "2001-12-14t21:59:43.10-05:00": "2001-12-14t21:59:43.10-05:00",
    "v1.20.0": "v1.20.0",
    "1.20.0": "1.20.0",
    "1.20": 1.2,
    "25m": "25m",
    "-": "-",
    "=": "=",
}


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_plain_scalar(text: str, value: Any) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not here to compare with")
def test_scalars_are_those_of_kubectl(tmp_path: Path) -> None:
    rows = "".join(f"  k{index}: {text}\n" for index, text in enumerate(SCALARS) if text != "-")
    keys = "".join(f"  {text}: 1\n" for text in ("on", "1", "0x10", "1.5", "2.0", "2026-01-01"))
    merges = "b: &b {a: 1, c: 2}\nbelow: {<<: *b, a: 3}\nabove: {a: 3, <<: *b}\n"
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ns:\n{rows}keys:\n{keys}{merges}t: !!str 5\n"
    file = tmp_path / "x.yaml"
    file.write_text(text)
    command = ["kubectl", "label", "--local", "-f", str(file), "a=b", "-o", "json"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    # Read by our own reader, for which a number beyond int64 is a float too.
    theirs, ours = only(done.stdout.decode()).value, only(text).value
    del theirs["metadata"], ours["metadata"]
    assert theirs == ours


@pytest.mark.parametrize(
    ("text", "value"), [("!!str 5", "5"), ("! 5", "5"), ('!!int "5"', 5), ("!!float 5", 5), ("!!bool yes", True)]
)
def test_tagged_scalar(text: str, value: Any) -> None:
    assert only(f"a: {text}").value == {"a": value}


def test_keys_are_strings() -> None:
    assert only("on: 1\n2: 2\n1.5: 3\n").value == {"true": 1, "2": 2, "1.5": 3}


# Laws

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)
SNIPPETS = st.sampled_from(
    (
        *(
            "a",
            ": ",
            "- ",
            "\n",
            "  ",
            "\t",
            "[",
            "]",
            "{",
            "}",
            ",",
            "&a ",
            "*a",
            "<<",
            "!!int ",
            "!x ",
            "'",
            '"',
            "|",
        ),
        *(
            "---\n",
            "...\n",
            "%YAML 1.1\n",
            "#",
            "?",
            "1",
            "yes",
            "~",
            "\\u",
            "\ud800",
            "\ufeff",
            "\x00",
            "{{",
            "}}",
            "é",
        ),
    )
)


@settings(deadline=None)
@given(st.text() | st.lists(SNIPPETS).map("".join))
def test_any_text_gives_documents_or_a_refusal(text: str) -> None:
    for found in read(text):
        if isinstance(found, DocumentError):
            assert found.line >= 1
            assert found.column >= 1
        else:
            json.dumps(found.value, allow_nan=False).encode()
            assert set(found.positions) == set(paths(found.value))


@settings(deadline=None)
@given(value=JSON, indent=st.sampled_from([None, 1, "\t"]), ascii_only=st.booleans())
def test_json_is_read_as_it_was_written(value: Any, indent: int | str | None, *, ascii_only: bool) -> None:
    text = json.dumps([value], indent=indent, ensure_ascii=ascii_only)
    assert only(text).value == [value]


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), JSON))
def test_yaml_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    # Quoted, since PyYAML writes without quotes what Go takes for a boolean or a number: y, 1e3.
    document = only(yaml.safe_dump(value, allow_unicode=True, default_style='"'))
    assert plainly(document.value) == plainly(value)


def plainly(value: Any) -> Any:
    """A value with its whole floats as integers, as they arrive at an API server."""
    if isinstance(value, dict):
        return {str(key): plainly(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plainly(item) for item in value]
    if isinstance(value, float) and not isinstance(value, bool) and value.is_integer() and math.fabs(value) < 2**63:
        return int(Decimal(repr(value)))
    return value


@pytest.mark.parametrize("manifest", sorted(FIXTURES.glob("*.yaml")), ids=lambda path: path.stem)
def test_manifests_are_read_as_by_pyyaml(manifest: Path) -> None:
    text = manifest.read_text()
    ours = [document.value for document in load(text)]
    assert ours == [value for value in yaml.safe_load_all(text) if value is not None]
    assert ours == [document.value for document in load("\n---\n".join(map(json.dumps, ours)))]
