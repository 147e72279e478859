"""IMG-004: an image that changes alone, and what the object says of its release beside the image."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import CNI, REGISTRY, DaemonSet, Example
from webhook.catalogue.parts import image_path, step
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.cni.aws_node import AwsNode
from webhook.cni.template import without_images
from webhook.cni.version import Version, parse_tag
from webhook.model import Path, Problem, at, text
from webhook.printable import named

_NAMED = 5
_LABEL = "app.kubernetes.io/version"
_CLAIM = "VPC_CNI_VERSION"


def _images(cni: str, agent: str) -> dict[str, str]:
    return {
        "aws-node": f"{CNI}:{cni}",
        "aws-vpc-cni-init": f"{REGISTRY}/amazon-k8s-cni-init:{cni}",
        "aws-eks-nodeagent": f"{REGISTRY}/amazon/aws-network-policy-agent:{agent}",
    }


@rule(
    "IMG-004",
    "Only the image changes, or the object names another release than its image",
    level="warn",
    link=links.TROUBLESHOOTING,
    bad=(
        Example(DaemonSet(release="1.21.2", images=_images("v1.22.4", "v1.4.0")), before=DaemonSet(release="1.21.2")),
        Example(DaemonSet(env={"VPC_CNI_VERSION": "v1.22.4"})),
    ),
    good=(
        Example(DaemonSet(release="1.23.1"), before=DaemonSet(release="1.22.4")),
        Example(DaemonSet(env={"VPC_CNI_VERSION": "v1.23.1-eksbuild.1"})),
    ),
)
def image_alone(case: AwsNodeCase) -> Iterator[Problem]:
    """A release comes with settings, probes and RBAC of its own: `kubectl set image` brings none of them.

    Where the image stays and the object names another release, a person who reads it is misled.
    """
    found = step(case)
    if case.old is not None and found is not None and found[0][:2] < found[1][:2] and _is_alone(case.old, case.new):
        yield _alone(case, *found)
        return
    old = case.old
    before = {} if old is None else {name: (said, old.version) for name, said, _ in _claims(old)}
    version = case.new.version
    for name, said, path in _claims(case.new):
        claimed = parse_tag(said)
        if version is None or claimed is None or before.get(name) == (said, version):
            continue
        if claimed.version not in {version, _labelled(case, version)}:
            yield Problem(
                path=path,
                evidence=(("CNI version", str(version)), (name, said)),
                level="warn",
                wrong=f"{name} says {named(said)}, and the image of aws-node is CNI {version}",
                effect="people and inventories that read it take the object for another release",
                remedy=f'Set it to "v{version}", as the manifest of {version} does',
            )


def _is_alone(old: AwsNode, new: AwsNode) -> bool:
    return bool(without_images(old.raw) == without_images(new.raw))


def _alone(case: AwsNodeCase, before: Version, now: Version) -> Problem:
    missing = _missing(case, before, now)
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    settings = f"settings ({', '.join(missing[:_NAMED])}{more}), " if missing else "settings, "
    return Problem(
        path=image_path(case.new),
        evidence=(("CNI version before", str(before)), ("CNI version", str(now))),
        level="warn",
        wrong=f"only images change, from CNI {before} to {now}",
        effect=f"the {settings}probes and RBAC that {now} comes with stay behind",
        remedy=f"Apply the whole manifest or chart of {now}",
    )


def _missing(case: AwsNodeCase, before: Version, now: Version) -> list[str]:
    """The variables that the manifest of a release begins to set and the object does not."""
    rows = case.tables.variables["aws-node"].values()
    return [
        row.name
        for row in rows
        if row.shipped_in(now) is not None
        and row.shipped_in(before) is None
        and not case.new.required.may_have(row.name)
    ]


def _claims(view: AwsNode) -> Iterator[tuple[str, str, Path]]:
    """What says which release the object is, beside its image; each with its path."""
    if view.main is not None and (said := view.main.known_text(_CLAIM)):
        yield f"{view.main.name} env {_CLAIM}", said, view.main.where(_CLAIM)
    if label := text(at(view.raw, "metadata", "labels", _LABEL)):
        yield f"label {_LABEL}", label, ("metadata", "labels", _LABEL)


def _labelled(case: AwsNodeCase, version: Version) -> Version | None:
    """The release that the official manifest has as its label, where that is another one."""
    return next((row.label for row in case.tables.releases if row.version == version), None)
