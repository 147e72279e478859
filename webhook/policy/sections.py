"""The sections of a policy file, as frozen values."""

from datetime import date
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from webhook.model import Level

ContainerName = Literal["aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent"]
RuleId = Annotated[
    str, Meta(pattern=r"^[A-Z0-9]+(-[0-9]{3})?$", description="The ID of a rule, as listed by `cni-guard rules`.")
]
ReleaseNumber = Annotated[
    str, Meta(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$", description="A CNI release, such as 1.23.1.")
]
KubernetesVersion = Annotated[str, Meta(pattern=r"^1\.[0-9]{1,3}$")]
Digest = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")]


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """A section of the policy; unknown keys are errors."""


class Cluster(_Section, frozen=True):
    """Facts about the cluster that the evaluated objects do not contain."""

    name: Annotated[str, Meta(description="The name of the EKS cluster.")] | None = None
    region: (
        Annotated[str, Meta(description="The AWS region of the cluster; images from other regions cause a warning.")]
        | None
    ) = None
    kubernetes: (
        Annotated[str, Meta(pattern=r"^1\.[0-9]{1,3}$", description='The Kubernetes version of the cluster, "1.33".')]
        | None
    ) = None
    nodes: (
        Annotated[int, Meta(ge=0, description="The number of EC2 nodes, where no snapshot of the cluster tells it.")]
        | None
    ) = None
    scoped_by_name: Annotated[
        bool, Meta(description="Subnet tags or the IAM policy of aws-node are scoped by cluster name.")
    ] = False


class Blocked(_Section, frozen=True):
    """A CNI release that must not be installed."""

    release: ReleaseNumber
    reason: str
    use: Annotated[ReleaseNumber, Meta(description="The release to use instead.")] | None = None


class Versions(_Section, frozen=True):
    """Which CNI releases may run, and how many minor versions one upgrade may span."""

    blocked: tuple[Blocked, ...] = ()
    max_minor_skip: Annotated[int, Meta(ge=1, description="How many minor versions one upgrade may span.")] = 1
    allow_skip: Annotated[bool, Meta(description="Only warn about an upgrade that spans more minor versions.")] = False
    digests: Annotated[dict[Digest, ReleaseNumber], Meta(description="The release of each image digest.")] = {}
    floor: Annotated[ReleaseNumber, Meta(description="The oldest CNI release that may be installed.")] | None = None
    floors: Annotated[
        dict[KubernetesVersion, ReleaseNumber],
        Meta(description="The oldest CNI release by Kubernetes version; these win over the built-in table."),
    ] = {}


class Rollout(_Section, frozen=True):
    """How a change of aws-node may be rolled out."""

    max_unavailable: Annotated[
        int,
        Meta(ge=1, le=100, description="The largest share of nodes, in percent, that may restart aws-node at once."),
    ] = 25


class Images(_Section, frozen=True):
    """Where CNI images may be pulled from."""

    registries: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9.:_-]*(/[a-zA-Z0-9._-]+)*/?$")], ...],
        Meta(description="Registries besides Amazon's own, with an optional path: registry.example.com/mirror."),
    ] = ()


class Targets(_Section, frozen=True):
    """How many addresses nodes keep warm."""

    profile: (
        Annotated[
            Literal["default", "small-subnet", "large-cluster", "prefix", "prefix-conserve"],
            Meta(description="What the targets are chosen for; large-cluster advises against WARM_IP_TARGET."),
        ]
        | None
    ) = None
    large_cluster: Annotated[
        int, Meta(ge=1, description="The number of nodes beyond which WARM_IP_TARGET strains the EC2 API.")
    ] = 100
    pods_per_node: (
        Annotated[
            int,
            Meta(ge=1, description="Pods that a node usually runs: MINIMUM_IP_TARGET is added as two more than this."),
        ]
        | None
    ) = None


class SecurityGroups(_Section, frozen=True):
    """Security groups for pods."""

    enforcing_mode: (
        Annotated[
            Literal["strict", "standard"],
            Meta(description="The mode to add where strict mode, the CNI's default, does not fit."),
        ]
        | None
    ) = None


class ExtraVariable(_Section, frozen=True):
    """An environment variable that is missing from the built-in tables."""

    name: Annotated[str, Meta(min_length=1)]
    container: ContainerName = "aws-node"


class Defaults(_Section, frozen=True):
    """Approved defaults: values to add when a new or changed aws-node does not set them."""

    # The schema that msgspec generates does not restrict keys to the names of a Literal.
    env: Annotated[
        dict[ContainerName, dict[str, str]],
        Meta(extra_json_schema={"propertyNames": {"enum": list(get_args(ContainerName))}}),
    ] = {}


class PolicyException(_Section, frozen=True):
    """Until a given day, a rule only warns about one object."""

    rule: RuleId
    resource: Annotated[str, Meta(description="The object as messages name it: DaemonSet kube-system/aws-node.")]
    owner: Annotated[str, Meta(min_length=1)]
    reason: Annotated[str, Meta(min_length=1)]
    until: Annotated[date, Meta(description="The last day of the exception (UTC).")]


class Policy(_Section, frozen=True):
    """What a team allows. Only `mode` is required: an empty file is more likely an accident than a choice."""

    mode: Annotated[
        Literal["observe", "enforce"],
        Meta(description="observe: every finding is a warning, no default is added; enforce: denials reject changes."),
    ]
    api_version: Literal["cni-guard.dev/v1alpha1"] = "cni-guard.dev/v1alpha1"
    cluster: Cluster = Cluster()
    versions: Versions = Versions()
    rollout: Rollout = Rollout()
    images: Images = Images()
    targets: Targets = Targets()
    security_groups: SecurityGroups = SecurityGroups()
    environment: Annotated[
        tuple[ExtraVariable, ...], Meta(description="Environment variables of a private build or of a newer release.")
    ] = ()
    rules: Annotated[
        dict[RuleId, Literal["deny", "warn", "off"]],
        Meta(
            description="The level of a rule: warn turns its denials into warnings, deny its warnings into denials "
            "(except those that leave a way back open), off disables it."
        ),
    ] = {}
    defaults: Defaults = Defaults()
    exceptions: tuple[PolicyException, ...] = ()
    acknowledge: Annotated[
        tuple[RuleId, ...] | None,
        Meta(description="Rules that the author of a change may acknowledge in the change; ROLL-003 by default."),
    ] = None
    on_crash: Annotated[
        Level, Meta(description="The outcome when a rule that can deny fails with an error: deny or warn.")
    ] = "deny"


BUILT_IN = Policy(mode="enforce")
"""The policy in force when no file is given or the given file cannot be loaded."""
