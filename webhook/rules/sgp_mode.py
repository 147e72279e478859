"""SGP: the enforcing mode of security groups for pods."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.bad_values import SG_MODE, bad_mode
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.model import Problem


@rule(
    "SGP-001",
    "An enforcing mode of security groups for pods that does not exist",
    level="deny",
    link=links.SECURITY_GROUPS,
    rests_on_releases=True,
    formerly=("ENV-003", "ENV-004"),
    bad=(
        env(ENABLE_POD_ENI="true", POD_SECURITY_GROUP_ENFORCING_MODE="Standard", certain=True),
        env(ENABLE_POD_ENI="true", POD_SECURITY_GROUP_ENFORCING_MODE="", certain=True),
        env(POD_SECURITY_GROUP_ENFORCING_MODE="lenient", level="warn"),
        Example(DaemonSet(release="1.11.5", env={SG_MODE: "lenient"}), certain=True),
    ),
    good=(env(POD_SECURITY_GROUP_ENFORCING_MODE="standard"),),
)
def no_such_mode(case: AwsNodeCase) -> Iterator[Problem]:
    """The entry point takes "strict" and "standard", in lower case, and exits on any other text.

    From 1.12.1 on it looks only where security groups for pods are on; before that always.
    """
    yield from bad_mode(case, SG_MODE)
