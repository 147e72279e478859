"""What people type at aws-node, and what the catalogue says of it: by hand, with the telling clause of each message."""

from dataclasses import dataclass

REGISTRY = "602401143452.dkr.ecr.us-west-2.amazonaws.com"
CNI, INIT = f"{REGISTRY}/amazon-k8s-cni", f"{REGISTRY}/amazon-k8s-cni-init"
AGENT = f"{REGISTRY}/amazon/aws-network-policy-agent"

SET_ENV = ("set", "env", "ds/aws-node", "-n", "kube-system")
SET_IMAGE = ("set", "image", "ds/aws-node", "-n", "kube-system")


@dataclass(frozen=True)
class Command:
    """A command on the official aws-node of a release; without a refusal it goes through."""

    name: str
    words: tuple[str, ...]
    denied: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    release: str = "1.22.4"


def _copied(*names: str) -> str:
    """What `kubectl set env` without -c always brings, since it writes to all three containers."""
    also = "is also set" if len(names) == 1 else "are also set"
    return f"ENV-001: {', '.join(names)} {also} in aws-vpc-cni-init and aws-eks-nodeagent, which does not read them"


def without_minimum(target: int) -> str:
    """What a warm target without a minimum costs."""
    return f"IPT-002: WARM_IP_TARGET={target} without MINIMUM_IP_TARGET"


COMMANDS = (
    Command(
        "warm-ip-target",
        (*SET_ENV, "WARM_IP_TARGET=10"),
        warned=(without_minimum(10), _copied("WARM_IP_TARGET")),
    ),
    Command(
        "warm-ip-target-where-it-belongs",
        (*SET_ENV, "-c", "aws-node", "WARM_IP_TARGET=10"),
        warned=(without_minimum(10),),
    ),
    Command(
        "external-snat",
        (*SET_ENV, "AWS_VPC_K8S_CNI_EXTERNALSNAT=true"),
        warned=(
            "SNAT-001: SNAT by the CNI goes on → off (AWS_VPC_K8S_CNI_EXTERNALSNAT=true)",
            _copied("AWS_VPC_K8S_CNI_EXTERNALSNAT"),
        ),
    ),
    Command(
        "minimum-ip-target",
        (*SET_ENV, "MINIMUM_IP_TARGET=5"),
        warned=(
            "IPT-001: MINIMUM_IP_TARGET=5 without a positive WARM_IP_TARGET",
            _copied("MINIMUM_IP_TARGET"),
        ),
    ),
    Command(
        "two-reserves",
        (*SET_ENV, "WARM_ENI_TARGET=3", "WARM_IP_TARGET=5"),
        denied=("IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5",),
        warned=(without_minimum(5), _copied("WARM_ENI_TARGET", "WARM_IP_TARGET")),
    ),
    Command(
        "prefixes-without-target",
        (*SET_ENV, "ENABLE_PREFIX_DELEGATION=true", "WARM_PREFIX_TARGET=0"),
        denied=(
            (
                "PFX-001: ENABLE_PREFIX_DELEGATION is on, but WARM_PREFIX_TARGET, WARM_IP_TARGET and MINIMUM_IP_TARGET "
                "are all zero, unset or written with a sign"
            ),
        ),
        warned=(
            "PFX-002: prefix delegation goes off → on",
            _copied("ENABLE_PREFIX_DELEGATION", "WARM_PREFIX_TARGET"),
        ),
    ),
    Command(
        "misspelled",
        (*SET_ENV, "-c", "aws-node", "WARM_IP_TARGETS=5"),
        denied=(
            (
                "ENV-001: WARM_IP_TARGETS is not read by container aws-node (names are case-sensitive; did you mean "
                "WARM_IP_TARGET?)"
            ),
        ),
    ),
    Command(
        "not-a-number",
        (*SET_ENV, "-c", "aws-node", "WARM_IP_TARGET=ten"),
        denied=('ENV-002: WARM_IP_TARGET="ten" must be an integer of at least 0',),
    ),
    Command(
        "all-images-one-minor-up",
        (
            *SET_IMAGE,
            f"aws-node={CNI}:v1.22.4",
            f"aws-vpc-cni-init={INIT}:v1.22.4",
            f"aws-eks-nodeagent={AGENT}:v1.4.0",
        ),
        warned=("IMG-004: only images change, from CNI 1.21.2 to 1.22.4",),
        release="1.21.2",
    ),
    Command(
        "blocked-release",
        (*SET_IMAGE, f"aws-node={CNI}:v1.22.1", f"aws-vpc-cni-init={INIT}:v1.22.1"),
        denied=("VER-002: CNI 1.22.1 is blocked",),
        warned=("IMG-004: only images change, from CNI 1.21.2 to 1.22.1",),
        release="1.21.2",
    ),
    Command(
        "two-minors-up",
        (*SET_IMAGE, f"aws-node={CNI}:v1.23.1"),
        denied=(
            "VER-004: the upgrade from CNI 1.21.2 to 1.23.1 skips 1 minor version",
            "VER-007: the livenessProbe asks :50051; the readinessProbe asks :50051",
            "IMG-001: aws-node is 1.23.1 but aws-vpc-cni-init is 1.21.2",
            "IMG-002: network policy agent 1.3.5 does not work with CNI 1.23.1",
        ),
        warned=("IMG-004: only images change, from CNI 1.21.2 to 1.23.1",),
        release="1.21.2",
    ),
    Command(
        "latest",
        (*SET_IMAGE, f"aws-node={CNI}:latest"),
        denied=(
            (
                f"VER-001: the CNI version of image {CNI}:latest cannot be determined (the object calls itself "
                "v1.22.4, which proves nothing)"
            ),
        ),
    ),
    Command(
        "foreign-registry",
        (*SET_IMAGE, "aws-node=docker.io/somebody/amazon-k8s-cni:v1.22.4"),
        denied=(
            "IMG-003: image docker.io/somebody/amazon-k8s-cni:v1.22.4 comes from docker.io, not from Amazon's registry",
        ),
    ),
)
