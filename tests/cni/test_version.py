"""Release numbers and tags."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webhook.cni.version import LARGEST, Tag, Version, below, in_force, parse_tag

NUMBERS = st.integers(min_value=0, max_value=LARGEST)
VERSIONS = st.builds(Version, NUMBERS, NUMBERS, NUMBERS)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("v1.23.1", Tag(Version(1, 23, 1), unreleased=False, build=None)),
        ("1.23.1", Tag(Version(1, 23, 1), unreleased=False, build=None)),
        ("v1.7.10-eksbuild.1", Tag(Version(1, 7, 10), unreleased=False, build=1)),
        ("v1.19.3-rc1", Tag(Version(1, 19, 3), unreleased=True, build=None)),
        ("v1.19.3-rc1-eksbuild.2", Tag(Version(1, 19, 3), unreleased=True, build=2)),
        ("v1.19.3-rc.1", Tag(Version(1, 19, 3), unreleased=True, build=None)),
        ("v1.19.3-dirty", Tag(Version(1, 19, 3), unreleased=True, build=None)),
        ("v1.19.3-12-g0a1b2c3", Tag(Version(1, 19, 3), unreleased=True, build=None)),
        ("v1.19.3-12-g0a1b2c3-dirty", Tag(Version(1, 19, 3), unreleased=True, build=None)),
        ("v1.22.4-eksbuild.3-mirror_2", Tag(Version(1, 22, 4), unreleased=False, build=3)),
        ("v1.22.4-hardened", Tag(Version(1, 22, 4), unreleased=False, build=None)),
    ],
)
def test_tags_that_name_a_release(text: str, tag: Tag) -> None:
    assert parse_tag(text) == tag


@pytest.mark.parametrize(
    "text",
    [
        "",
        "latest",
        "master",
        "v1",
        "v1.23",
        "v1.23.1.4",
        "V1.23.1",
        "vv1.23.1",
        " v1.23.1",
        "v1.23.1 ",
        "v1.23.1\n",
        "v1.23.1-",
        "v1.23.1-a-b",
        "v1.23.1-eksbuild.1-",
        "v1.23.-1",
        "v+1.23.1",
        "v1.23.1234567",
        "v1.23.١",
        "v1.23.²",
        "1_0.2.3",
        "v1.23.1@sha256",
        "sha-0a1b2c3",
    ],
)
def test_tags_that_name_no_release(text: str) -> None:
    assert parse_tag(text) is None


@given(st.text())
@example("v" + "1" * 100_000 + ".0.0")
@example("v1.0.0-" + "a" * 100_000)
@example("\ud800")
def test_a_tag_can_be_any_text(text: str) -> None:
    tag = parse_tag(text)
    assert tag is None or str(tag.version).isascii()


@given(VERSIONS)
def test_writing_and_reading_a_version(version: Version) -> None:
    assert Version.of(str(version)) == version
    assert parse_tag(f"v{version}") == Tag(version, unreleased=False, build=None)


@pytest.mark.parametrize("text", ["", "v1.2.3", "1.2", "1.2.3.4", "1.2.3\n", "1.2.x", "1.2.1000000"])
def test_a_version_is_three_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="not a release number"):
        Version.of(text)


def test_versions_compare_as_numbers() -> None:
    assert Version(1, 9, 3) < Version(1, 10, 0) < Version(1, 10, 4) < Version(1, 23, 1)


@given(VERSIONS, VERSIONS)
def test_below_leaves_no_gap(version: Version, other: Version) -> None:
    if version > (0, 0, 0):
        assert (other <= below(version)) == (other < version)


def test_reading_a_history() -> None:
    steps = ((Version(1, 2, 0), "a"), (Version(1, 4, 0), None), (Version(1, 6, 0), "b"))
    assert [in_force(steps, Version(1, minor, 5)) for minor in range(1, 7)] == [None, "a", "a", None, None, "b"]
    assert in_force(steps, Version(1, 2, 0)) == "a"
    assert in_force((), Version(1, 2, 0)) is None
