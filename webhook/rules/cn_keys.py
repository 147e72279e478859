"""CN-002: how a node finds its ENIConfig."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import BY_ZONE, EVALUATED_AT, ONE_ZONE, DaemonSet, Example, env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.facts import EniConfig, Fact, Facts, Node
from webhook.model import Level, Problem
from webhook.printable import named

_SWITCH = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"
_LABEL, _ANNOTATION = "ENI_CONFIG_LABEL_DEF", "ENI_CONFIG_ANNOTATION_DEF"
_USUAL = "k8s.amazonaws.com/eniConfig"
_EXTERNAL = "vpc.amazonaws.com/externalEniConfig"
_ZONE, _OLD_ZONE = "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"
_DEFAULT = "default"


def _nodes(*labels: str, configs: tuple[str, ...] = ()) -> Facts:
    nodes = (Node(name="ip-10-0-0-1", labels=dict.fromkeys(labels, "us-west-2a")),)
    found = tuple(EniConfig(name=name) for name in configs)
    return Facts(nodes=Fact(nodes, "file", EVALUATED_AT), eni_configs=Fact(found, "file", EVALUATED_AT))


_TEAM = DaemonSet(env={_SWITCH: "true", _LABEL: "example.com/zone"})


@rule(
    "CN-002",
    "The key that leads a node to its ENIConfig is ambiguous, deprecated, on no node or not used",
    level="deny",
    needs=("nodes", "eni_configs"),
    link=links.variable("eni_config_label_def"),
    bad=(
        Example(_TEAM, facts=_nodes(_ZONE)),
        Example(_TEAM, facts=_nodes(_ZONE, configs=(_DEFAULT,)), level="warn"),
        Example(_TEAM, facts=_nodes("example.com/zone", _EXTERNAL), level="warn"),
        env(
            AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG="true",
            ENI_CONFIG_LABEL_DEF="topology.kubernetes.io/zone",
            ENI_CONFIG_ANNOTATION_DEF="example.com/zone",
            level="warn",
        ),
        env(AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG="true", ENI_CONFIG_LABEL_DEF=_OLD_ZONE, level="warn"),
        env(ENI_CONFIG_LABEL_DEF="topology.kubernetes.io/zone", level="warn"),
    ),
    good=(
        Example(DaemonSet(env=BY_ZONE), facts=ONE_ZONE),
        Example(_TEAM, facts=_nodes("example.com/zone", configs=("us-west-2a",))),
        Example(DaemonSet(env={_SWITCH: "true"}), facts=_nodes(_ZONE, configs=(_DEFAULT,))),
    ),
)
def ambiguous_key(case: AwsNodeCase) -> Iterator[Problem]:
    """A node takes the ENIConfig that an annotation names, else the one that a label names, else "default".

    Where the key is on no node, every node looks for an ENIConfig "default". The label
    vpc.amazonaws.com/externalEniConfig on a node wins over both (pkg/eniconfig/eniconfig.go).
    """
    main = case.new.required
    keys = [(name, value) for name in (_LABEL, _ANNOTATION) if (value := main.get(name))]
    if not keys:
        return
    if not case.new.custom_networking:
        for name, value in keys:
            yield _warning(
                case,
                name,
                f"{name}={named(value)} is not read while {_SWITCH} is off",
                "pods take their addresses from the node's own subnet",
                f"Set {_SWITCH}=true too, or remove {name}",
            )
        return
    if len(keys) > 1:
        yield _warning(
            case,
            _ANNOTATION,
            f"{_LABEL} and {_ANNOTATION} are both set",
            "a node with the annotation ignores the label",
            f"Remove {_ANNOTATION}, and let the label alone decide",
            _LABEL,
        )
    if main.get(_LABEL) == _OLD_ZONE:
        yield _warning(
            case,
            _LABEL,
            f"{_LABEL}={_OLD_ZONE} is a deprecated label",
            'nodes without it look for an ENIConfig "default"',
            f"Set {_LABEL}={_ZONE}",
        )
    yield from _on_nodes(case)


def _warning(case: AwsNodeCase, name: str, wrong: str, effect: str, remedy: str, *further: str) -> Problem:
    main = case.new.required
    return Problem(
        path=main.where(name),
        evidence=(*main.evidence(name, *further), *main.as_read(_SWITCH)),
        level="warn",
        wrong=wrong,
        effect=effect,
        remedy=remedy,
    )


def _on_nodes(case: AwsNodeCase) -> Iterator[Problem]:
    """What the nodes of the cluster have: nothing is said where they are not known."""
    if case.facts.nodes is None:
        return
    main = case.new.required
    nodes = [node for node in case.facts.nodes.value if node.compute == "ec2" and node.os == "linux"]
    label, annotation = main.get(_LABEL) or _USUAL, main.get(_ANNOTATION) or _USUAL
    hidden = sum(_EXTERNAL in node.labels for node in nodes)
    if hidden:
        yield _warning(
            case,
            _LABEL,
            f"{hidden} of {len(nodes)} nodes have the label {_EXTERNAL}",
            f"it wins over {label}, whatever that says",
            f"Remove the label {_EXTERNAL} from the nodes",
            _ANNOTATION,
        )
    if not nodes or any(_leads(node, label, annotation) for node in nodes):
        return
    key = f"{_LABEL}={named(label)}" if main.get(_LABEL) else f"{_ANNOTATION}={named(annotation)}"
    configs = case.facts.eni_configs
    fatal = configs is not None and not any(config.name == _DEFAULT for config in configs.value)
    level: Level = "deny" if fatal else "warn"
    yield Problem(
        path=main.where(_LABEL),
        evidence=(*main.evidence(_LABEL, _ANNOTATION), *main.as_read(_SWITCH), ("nodes with the key", "none")),
        level=level,
        wrong=f"{key} is on none of the nodes ({len(nodes)})",
        effect='every node looks for an ENIConfig "default"'
        + (", which does not exist: nodes get no interface for pods" if fatal else ""),
        remedy=f"Set {_LABEL}={_ZONE}, or put the key on the nodes first",
    )


def _leads(node: Node, label: str, annotation: str) -> bool:
    return annotation in node.annotations or label in node.labels or _EXTERNAL in node.labels
