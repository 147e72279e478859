"""Parses RFC 3339 timestamps strictly; `datetime.fromisoformat` also accepts week dates and other forms."""

import re
from datetime import UTC, datetime, timedelta, timezone

_MOMENT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))", re.ASCII
)
_LEAP = 60


def read(text: str) -> datetime | None:
    """Parse a timestamp.

    Args:
        text: A `date-time` of RFC 3339, section 5.6. Digits beyond microseconds are dropped. A leap second
            (second 60) is accepted in the last minute of a month in UTC and counts as the next second.

    Returns:
        The timestamp with its offset; None for anything else, including the year 0000.
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
    """The offset from UTC; raises ValueError if it is 24 hours or more."""
    if sign is None or hours is None or minutes is None:
        return UTC
    if int(minutes) >= 60:  # noqa: PLR2004 - minutes of an hour
        raise ValueError(minutes)
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(ahead if sign == "+" else -ahead)


def _after_leap(moment: datetime) -> datetime:
    """The second after a leap second, given as second 59; raises ValueError if no leap second is possible there."""
    following = moment.astimezone(UTC) + timedelta(seconds=1)
    if (following.day, following.hour, following.minute, following.second) != (1, 0, 0, 0):
        raise ValueError(moment)
    return following.replace(microsecond=0)
