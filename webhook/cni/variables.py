"""The environment variables of aws-node: who reads them, how, since when, and what the manifest sets.

Sources: the code of aws/amazon-vpc-cni-k8s (cmd/aws-vpc-cni/main.go, cmd/aws-vpc-cni-init/main.go, pkg/ipamd/ipamd.go,
pkg/networkutils/network.go, pkg/awsutils, pkg/eniconfig, pkg/k8sapi, pkg/utils/logger, utils/utils.go) over its tags,
and config/master/aws-k8s-cni.yaml of each tag. ``since`` is the first tag whose code has the name, which is not always
what the README says. The names that the AWS SDK reads are those of aws-sdk-go-v2/config/env_config.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from webhook.cni.version import Version, at

if TYPE_CHECKING:
    from collections.abc import Mapping

Container = Literal["aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent"]

Parser = Literal[
    "bool",
    "bool-quiet",
    "target",
    "integer",
    "mark",
    "text",
    "path",
    "choice",
    "cidrs",
    "json",
    "url",
    "address",
    "field",
]
"""How the CNI reads a value.

``bool``        strconv.ParseBool; anything else, the empty text too, is logged as an error and gives the default
``bool-quiet``  strconv.ParseBool; the empty text gives the default without a word, anything else with a line in the log
``target``      strconv.Atoi, at least ``minimum``; anything else gives the default without a word
``integer``     strconv.Atoi between ``minimum`` and ``maximum``; anything else ends the entry point
``mark``        strconv.ParseInt with a prefix for the base (0x80), between ``minimum`` and ``maximum``
``text``        any text, the empty one included: a default counts only for an absent variable
``path``        any text, but the empty one gives the default
``choice``      one of ``choices``, in any case if ``any_case``
``cidrs``       IPv4 CIDRs separated by commas, blanks around them allowed
``json``        a JSON object of strings
``url``         an absolute URL, used as it stands
``address``     host:port or unix:path, used as it stands
``field``       taken from the pod by the downward API, from ``field_path``
"""

Effect = Literal["default", "default-silent", "exit", "start-fails", "breaks", "skipped", "dropped", "kept"]
"""What becomes of a value that the parser does not like.

``default``         the default of the code takes its place, with a line in the log
``default-silent``  the same without a line
``exit``            the entry point ends with status 1
``start-fails``     ipamd refuses to start
``breaks``          it is used as it stands, and the node loses its network or its API server
``skipped``         the bad item is left out of the list, with a line in the log
``dropped``         the whole value is left out, with a line in the log
``kept``            it is used as it stands, which at worst makes the setting useless
"""

Steps = tuple[tuple[Version, str | None], ...]

RELEASE_TAG = "<release tag>"
"""Stands for the tag of the release in ``Variable.shipped``."""

FIRST_SHIPPED = Version(1, 9, 0)
"""Where the history of the shipped values begins."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable as one container reads it."""

    name: str
    container: Container
    parser: Parser
    default: str | None
    """What the code uses where the variable is absent, as text; ``None`` where it then has no value."""
    since: Version | None
    """The first release that reads it; ``None`` where that is not known."""
    until: Version | None = None
    """The first release in which it has no effect any more."""
    choices: tuple[str, ...] = ()
    any_case: bool = False
    on_empty: Effect = "kept"
    empty_from: Version | None = None
    """The first release to which ``on_empty`` applies; before it the default took the place of the empty text."""
    on_bad: Effect = "kept"
    bad_from: Version | None = None
    """The first release to which ``on_bad`` applies; before it the default took the place of the bad value."""
    only_with: Literal["", "security-groups-for-pods"] = ""
    """The feature without which ``on_empty`` and ``on_bad`` do no harm."""
    minimum: int | None = None
    minimum6: int | None = None
    """The minimum of an IPv6 cluster, where it is another one."""
    maximum: int | None = None
    longest: int | None = None
    """The greatest number of bytes."""
    forbidden: tuple[str, ...] = ()
    """Texts that count as bad."""
    in_json: bool = False
    """The text goes into the conflist without escaping: a quote or a backslash ends aws-node after ipamd started."""
    field_path: str = ""
    """The path in the pod that the value has to come from."""
    replacement: str = ""
    """What to use instead of a variable without effect: a clause for a person."""
    shipped: Steps = ()
    """From which release on the official manifest sets which value; ``None``: from here on it sets none."""

    def dead_in(self, version: Version) -> bool:
        """Whether the variable has lost its effect in a release."""
        return self.until is not None and version >= self.until

    def shipped_in(self, version: Version) -> str | None:
        """The value in the official manifest of a release; ``None`` where the manifest does not name the variable."""
        value = at(self.shipped, version)
        return f"v{version}" if value == RELEASE_TAG else value


