"""The cache of command lines answers as its reader does, and keeps nothing large."""

from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.cni.remembered import remembered

WORDS: st.SearchStrategy[list[object]] = st.lists(
    st.sampled_from(["-a", "--b=1", "", 1, True, 1.0, None, [], {}]), max_size=4
)


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=6))
def test_answers_as_the_reader_does(lines: list[list[object]]) -> None:
    read = remembered(repr)
    assert [read(line) for line in lines] == [repr(tuple(line)) for line in lines]


def test_keeps_short_texts_alone() -> None:
    asked: list[tuple[object, ...]] = []
    read = remembered(asked.append)
    for line in (["-a", "b"], ["x" * 600] * 2, [1]):
        read(line)
        read(line)
    assert [len(line) for line in asked] == [2, 2, 2, 1, 1]
