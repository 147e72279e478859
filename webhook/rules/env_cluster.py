"""ENV-014: the cluster that aws-node is told about."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from webhook.catalogue import links
from webhook.catalogue.examples import env
from webhook.catalogue.parts import warning
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.model import Problem
from webhook.printable import named


@rule(
    "ENV-014",
    "The cluster's endpoint or name is wrong",
    level="deny",
    link=links.VARIABLES,
    formerly=("ENV-006",),
    bad=(env(CLUSTER_ENDPOINT="EKS_CLUSTER_API_ENDPOINT"),),
    good=(env(CLUSTER_ENDPOINT="https://0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com"),),
)
def wrong_cluster(case: AwsNodeCase) -> Iterator[Problem]:
    """An endpoint that is not an https URL keeps ipamd from the API server; unrendered placeholders have been seen.

    CLUSTER_NAME matters where the policy says that IAM policies or subnets are scoped by it
    (`cluster.scopedByName`).
    """
    main = case.new.required
    endpoint = main.get("CLUSTER_ENDPOINT")
    if endpoint and not _is_https(endpoint):
        yield Problem(
            path=main.where("CLUSTER_ENDPOINT"),
            evidence=main.evidence("CLUSTER_ENDPOINT"),
            level="deny",
            wrong=f'CLUSTER_ENDPOINT="{endpoint[:200]}" is not an https:// URL',
            effect="ipamd cannot reach the API server",
            remedy="Write the endpoint that `aws eks describe-cluster` shows, or remove the variable",
        )
    if case.policy.cluster.scoped_by_name:
        yield from _wrong_name(case)


def _wrong_name(case: AwsNodeCase) -> Iterator[Problem]:
    name = case.new.required.get("CLUSTER_NAME")
    before = case.old.main.get("CLUSTER_NAME") if case.old is not None and case.old.main is not None else name
    if name and (not before or name == before):
        return
    changes = f"CLUSTER_NAME changes from {named(before or '')} to {named(name)}" if name else "CLUSTER_NAME is not set"
    yield warning(
        case,
        ("CLUSTER_NAME",),
        changes,
        "interfaces lack the cluster's tag, so IAM policies or subnets that are scoped by it lock ipamd out",
        "Set CLUSTER_NAME to the name of the EKS cluster",
    )


def _is_https(endpoint: str) -> bool:
    """Whether it is an https URL with a host that can be one: a placeholder has no dot."""
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme == "https" and ("." in host or ":" in host) and not set("<>{}$ ") & set(endpoint)