V = Version.of


def _ships(value: str, first: str = "1.9.0", last: str = "") -> Steps:
    """The history of a value that the manifest has set from one release on, until another one."""
    begin: Steps = ((V(first), value),)
    return (*begin, (V(last), None)) if last else begin


def _bool(  # noqa: PLR0913 - a row of a table
    name: str,
    default: str,
    since: str,
    ships: Steps = (),
    *,
    container: Container = "aws-node",
    until: str = "",
    replacement: str = "",
) -> Variable:
    """A boolean whose bad values are all logged (utils.GetBoolAsStringEnvVar)."""
    end = V(until) if until else None
    return Variable(
        name,
        container,
        "bool",
        default,
        V(since),
        end,
        on_empty="default",
        on_bad="default",
        shipped=ships,
        replacement=replacement,
    )


def _quiet(  # noqa: PLR0913 - a row of a table
    name: str,
    default: str,
    since: str,
    ships: Steps = (),
    *,
    until: str = "",
    replacement: str = "",
) -> Variable:
    """A boolean that may be empty (parseBoolEnvVar of ipamd, getBoolEnvVar of networkutils)."""
    end = V(until) if until else None
    return Variable(
        name,
        "aws-node",
        "bool-quiet",
        default,
        V(since),
        end,
        on_empty="default-silent",
        on_bad="default",
        shipped=ships,
        replacement=replacement,
    )


def _target(name: str, default: str, since: str, ships: Steps = (), *, minimum: int = 0) -> Variable:
    """A number whose bad values vanish without a trace (getWarmENITarget and its like)."""
    return Variable(
        name,
        "aws-node",
        "target",
        default,
        V(since),
        on_empty="default-silent",
        on_bad="default-silent",
        minimum=minimum,
        shipped=ships,
    )


def _path(name: str, default: str | None, since: str, ships: Steps = ()) -> Variable:
    """A text for which empty means absent."""
    return Variable(name, "aws-node", "path", default, V(since), on_empty="default-silent", shipped=ships)


def _logged(name: str, default: str, since: str, ships: Steps = (), *, forbidden: tuple[str, ...] = ()) -> Variable:
    """A log file of a plugin: its name travels in the conflist."""
    return Variable(
        name, "aws-node", "text", default, V(since), on_bad="exit", forbidden=forbidden, in_json=True, shipped=ships
    )


def _folder(name: str, default: str, *, container: Container = "aws-node") -> Variable:
    """A folder of the host into which plugins or the conflist are copied."""
    return Variable(name, container, "text", default, V("1.6.0"), on_empty="breaks", on_bad="breaks")


def _cidrs(name: str, since: str) -> Variable:
    """A list of IPv4 CIDRs (parseCIDRString)."""
    return Variable(name, "aws-node", "cidrs", None, V(since), on_empty="default-silent", on_bad="skipped")


def _field(  # noqa: PLR0913 - a row of a table
    name: str,
    path: str,
    since: str,
    ships: str,
    *,
    container: Container = "aws-node",
    on_empty: Effect = "kept",
) -> Variable:
    """A value that comes from the pod itself."""
    return Variable(
        name,
        container,
        "field",
        None,
        V(since),
        on_empty=on_empty,
        on_bad=on_empty,
        field_path=path,
        shipped=_ships(path, ships),
    )


_INIT: Container = "aws-vpc-cni-init"
_LEVELS = ("debug", "info", "warn", "error", "fatal")
_LOGS = "/var/log/aws-routed-eni"
_MTU_CHECKED = V("1.16.4")  # validateMTU of the entry point

