"""How grave a rule is about an example: what the tests of single rules compare."""

from tests.changes import shown
from webhook.catalogue.examples import Example
from webhook.model import Finding, Verdict


def about(rule: str, example: Example) -> list[Finding]:
    """What one rule says of an example, with its facts and under its policy."""
    verdict = shown(example)
    assert verdict.errors == ()
    return [finding for finding in verdict.findings if finding.rule == rule]


def gravity(rule: str, example: Example) -> str:
    """The gravest that a rule says: ``certain``, ``deny``, ``warn``, or nothing at all."""
    found = about(rule, example)
    if any(one.problem.certain for one in found):
        return "certain"
    return min((one.level for one in found), default="")


def skipped(rule: str, verdict: Verdict) -> list[str]:
    """Why a rule was skipped."""
    return [one.reason for one in verdict.skipped if one.rule == rule]
