"""Blocked releases whose replacement is blocked too."""

from collections.abc import Iterator

from webhook.policy import Diagnostic, Loaded


def blocked_replacements(loaded: Loaded) -> Iterator[Diagnostic]:
    """Each blocked release that names a blocked one to use instead."""
    listed = loaded.policy.versions.blocked
    blocked = {one.release for one in listed}
    for index, one in enumerate(listed):
        if one.use in blocked:
            yield loaded.written.warning(
                ("versions", "blocked", index, "use"),
                f"{one.use} is named instead of {one.release}, and is blocked too",
                "name a release that the policy allows",
            )