# fmt: off
VARIABLES: tuple[Variable, ...] = (
    # --- aws-node: the pool of addresses --------------------------------------------------------------------------
    _target("WARM_ENI_TARGET", "1", "1.0.0", _ships("1")),
    _target("WARM_IP_TARGET", "0", "1.1.0"),
    _target("MINIMUM_IP_TARGET", "0", "1.6.0"),
    _target("WARM_PREFIX_TARGET", "0", "1.9.0", _ships("1")),
    _bool("ENABLE_PREFIX_DELEGATION", "false", "1.9.0", _ships("false")),
    _target("MAX_ENI", "0", "1.4.0", minimum=1),  # 0 stands for the limit of the instance type
    Variable("IP_COOLDOWN_PERIOD", "aws-node", "integer", "30", V("1.15.0"), on_empty="exit", on_bad="exit", minimum=0),
    _quiet("AWS_MANAGE_ENIS_NON_SCHEDULABLE", "false", "1.12.6"),
    _quiet("ENABLE_SUBNET_DISCOVERY", "true", "1.18.0", _ships("true", "1.18.0")),
    _bool("DISABLE_NETWORK_RESOURCE_PROVISIONING", "false", "1.7.0", _ships("false", "1.9.1")),
    _bool("ENABLE_IMDS_ONLY_MODE", "false", "1.19.6", _ships("false", "1.19.6")),
    _bool("DISABLE_LEAKED_ENI_CLEANUP", "false", "1.13.0"),
    _bool("ENABLE_MULTI_NIC", "false", "1.20.0", _ships("false", "1.20.0")),
    _bool("MANAGE_UNTAGGED_ENI", "true", "1.9.1"),
    _path("AWS_VPC_K8S_CNI_BACKING_STORE", "/var/run/aws-node/ipam.json", "1.7.0"),
    Variable("ADDITIONAL_ENI_TAGS", "aws-node", "json", None, V("1.6.0"), on_empty="default-silent", on_bad="dropped",
             shipped=_ships("{}")),
    _path("CLUSTER_NAME", None, "1.1.0"),
    Variable("CLUSTER_ENDPOINT", "aws-node", "url", None, V("1.12.1"), on_empty="breaks", on_bad="breaks"),
    # --- aws-node: data path and SNAT -----------------------------------------------------------------------------
    _quiet("AWS_VPC_K8S_CNI_EXTERNALSNAT", "false", "1.1.0", _ships("false")),
    _cidrs("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "1.6.0"),
    _cidrs("AWS_EXTERNAL_SERVICE_CIDRS", "1.12.6"),
    Variable("AWS_VPC_K8S_CNI_RANDOMIZESNAT", "aws-node", "choice", "prng", V("1.4.0"),
             choices=("prng", "hashrandom", "none"), on_empty="default-silent", on_bad="default", in_json=True,
             shipped=_ships("prng")),
    _quiet("AWS_VPC_CNI_NODE_PORT_SUPPORT", "true", "1.2.0", _ships("true")),
    Variable("AWS_VPC_K8S_CNI_CONNMARK", "aws-node", "mark", "0x80", V("1.2.0"), on_empty="default-silent",
             on_bad="default", minimum=1, maximum=2**32 - 1),
    Variable("AWS_VPC_K8S_CNI_VETHPREFIX", "aws-node", "text", "eni", V("1.6.0"), on_empty="breaks", on_bad="exit",
             longest=4, forbidden=("eth", "lo", "vlan"), in_json=True, shipped=_ships("eni")),
    Variable("AWS_VPC_ENI_MTU", "aws-node", "integer", "9001", V("1.6.0"), on_empty="exit", empty_from=_MTU_CHECKED,
             on_bad="exit", bad_from=_MTU_CHECKED, minimum=576, minimum6=1280, maximum=9001, shipped=_ships("9001")),
    Variable("POD_MTU", "aws-node", "integer", None, V("1.16.4"), on_empty="exit", on_bad="exit", minimum=576,
             minimum6=1280, maximum=9001),  # absent: the MTU of the interface
    _bool("DISABLE_POD_V6", "false", "1.15.0"),
    _bool("ENABLE_BANDWIDTH_PLUGIN", "false", "1.10.0"),
    _bool("ENABLE_IPv4", "false", "1.10.0", _ships("true", "1.10.0")),
    _bool("ENABLE_IPv6", "false", "1.10.0", _ships("false", "1.10.0")),
    _bool("ENABLE_V4_EGRESS", "true", "1.15.1"),
    _bool("ENABLE_V6_EGRESS", "false", "1.13.0"),
    _bool("ENABLE_POD_ENI", "false", "1.7.0", _ships("false")),
    Variable("POD_SECURITY_GROUP_ENFORCING_MODE", "aws-node", "choice", "strict", V("1.11.0"),
             choices=("strict", "standard"), on_empty="exit", on_bad="exit", only_with="security-groups-for-pods",
             in_json=True),
    Variable("NETWORK_POLICY_ENFORCING_MODE", "aws-node", "choice", None, V("1.17.1"),
             choices=("none", "strict", "standard"), any_case=True, on_empty="start-fails", empty_from=V("1.19.4"),
             on_bad="start-fails", shipped=_ships("standard", "1.17.1")),  # absent before 1.19.4: standard
    _quiet("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "false", "1.2.0", _ships("false")),
    _path("ENI_CONFIG_LABEL_DEF", "k8s.amazonaws.com/eniConfig", "1.4.0"),
    _path("ENI_CONFIG_ANNOTATION_DEF", "k8s.amazonaws.com/eniConfig", "1.4.0"),
    _bool("ANNOTATE_POD_IP", "false", "1.9.3", _ships("false", "1.18.4", "1.19.0")),
    # --- aws-node: paths, identity, logs, clients -----------------------------------------------------------------
    _folder("HOST_CNI_BIN_PATH", "/host/opt/cni/bin"),
    _folder("HOST_CNI_CONFDIR_PATH", "/host/etc/cni/net.d"),
    _field("MY_NODE_NAME", "spec.nodeName", "1.0.0", "1.9.0", on_empty="start-fails"),
    _field("MY_POD_NAME", "metadata.name", "1.12.6", "1.12.6"),
    Variable("VPC_CNI_VERSION", "aws-node", "text", "", V("1.15.1"), shipped=_ships(RELEASE_TAG, "1.15.1")),
    Variable("AWS_VPC_K8S_CNI_LOGLEVEL", "aws-node", "choice", "Debug", V("1.0.0"), choices=_LEVELS, any_case=True,
             on_empty="default-silent", on_bad="default-silent", shipped=_ships("DEBUG")),
    _path("AWS_VPC_K8S_CNI_LOG_FILE", f"/host{_LOGS}/ipamd.log", "1.0.0", _ships(f"/host{_LOGS}/ipamd.log")),
    _logged("AWS_VPC_K8S_PLUGIN_LOG_FILE", f"{_LOGS}/plugin.log", "1.6.1", _ships(f"{_LOGS}/plugin.log"),
            forbidden=("stdout",)),
    Variable("AWS_VPC_K8S_PLUGIN_LOG_LEVEL", "aws-node", "choice", "Debug", V("1.6.1"), choices=_LEVELS, any_case=True,
             on_empty="default-silent", on_bad="default-silent", in_json=True, shipped=_ships("DEBUG")),
    _logged("AWS_VPC_K8S_EGRESS_V4_PLUGIN_LOG_FILE", f"{_LOGS}/egress-v4-plugin.log", "1.10.0"),
    _logged("AWS_VPC_K8S_EGRESS_V6_PLUGIN_LOG_FILE", f"{_LOGS}/egress-v6-plugin.log", "1.13.0"),
    _bool("DISABLE_METRICS", "false", "1.3.4", _ships("false")),
    _bool("DISABLE_INTROSPECTION", "false", "1.3.4", _ships("false")),
    Variable("INTROSPECTION_BIND_ADDRESS", "aws-node", "address", "127.0.0.1:61679", V("1.5.3")),
    _target("HTTP_TIMEOUT", "10", "1.7.9", minimum=10),
    Variable("AWS_EC2_ENDPOINT", "aws-node", "url", None, V("1.13.0"), V("1.19.4"),
             replacement="the AWS SDK has AWS_ENDPOINT_URL_EC2 for this"),
    # --- aws-node: without effect today ---------------------------------------------------------------------------
    _quiet("AWS_VPC_K8S_CNI_CONFIGURE_RPFILTER", "true", "1.6.1", _ships("false", "1.9.0", "1.12.1"), until="1.12.1",
           replacement="the init container always sets rp_filter"),
    _bool("ENABLE_NFTABLES", "false", "1.12.1", until="1.13.2",
          replacement="the iptables mode is found out at start"),
    # --- aws-vpc-cni-init -----------------------------------------------------------------------------------------
    _bool("DISABLE_TCP_EARLY_DEMUX", "false", "1.7.3", _ships("false"), container=_INIT),
    _bool("ENABLE_IPv6", "false", "1.10.0", _ships("false", "1.10.0"), container=_INIT),
    _bool("ENABLE_V6_EGRESS", "false", "1.13.0", container=_INIT),
    _folder("HOST_CNI_BIN_PATH", "/host/opt/cni/bin", container=_INIT),
    # --- aws-eks-nodeagent: everything else is a flag -------------------------------------------------------------
    _field("MY_NODE_NAME", "spec.nodeName", "1.14.0", "1.14.0", container="aws-eks-nodeagent"),
)
# fmt: on
"""Every variable that some release reads, one row for each container that reads it."""

_NOTHING: Mapping[str, Variable] = MappingProxyType({})
_BY_NAME: Mapping[str, Mapping[str, Variable]] = MappingProxyType(
    {
        container: MappingProxyType({row.name: row for row in VARIABLES if row.container == container})
        for container in ("aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent")
    },
)


def by_name(container: str) -> Mapping[str, Variable]:
    """The variables that a container reads, by name; none for a container that is not the CNI's."""
    return _BY_NAME.get(container, _NOTHING)


_SDK = """
    AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE
    AWS_REGION AWS_DEFAULT_REGION AWS_ROLE_ARN AWS_ROLE_SESSION_NAME AWS_WEB_IDENTITY_TOKEN_FILE
    AWS_STS_REGIONAL_ENDPOINTS AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
    AWS_CONTAINER_AUTHORIZATION_TOKEN AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
    AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_CA_BUNDLE AWS_IGNORE_CONFIGURED_ENDPOINT_URLS
    AWS_USE_FIPS_ENDPOINT AWS_USE_DUALSTACK_ENDPOINT AWS_MAX_ATTEMPTS AWS_RETRY_MODE AWS_DEFAULTS_MODE
    AWS_EC2_METADATA_DISABLED AWS_EC2_METADATA_SERVICE_ENDPOINT AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE
    AWS_EC2_METADATA_V1_DISABLED AWS_SDK_UA_APP_ID AWS_ENDPOINT_URL
    HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy
    KUBECONFIG KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT
    GODEBUG GOMEMLIMIT GOGC GOMAXPROCS GOTRACEBACK SSL_CERT_FILE SSL_CERT_DIR TZ
    VPC_ID
"""

SDK_NAMES: frozenset[str] = frozenset(_SDK.split())
"""Names that the AWS SDK, client-go or the Go runtime read, in every container; VPC_ID is read by nobody, but the EKS
add-on sets it."""

SDK_PREFIXES: tuple[str, ...] = ("AWS_ENDPOINT_URL_",)
"""Beginnings of names that the AWS SDK reads: one endpoint for each service."""

_LONG, _SHORT = "AWS_VPC_K8S_CNI_", "AWS_VPC_CNI_"

NAME_TRAPS: Mapping[str, str] = MappingProxyType(
    {
        # one prefix for nearly all variables, and another one for a single variable
        **{
            row.name.replace(_LONG, _SHORT): row.name
            for row in by_name("aws-node").values()
            if row.name.startswith(_LONG)
        },
        "AWS_VPC_K8S_CNI_NODE_PORT_SUPPORT": "AWS_VPC_CNI_NODE_PORT_SUPPORT",
        "AWS_VPC_K8S_ENI_MTU": "AWS_VPC_ENI_MTU",
        "AWS_VPC_K8S_CNI_ENI_MTU": "AWS_VPC_ENI_MTU",
        "AWS_VPC_K8S_CNI_EXTERNAL_SNAT": "AWS_VPC_K8S_CNI_EXTERNALSNAT",
        "EXTERNALSNAT": "AWS_VPC_K8S_CNI_EXTERNALSNAT",
        "EXTERNAL_SNAT": "AWS_VPC_K8S_CNI_EXTERNALSNAT",
        "CUSTOM_NETWORK_CFG": "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG",
        # the V of the family
        "ENABLE_IPV4": "ENABLE_IPv4",
        "ENABLE_IPV6": "ENABLE_IPv6",
        "DISABLE_CONTAINER_V6": "DISABLE_POD_V6",  # printed by the changelog of 1.15.0, never in the code
        # the targets
        "MINIMUM_WARM_TARGET": "MINIMUM_IP_TARGET",
        "MIN_IP_TARGET": "MINIMUM_IP_TARGET",
        "WARM_IPS_TARGET": "WARM_IP_TARGET",
        "MAX_ENIS": "MAX_ENI",
        "MAX_PODS": "MAX_ENI",  # the number of pods is the kubelet's; the CNI limits interfaces
        # the node label that names an ENIConfig is a value, not a name
        "k8s.amazonaws.com/eniConfig": "ENI_CONFIG_LABEL_DEF",
        "vpc.amazonaws.com/eniConfig": "ENI_CONFIG_LABEL_DEF",
        "topology.kubernetes.io/zone": "ENI_CONFIG_LABEL_DEF",
        "failure-domain.beta.kubernetes.io/zone": "ENI_CONFIG_LABEL_DEF",
        # keys of the ConfigMap amazon-vpc-cni, which reach Windows nodes only
        "warm-ip-target": "WARM_IP_TARGET",
        "minimum-ip-target": "MINIMUM_IP_TARGET",
        "warm-prefix-target": "WARM_PREFIX_TARGET",
        "windows-warm-ip-target": "WARM_IP_TARGET",
        "windows-minimum-ip-target": "MINIMUM_IP_TARGET",
        "windows-warm-prefix-target": "WARM_PREFIX_TARGET",
    },
)
"""Wrong names that look right, each with the name that was meant. The code ignores every one of them."""
