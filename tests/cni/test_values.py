"""The readers against what Go's strconv and net do with the same text."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.cni.values import beyond_zero, covers_everything, go_bool, go_cidr, go_int, go_int_any_base, warm_target


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, True) for text in ("1", "t", "T", "TRUE", "true", "True")),
        *((text, False) for text in ("0", "f", "F", "FALSE", "false", "False")),
        *((text, None) for text in ("yes", "on", "tRUE", " true", "", "2", "enabled")),
    ],
)
def test_booleans(text: str, value: bool | None) -> None:
    assert go_bool(text) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("+5", 5),
        ("-5", -5),
        ("005", 5),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("5 ", None),
        ("5.0", None),
        ("0x5", None),
        ("1_0", None),
        ("", None),
        ("+", None),
        ("٥", None),
        ("5\n", None),
        ("9" * 5000, None),
        ("1e1", None),
        ("0" * 5000 + "7", 7),
    ],
)
def test_whole_numbers(text: str, value: int | None) -> None:
    assert go_int(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x80", 128),
        ("128", 128),
        ("0200", 128),
        ("0o200", 128),
        ("0b10000000", 128),
        ("0", 0),
        ("-0x1", -1),
        ("0x", None),
        ("08", None),
        ("x", None),
        ("", None),
        ("0x80\n", None),
        ("0x_80", 128),
        ("0x8_0", 128),
        ("0_200", 128),
        ("1_28", 128),
        ("-0b_1", -1),
        ("0o_7", 7),
        ("00", 0),
        ("_1", None),
        ("1_", None),
        ("1__0", None),
        ("0__2", None),
        ("0_", None),
        ("0x_", None),
        ("0_x8", None),
        ("0x7fffffffffffffff", 2**63 - 1),
        ("-0x8000000000000000", -(2**63)),
        ("0x8000000000000000", None),
        ("0x" + "0" * 5000 + "8", 8),
        ("9" * 5000, None),
        ("1" + "_0" * 5000, None),
        ("+0", 0),
        ("0_8", None),
    ],
)
def test_numbers_with_a_base(text: str, value: int | None) -> None:
    assert go_int_any_base(text) == value


@pytest.mark.parametrize(("text", "value"), [(None, 1), ("", 1), ("ten", 1), ("-1", 1), ("0", 0), ("+7", 7), ("5 ", 1)])
def test_a_warm_target_falls_back_without_a_word(text: str | None, value: int) -> None:
    assert warm_target(text, 1) == value


@pytest.mark.parametrize(
    ("text", "beyond"),
    [
        (None, False),
        ("", False),
        ("0", False),
        ("-5", False),
        ("+5", False),
        (" 5", False),
        ("00", True),
        ("1", True),
        ("abc", True),
        ("0.5", True),
        ("\ud800", True),
    ],
)
def test_the_entry_point_compares_targets_as_text(text: str | None, beyond: bool) -> None:
    assert beyond_zero(text) is beyond


@pytest.mark.parametrize(
    ("text", "network", "host_bits"),
    [
        ("10.0.0.0/8", "10.0.0.0/8", False),
        ("10.1.2.3/8", "10.0.0.0/8", True),
        ("0.0.0.0/0", "0.0.0.0/0", False),
        ("1.2.3.4/32", "1.2.3.4/32", False),
        ("10.0.0.0/08", "10.0.0.0/8", False),
        ("10.0.0.0/0000000008", "10.0.0.0/8", False),
    ],
)
def test_cidrs(text: str, network: str, host_bits: bool) -> None:
    read = go_cidr(text)
    assert read is not None
    assert (str(read[0]), read[1]) == (network, host_bits)


@pytest.mark.parametrize(
    "text",
    ["10.0.0.0/", "10.0.0.0", "10.0.0.0/33", "2001:db8::/32", "10.0.0/8", "010.0.0.0/8", "", "/", "a/b", "1.2.3.4/٨"],
)
def test_what_is_no_ipv4_cidr(text: str) -> None:
    assert go_cidr(text) is None


@given(st.text(max_size=30) | st.from_regex(r"[+-]?[0-9x./]{0,20}", fullmatch=True))
def test_readers_are_total(text: str) -> None:
    go_bool(text)
    go_int(text)
    go_int_any_base(text)
    go_cidr(text)
    beyond_zero(text)
    assert warm_target(text, 3) >= 0


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 4)), max_size=12))
def test_a_cover_of_everything_is_seen_however_it_is_cut(pieces: list[tuple[int, int]]) -> None:
    """Sixteenths of the address space, as the oracle counts them."""
    networks = [IPv4Network((number << 28, length), strict=False) for number, length in pieces]
    covered = {sixteenth for network in networks for sixteenth in range(16) if IPv4Address(sixteenth << 28) in network}
    assert covers_everything(networks) == (len(covered) == 16)
