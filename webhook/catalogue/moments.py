"""Moments as RFC 3339 writes them, and nothing looser: `datetime.fromisoformat` also takes weeks, blanks and halves."""

import re
from datetime import UTC, datetime, timedelta, timezone

_MOMENT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))", re.ASCII
)
_LEAP = 60


def read(text: str) -> datetime | None:
    """Read a moment.

    Args:
        text: A `date-time` of RFC 3339, section 5.6. Fractions beyond a microsecond are cut off. A leap second
            (second 60) is taken where one can be: in the last minute of a month in UTC; it counts as the next second.

    Returns:
        The moment with its offset; None for everything else, the year 0000 included.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    micro = int((found[7] or "")[:6].ljust(6, "0"))
    leap = second == _LEAP
    try:
        moment = datetime(year, month, day, hour, minute, second - leap, micro, _offset(*found.groups()[7:]))
        return _after_leap(moment) if leap else moment
    except (ValueError, OverflowError):
        return None


def _offset(sign: str | None, hours: str | None, minutes: str | None) -> timezone:
    """The offset from UTC. Raises ValueError where it is 24 hours or more."""
    if sign is None or hours is None or minutes is None:
        return UTC
    if int(minutes) >= 60:  # noqa: PLR2004 - minutes of an hour
        raise ValueError(minutes)
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(ahead if sign == "+" else -ahead)


def _after_leap(moment: datetime) -> datetime:
    """The second after a leap second, whose own is written as 59 here. Raises ValueError where there can be none."""
    following = moment.astimezone(UTC) + timedelta(seconds=1)
    if (following.day, following.hour, following.minute, following.second) != (1, 0, 0, 0):
        raise ValueError(moment)
    return following.replace(microsecond=0)
