"""ROLL-004: what changes together."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example
from webhook.catalogue.parts import step
from webhook.catalogue.repairs import is_repair
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.template import TEMPLATE
from webhook.model import Problem

_FEATURES: Mapping[str, str] = MappingProxyType(
    {
        "AWS_VPC_K8S_CNI_EXTERNALSNAT": "SNAT",
        "ENABLE_PREFIX_DELEGATION": "prefix delegation",
        "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "custom networking",
        "ENABLE_POD_ENI": "security groups for pods",
    }
)


@rule(
    "ROLL-004",
    "Several changes of the data path in one rollout",
    level="warn",
    link=links.BEST_PRACTICES,
    bad=(
        Example(
            DaemonSet(release="1.23.1", env={"ENABLE_PREFIX_DELEGATION": "true"}), before=DaemonSet(release="1.22.4")
        ),
        Example(
            DaemonSet(env={"ENABLE_PREFIX_DELEGATION": "true", "AWS_VPC_K8S_CNI_EXTERNALSNAT": "true"}),
            before=DaemonSet(),
        ),
    ),
    good=(Example(DaemonSet(release="1.23.1"), before=DaemonSet(release="1.22.4")),),
)
def together(case: AwsNodeCase) -> Iterator[Problem]:
    """Each of these changes how packets leave a node: a fault after two of them cannot be traced to one."""
    if case.old is None or case.old.main is None or case.new.main is None:
        return
    old, new = case.old, case.new
    found = step(case)
    changed = ["the CNI version"] if found is not None and found[0] != found[1] else []
    names = [name for name in _FEATURES if old.flag(name) is not new.flag(name)]
    changed += [_FEATURES[name] for name in names]
    changed += ["network policy"] if old.network_policy is not new.network_policy else []
    if len(changed) < 2 or is_repair(case):  # noqa: PLR2004 - more than one
        return
    yield Problem(
        path=TEMPLATE,
        evidence=(("changes together", ", ".join(changed)), *case.new.required.as_read(*_FEATURES)),
        level="warn",
        wrong=f"{', '.join(changed[:-1])} and {changed[-1]} change together",
        effect="aws-node restarts on every node with all of them, and a fault cannot be traced to one",
        remedy="Roll them out one after the other",
    )
