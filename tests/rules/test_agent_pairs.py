"""IMG-002: what a network policy agent beside another CNI does, by release and by what is in use."""

from copy import deepcopy

import pytest

from tests.changes import evaluated
from tests.rules.releases import daemonset
from webhook.catalogue.examples import container
from webhook.cni.identity import change_of

MODE = "NETWORK_POLICY_ENFORCING_MODE"


@pytest.mark.parametrize(
    ("release", "agent", "mode", "policies", "expected"),
    [
        ("1.17.1", "1.2.6", "standard", "false", "warn"),
        ("1.19.2", "1.2.6", "standard", "false", "warn"),
        ("1.19.2", "1.4.2", None, "false", "warn"),
        ("1.19.2", "1.2.6", "Strict", "false", "certain"),
        ("1.19.2", "1.2.6", "standard", "true", "deny"),
        ("1.19.2", "1.2.4", "standard", "true", "deny"),
        ("1.19.2", "1.2.2", "standard", "true", "warn"),
        ("1.16.4", "1.2.6", "strict", "false", "warn"),
        ("1.16.4", "1.2.6", None, "true", "deny"),
        ("1.19.3", "1.2.6", "standard", "false", "warn"),
        ("1.19.3", "1.2.6", "strict", "false", "deny"),
        ("1.19.3", "1.2.6", "standard", "true", "deny"),
        ("1.19.4", "1.2.6", "standard", "false", "certain"),
        ("1.19.4", "1.2.6", None, "false", "warn"),
        ("1.20.2", "1.2.5", "standard", "false", "certain"),
        ("1.22.4", "1.4.1", "standard", "false", "warn"),
        ("1.22.4", "1.4.1", "standard", "true", "deny"),
        ("1.23.1", "1.4.0", "standard", "false", "deny"),
        ("1.23.1", "1.2.5", "none", "false", "certain"),
        ("1.23.1", "1.4.2", "standard", "true", ""),
    ],
)
def test_a_pair(release: str, agent: str, mode: str | None, policies: str, expected: str) -> None:
    change = deepcopy(daemonset(release, {MODE: mode}))
    beside = container(change, "aws-eks-nodeagent")
    beside["image"] = f"{beside['image'].rpartition(':')[0]}:v{agent}"
    kept = [word for word in beside["args"] if not word.startswith("--enable-network-policy=")]
    beside["args"] = [*kept, f"--enable-network-policy={policies}"]
    verdict = evaluated(change_of("DaemonSet", change))
    found = [one for one in verdict.findings if one.rule == "IMG-002"]
    assert len(found) <= 1
    said = "" if not found else "certain" if found[0].problem.certain else found[0].level
    assert said == expected
