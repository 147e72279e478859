"""What a policy says in vain, said when it is loaded."""

from datetime import UTC, datetime

import pytest

from webhook import policycheck
from webhook.catalogue.rule import Rule
from webhook.cni.identity import change_of
from webhook.cni.stock import stock
from webhook.cni.tables import KNOWN
from webhook.engine.pipeline import Guard, validate
from webhook.policycheck.levels import is_always_certain
from webhook.rules import CATALOGUE

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NO_LONGER = "no longer does from the next minor version on"
AWS_NODE = "DaemonSet kube-system/aws-node"


def warned(text: str) -> tuple[str, ...]:
    """The warnings about a policy, without the name of the file, and without those about former IDs."""
    read = policycheck.read(f"mode: enforce\n{text}", "policy.yaml", CATALOGUE, NOW)
    said = (str(one).removeprefix("policy.yaml:") for one in read.warnings)
    return tuple(line for line in said if NO_LONGER not in line)


def excepted(rule: str = "IPT-004", resource: str = AWS_NODE, until: str = "2026-12-31") -> str:
    return f"- rule: {rule}\n  resource: {resource!r}\n  owner: net\n  reason: moving\n  until: {until}\n"


def exception(rule: str = "IPT-004", resource: str = AWS_NODE, until: str = "2026-12-31") -> tuple[str, ...]:
    return warned("exceptions:\n" + excepted(rule, resource, until))


def test_a_policy_that_says_nothing_in_vain_has_no_warnings() -> None:
    assert warned("defaults: {env: {aws-node: {CLUSTER_NAME: prod}}}\nrules: {SNAT-001: deny}\n") == ()
    assert exception() == ()
    assert exception("ENIC-001", "ENIConfig us-west-2a") == ()


@pytest.mark.parametrize(
    ("until", "said"),
    [
        (
            "2026-05-31",
            "7:3: the exception of IPT-004 for DaemonSet kube-system/aws-node ended on 2026-05-31; ",
        ),
        ("2026-06-01", "7:3: the exception of IPT-004 for DaemonSet kube-system/aws-node ends today, on 2026-06-01; "),
        ("2026-06-02", "ends tomorrow, on 2026-06-02; "),
        ("2026-06-15", "ends in 14 days, on 2026-06-15; extend it, or correct the object"),
    ],
)
def test_an_exception_that_ended_or_ends_soon(until: str, said: str) -> None:
    (line,) = exception(until=until)
    assert said in line


def test_an_exception_that_ends_in_more_than_two_weeks_is_not_mentioned() -> None:
    assert exception(until="2026-06-16") == ()


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ("aws-node", "4:3: the resource aws-node is not the name of an object; write it as messages do: "),
        ("DaemonSet kube-system aws-node", '4:3: the resource "DaemonSet kube-system aws-node" is not the name'),
        ("DaemonSet kube-system/aws-node/x", "is not the name of an object"),
        ("Daemonset kube-system/aws-node", "4:3: no rule is about the kind Daemonset; did you mean DaemonSet?"),
        ("Pod kube-system/aws-node", "no rule is about the kind Pod; "),
        ("ENIConfig us-west-2a", "4:3: IPT-004 is not about objects of kind ENIConfig; allowed here: DaemonSet"),
        ("DaemonSet aws-node", "DaemonSet aws-node lacks its namespace; write DaemonSet kube-system/aws-node"),
    ],
)
def test_an_exception_for_an_object_that_its_rule_never_sees(resource: str, said: str) -> None:
    (line,) = exception(resource=resource)
    assert said in line


def test_an_exception_for_an_object_of_the_wrong_name() -> None:
    (line,) = exception("ENIC-001", "ENIConfig kube-system/us-west-2a")
    assert "ENIConfig is cluster-scoped, and never has a namespace; write ENIConfig us-west-2a" in line
    rule = next(one for one in CATALOGUE if "ServiceAccount" in one.targets and one.level == "deny")
    (line,) = exception(rule.id, "ServiceAccount kube-system/aws-nod")
    assert "no rule is about this ServiceAccount; allowed here: ServiceAccount kube-system/aws-node" in line
    (line,) = exception(rule.id, "ServiceAccount default/aws-node")
    assert "no rule is about this ServiceAccount" in line


def test_an_exception_of_a_rule_that_does_not_deny() -> None:
    (line,) = exception("SNAT-001")
    assert "2:3" not in line
    assert line.startswith("3:3: the exception of SNAT-001 ")
    assert "has no effect: the rule does not deny anything (level warn); remove it" in line
    assert warned("rules: {SNAT-001: deny}\nexceptions:\n" + excepted("SNAT-001")) == ()
    (line,) = warned("rules: {IPT-004: off}\nexceptions:\n" + excepted())
    assert "(level off)" in line


