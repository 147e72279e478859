"""DEF-001: the defaults that the policy names."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.model import Edit, Problem


@rule(
    "DEF-001",
    "A default of the policy is absent",
    level="warn",
    link=links.VARIABLES,
    formerly=("P1",),
    bad=(),
)
def policy_default(case: AwsNodeCase) -> Iterator[Problem]:
    """The policy names values that every aws-node of this team carries (defaults.env), such as CLUSTER_NAME."""
    for name, wanted in case.policy.defaults.env.items():
        holder = next((one for one in case.new.roles if one.role == name), None)
        if holder is None or holder.defects:
            continue
        known = case.tables.variables[name]
        for variable, value in wanted.items():
            if (variable in known and known[variable].default == value) or not holder.lacks(variable):
                continue
            entry = {"name": variable, "value": value}
            yield Problem(
                path=holder.where(variable),
                evidence=holder.evidence(variable),
                level="warn",
                wrong=f"{variable} is absent in container {name}",
                effect=f'the policy wants "{value}" there',
                remedy=f'Set {variable}="{value}"',
                fixes=(Edit((*holder.path, "env"), None, entry, f"{name} env {variable}={value}"),),
            )