def test_what_is_always_certain_has_neither_exception_nor_level() -> None:
    (line,) = exception("PFX-001")
    assert "has no effect: what the rule finds is certain to fail, and always denied" in line
    (line,) = warned("rules: {PFX-001: warn}\n")
    assert line.startswith("2:9: the level warn of PFX-001 has no effect: ")


def test_a_duplicate_exception() -> None:
    (line,) = warned("exceptions:\n" + excepted() + excepted(until="2027-01-01"))
    assert line.startswith("8:3: the exception of IPT-004 for DaemonSet kube-system/aws-node is listed twice")
    both = excepted(until="2026-01-01") + excepted()
    assert len(warned("exceptions:\n" + both)) == 1, "the one that ended does not count, so the other one does"


def test_an_exception_of_a_former_id_counts_for_what_it_became() -> None:
    assert exception("B3") == ()
    assert "certain to fail" in exception("B1")[0]


@pytest.mark.parametrize(
    ("env", "said"),
    [
        (
            "aws-node: {CLUSTER_NAMES: prod}",
            "aws-node does not read CLUSTER_NAMES; did you mean CLUSTER_NAME?",
        ),
        ("aws-node: {OUR_SETTING: x}", "does not read OUR_SETTING; "),
        (
            "aws-vpc-cni-init: {WARM_IP_TARGET: '5'}",
            "-init does not read WARM_IP_TARGET; it is read by aws-node",
        ),
    ],
)
def test_a_default_that_no_container_reads(env: str, said: str) -> None:
    (line,) = warned(f"defaults: {{env: {{{env}}}}}\n")
    assert said in line
    assert warned(f"defaults: {{env: {{{env}}}}}\nenvironment: [{{name: OUR_SETTING}}]\n") == (
        () if "OUR_SETTING" in env else (line,)
    )


def test_a_default_that_a_rule_denies() -> None:
    (line,) = warned("defaults:\n  env:\n    aws-node:\n      CLUSTER_NAME: prod\n      WARM_IP_TARGET: ten\n")
    assert line.startswith("6:7: ENV-002 denies this default in the official manifest of ")
    lines = warned("defaults: {env: {aws-node: {WARM_ENI_TARGET: '3', WARM_IP_TARGET: '5'}}}\n")
    assert any("IPT-004 denies this default" in line for line in lines)


def test_what_is_denied_without_the_defaults_too_is_not_blamed_on_them() -> None:
    blocked = f"versions: {{blocked: [{{release: {KNOWN.newest}, reason: ours}}]}}\n"
    assert warned(f"{blocked}defaults: {{env: {{aws-node: {{CLUSTER_NAME: prod}}}}}}\n") == ()


def test_a_default_that_is_denied_is_found_in_mode_observe_too() -> None:
    text = "mode: observe\ndefaults: {env: {aws-node: {WARM_IP_TARGET: ten}}}\n"
    assert policycheck.read(text, "policy.yaml", CATALOGUE, NOW).warnings


def test_a_blocked_release_that_names_a_blocked_one() -> None:
    blocked = (
        "versions:\n  blocked:\n  - {release: 1.20.3, reason: ours, use: 1.20.4}\n"
        "  - {release: 1.20.4, reason: ours, use: 1.20.5}\n"
    )
    (line,) = warned(blocked)
    assert line.startswith("4:37: 1.20.4 is named instead of 1.20.3, and is blocked too; ")


# --- laws over the catalogue -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", list(CATALOGUE), ids=lambda rule: rule.id)
def test_an_exception_for_what_a_rule_denies_is_in_order(rule: Rule) -> None:
    """Each object that an example denies is one that an exception may name."""
    if is_always_certain(rule) or rule.level == "warn":
        return
    for change in (example.change() for example in rule.bad if not example.file):
        if change.name and (change.namespace or change.kind not in {"DaemonSet", "SecurityGroupPolicy"}):
            assert exception(rule.id, str(change)) == ()


def test_no_default_of_the_official_manifest_is_reported() -> None:
    """Whatever the official manifest itself sets may be a default."""
    guard = Guard(policycheck.read("mode: enforce", "policy.yaml", CATALOGUE, NOW).loaded.policy, CATALOGUE)
    assert not validate(change_of("DaemonSet", stock()), guard, NOW).findings
    containers = stock()["spec"]["template"]["spec"]["containers"]
    values = {one["name"]: one["value"] for one in containers[0]["env"] if "value" in one}
    listed = ", ".join(f"{name}: {value!r}" for name, value in values.items())
    assert warned(f"defaults: {{env: {{aws-node: {{{listed}}}}}}}\n") == ()
