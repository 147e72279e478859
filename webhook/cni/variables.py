"""The environment variables of aws-node: which container reads them, how, since which release, and with what default.

Sources: the code of aws/amazon-vpc-cni-k8s over its tags (cmd/aws-vpc-cni/main.go, cmd/aws-vpc-cni-init/main.go, the
plugins, pkg/ipamd/ipamd.go, pkg/networkutils/network.go, pkg/awsutils, pkg/eniconfig, pkg/k8sapi, pkg/utils/logger,
utils/utils.go, misc/10-aws.conflist; up to 1.12.0 scripts/entrypoint.sh and scripts/init.sh), and
config/master/aws-k8s-cni.yaml of each tag. The first step of a row is the first tag whose code contains the name; the
README is sometimes wrong about it.

Three releases changed how most values are read: 1.12.1 replaced the shell scripts with a program, which distinguishes
an empty value from an absent one; 1.13.0 made that program read booleans with strconv.ParseBool; 1.16.0 did the same in
ipamd. 1.8.0, 1.15.0 and 1.16.4 added validation.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from webhook.cni.reading import (
    NO_EFFECT,
    RELEASE_TAG,
    Condition,
    Effect,
    Parser,
    Reading,
    Role,
    Shipped,
    Variable,
)
from webhook.cni.version import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "RELEASE_TAG",
    "VARIABLES",
    "Effect",
    "Parser",
    "Reading",
    "Role",
    "Variable",
    "by_name",
]

V = Version.of

_PROGRAM, _PARSED, _ALL_PARSED = "1.12.1", "1.13.0", "1.16.0"
"""The entry point is a program; it reads booleans with ParseBool; ipamd logs every boolean that it cannot parse."""


def _ships(value: str, first: str = "1.9.0", last: str = "") -> Shipped:
    """The history of a value that the manifest sets from one release on, until another one."""
    begin: Shipped = ((V(first), value),)
    return (*begin, (V(last), None)) if last else begin


def _row(
    name: str,
    *steps: tuple[str, Reading],
    ships: Shipped = (),
    container: Role = "aws-node",
    replacement: str = "",
) -> Variable:
    return Variable(name, container, tuple((V(first), reading) for first, reading in steps), replacement, ships)


def _bool(  # noqa: PLR0913 - a row of a table
    name: str,
    default: str,
    since: str,
    ships: Shipped = (),
    *,
    logged: str = _ALL_PARSED,
    true_only: bool = False,
) -> Variable:
    """A boolean of ipamd.

    Args:
        name: The variable.
        default: The default in the code.
        since: The first release that reads it.
        ships: The values in the official manifest.
        logged: The first release that logs an empty value as an error.
        true_only: Whether the entry point reads it too, and accepts only "true" as true.
    """
    last = Reading("bool", default, on_empty="default", on_bad="default")
    first = Reading("bool-quiet", default, on_empty="default-silent", on_bad="default", true_only=true_only)
    steps = ((since, first), (_PARSED if true_only else logged, last))
    return _row(name, *(steps if V(since) < V(logged) else ((since, last),)), ships=ships)


def _words(since: str) -> tuple[tuple[str, Reading], ...]:
    """A boolean of a shell script or of the program that replaced it; at first only "true" was true."""
    first = Reading("bool-true", "false", on_empty="default-silent", on_bad="default-silent")
    return (since, first), (_PARSED, Reading("bool", "false", on_empty="default", on_bad="default"))


_QUIET = Reading("bool-quiet", "false", on_empty="default-silent", on_bad="default")
"""A boolean that may be empty (parseBoolEnvVar of ipamd, getBoolEnvVar of networkutils)."""
_QUIET_ON = replace(_QUIET, default="true")


def _target(name: str, default: str, since: str, ships: Shipped = (), *, minimum: int = 0) -> Variable:
    """A number whose invalid values silently give the default (getWarmENITarget and similar functions)."""
    reading = Reading("target", default, on_empty="default-silent", on_bad="default-silent", minimum=minimum)
    return _row(name, (since, reading), ships=ships)


def _path(default: str | None) -> Reading:
    """A text that counts as absent if it is empty."""
    return Reading("path", default, on_empty="default-silent")


def _folder(name: str, *, since: str = "1.6.0", container: Role = "aws-node") -> Variable:
    """The host directory that plugins are copied to."""
    program = Reading("folder", "/host/opt/cni/bin", on_empty="harms", on_bad="harms")
    return _row(name, (since, _shell(program)), (_PROGRAM, program), container=container)


def _shell(reading: Reading) -> Reading:
    """The same variable in the shell script before the program: ``${NAME:-default}``, without validation."""
    return replace(reading, on_empty="default-silent", conflist="breaks" if reading.conflist else "")


def _cidrs(name: str, since: str) -> Variable:
    """A list of IPv4 CIDRs: parseCIDRString since 1.12.6, getExcludeSNATCIDRs before it."""
    last = Reading("cidrs", on_empty="default-silent", on_bad="skipped")
    early = ((since, replace(last, parser="cidrs-exact")),) if V(since) < V("1.12.6") else ()
    return _row(name, *early, ("1.12.6", last))


def _field(path: str, on_empty: Effect = "kept", only_with: tuple[Condition, ...] = ()) -> Reading:
    """A value from the downward API."""
    return Reading("field", on_empty=on_empty, field_path=path, only_with=only_with)


_INIT: Role = "aws-vpc-cni-init"
_AGENT: Role = "aws-eks-nodeagent"
_LEVELS = ("debug", "info", "warn", "error", "fatal")
_LOGS = "/var/log/aws-routed-eni"

_LEVEL = Reading("choice", "Debug", choices=_LEVELS, any_case=True, on_empty="default-silent", on_bad="default-silent")
_PLUGIN_LEVEL = replace(_LEVEL, conflist="exit")
_SNAT = Reading("choice", "prng", choices=("prng", "hashrandom", "none"), on_empty="default-silent", on_bad="default")
_VETH = Reading(
    "text", "eni", on_empty="harms", on_bad="exit", longest=4, forbidden=("eth", "lo", "vlan"), conflist="exit"
)
_MTU = Reading("integer", "9001", on_empty="exit", on_bad="exit", minimum=576, minimum6=1280, maximum=9001)
_ANY_MTU = Reading(
    "clamped", "9001", on_empty="default-silent", on_bad="default", minimum=576, maximum=9001, conflist="exit"
)
_SG_MODE = Reading(
    "choice",
    "strict",
    choices=("strict", "standard"),
    on_empty="exit",
    on_bad="exit",
    only_with=("security-groups-for-pods",),
    conflist="exit",
)
_NP_MODE = Reading(
    "choice", None, choices=("none", "strict", "standard"), any_case=True, on_empty="start-fails", on_bad="start-fails"
)
_LOG = Reading("text", f"{_LOGS}/plugin.log", on_bad="exit", forbidden=("stdout",), log_of="plugin", conflist="exit")
_EGRESS_LOG = Reading("text", f"{_LOGS}/egress-v4-plugin.log", log_of="egress-plugin", conflist="exit")
_CONFDIR = Reading("folder", "/host/etc/cni/net.d", on_empty="harms", on_bad="harms")
_NODE, _POD = "spec.nodeName", "metadata.name"

# fmt: off
VARIABLES: tuple[Variable, ...] = (
    # --- aws-node: the pool of addresses --------------------------------------------------------------------------
    _target("WARM_ENI_TARGET", "1", "1.0.0", _ships("1")),
    _target("WARM_IP_TARGET", "0", "1.1.0"),
    _target("MINIMUM_IP_TARGET", "0", "1.6.0"),
    _target("WARM_PREFIX_TARGET", "0", "1.9.0", _ships("1")),
    _bool("ENABLE_PREFIX_DELEGATION", "false", "1.9.0", _ships("false"), true_only=True),
    _target("MAX_ENI", "0", "1.4.0", minimum=1),  # 0 stands for the limit of the instance type
    _row("IP_COOLDOWN_PERIOD", ("1.15.0", Reading("integer", "30", on_empty="exit", on_bad="exit", minimum=0))),
    _row("AWS_MANAGE_ENIS_NON_SCHEDULABLE", ("1.12.6", _QUIET)),
    _row("ENABLE_SUBNET_DISCOVERY", ("1.18.0", _QUIET_ON), ships=_ships("true", "1.18.0")),
    _bool("DISABLE_NETWORK_RESOURCE_PROVISIONING", "false", "1.7.0", _ships("false", "1.9.1")),
    _bool("ENABLE_IMDS_ONLY_MODE", "false", "1.19.6", _ships("false", "1.19.6")),
    _bool("DISABLE_LEAKED_ENI_CLEANUP", "false", "1.13.0"),
    _bool("ENABLE_MULTI_NIC", "false", "1.20.0", _ships("false", "1.20.0")),
    _bool("MANAGE_UNTAGGED_ENI", "true", "1.9.1"),
    _row("AWS_VPC_K8S_CNI_BACKING_STORE", ("1.7.0", _path("/var/run/aws-node/ipam.json"))),
    _row("ADDITIONAL_ENI_TAGS", ("1.6.0", Reading("json", on_empty="default-silent", on_bad="dropped")),
         ships=_ships("{}")),
    _row("CLUSTER_NAME", ("1.1.0", _path(None))),
    # From 1.19.4 on ipamd starts without an API server where no feature needs one.
    _row("CLUSTER_ENDPOINT", ("1.12.1", Reading("url", on_empty="start-fails", on_bad="harms")),
         ("1.19.4", Reading("url", on_empty="harms", on_bad="harms"))),
    # --- aws-node: data path and SNAT -----------------------------------------------------------------------------
    _row("AWS_VPC_K8S_CNI_EXTERNALSNAT", ("1.1.0", _QUIET), ships=_ships("false")),
    _cidrs("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "1.6.0"),
    _cidrs("AWS_EXTERNAL_SERVICE_CIDRS", "1.12.6"),
    _row("AWS_VPC_K8S_CNI_RANDOMIZESNAT", ("1.4.0", replace(_SNAT, default="hashrandom")), ("1.7.0", _SNAT),
         ("1.11.0", replace(_SNAT, conflist="breaks", on_absent="exit")), ("1.11.4", replace(_SNAT, conflist="breaks")),
         (_PROGRAM, replace(_SNAT, conflist="exit")),
         ships=_ships("prng")),
    _row("AWS_VPC_CNI_NODE_PORT_SUPPORT", ("1.2.0", _QUIET_ON), ships=_ships("true")),
    _row("AWS_VPC_K8S_CNI_CONNMARK", ("1.2.0", Reading("mark", "0x80", on_empty="default-silent", on_bad="default",
                                                      minimum=1, maximum=2**32 - 1))),
    # The plugin has always refused a longer prefix, for each pod; the check at start is newer.
    _row("AWS_VPC_K8S_CNI_VETHPREFIX", ("1.0.0", replace(_shell(_VETH), on_bad="breaks", forbidden=())),
         ("1.8.0", _shell(_VETH)), (_PROGRAM, _VETH), ships=_ships("eni")),
    _row("AWS_VPC_ENI_MTU", ("1.6.0", _shell(_ANY_MTU)), (_PROGRAM, _ANY_MTU), ("1.16.4", _MTU), ships=_ships("9001")),
    _row("POD_MTU", ("1.16.4", replace(_MTU, default=None))),  # absent: the MTU of the interface
    _bool("DISABLE_POD_V6", "false", "1.15.0", logged="1.15.0"),
    _row("ENABLE_BANDWIDTH_PLUGIN", *_words("1.10.0")),
    _bool("ENABLE_IPv4", "false", "1.10.0", _ships("true", "1.10.0")),
    # Up to 1.12.0 the script names it without a default, under set -u.
    _row("ENABLE_IPv6", ("1.10.0", replace(_QUIET, on_absent="exit")), (_PROGRAM, _QUIET),
         (_PARSED, Reading("bool", "false", on_empty="default", on_bad="default")), ships=_ships("false", "1.10.0")),
    _bool("ENABLE_V4_EGRESS", "true", "1.15.1", logged="1.15.1"),
    _bool("ENABLE_V6_EGRESS", "false", "1.13.0", logged="1.13.0"),
    _bool("ENABLE_POD_ENI", "false", "1.7.0", _ships("false"), true_only=True),
    _row("POD_SECURITY_GROUP_ENFORCING_MODE", ("1.11.0", replace(_shell(_SG_MODE), only_with=())),
         (_PROGRAM, _SG_MODE)),
    _row("NETWORK_POLICY_ENFORCING_MODE", ("1.17.1", replace(_NP_MODE, default="standard", on_empty="default-silent")),
         ("1.19.4", _NP_MODE), ships=_ships("standard", "1.17.1")),
    _row("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", ("1.2.0", _QUIET), ships=_ships("false")),
    _row("ENI_CONFIG_LABEL_DEF", ("1.4.0", _path("k8s.amazonaws.com/eniConfig"))),
    _row("ENI_CONFIG_ANNOTATION_DEF", ("1.4.0", _path("k8s.amazonaws.com/eniConfig"))),
    _bool("ANNOTATE_POD_IP", "false", "1.9.3", _ships("false", "1.18.4", "1.19.0")),
    # --- aws-node: paths, identity, logs, clients -----------------------------------------------------------------
    _folder("HOST_CNI_BIN_PATH"),
    # From 1.12.1 to 1.14.1 the program had the name and used only the default.
    _row("HOST_CNI_CONFDIR_PATH", ("1.6.0", _shell(_CONFDIR)), (_PROGRAM, NO_EFFECT), ("1.15.0", _CONFDIR),
         replacement="the CNI configuration is written to /host/etc/cni/net.d all the same"),
    # From 1.13.0 on ipamd asks for its own node at start, from 1.15.1 to 1.16.2 only with custom networking.
    _row("MY_NODE_NAME", ("1.0.0", _field(_NODE)), (_PARSED, _field(_NODE, "start-fails")),
         ("1.15.1", _field(_NODE, "start-fails", ("custom-networking",))), ("1.16.3", _field(_NODE, "start-fails")),
         ships=_ships(_NODE)),
    _row("MY_POD_NAME", ("1.12.6", _field(_POD)), ships=_ships(_POD, "1.12.6")),
    _row("VPC_CNI_VERSION", ("1.15.1", Reading("text", "")), ships=_ships(RELEASE_TAG, "1.15.1")),
    _row("AWS_VPC_K8S_CNI_LOGLEVEL", ("1.0.0", replace(_LEVEL, default="Info")), ("1.6.1", _LEVEL),
         ships=_ships("DEBUG")),
    _row("AWS_VPC_K8S_CNI_LOG_FILE", ("1.0.0", _path(f"/host{_LOGS}/ipamd.log")),
         ships=_ships(f"/host{_LOGS}/ipamd.log")),
    _row("AWS_VPC_K8S_PLUGIN_LOG_FILE", ("1.6.1", replace(_shell(_LOG), on_bad="kept", forbidden=())),
         ("1.8.0", replace(_shell(_LOG), any_case=True)), (_PROGRAM, _LOG), ships=_ships(f"{_LOGS}/plugin.log")),
    _row("AWS_VPC_K8S_PLUGIN_LOG_LEVEL", ("1.6.1", _shell(_PLUGIN_LEVEL)), (_PROGRAM, _PLUGIN_LEVEL),
         ships=_ships("DEBUG")),
    _row("AWS_VPC_K8S_EGRESS_V4_PLUGIN_LOG_FILE", ("1.10.0", _shell(_EGRESS_LOG)), (_PROGRAM, _EGRESS_LOG),
         (_PARSED, replace(_EGRESS_LOG, family="ipv6"))),
    _row("AWS_VPC_K8S_EGRESS_V6_PLUGIN_LOG_FILE",
         (_PARSED, replace(_EGRESS_LOG, default=f"{_LOGS}/egress-v6-plugin.log", family="ipv4"))),
    _row("AGENT_LOG_PATH", ("1.6.0", _path("aws-k8s-agent.log")), (_PROGRAM, NO_EFFECT),
         replacement="ipamd writes to AWS_VPC_K8S_CNI_LOG_FILE"),
    _bool("DISABLE_METRICS", "false", "1.3.4", _ships("false")),
    _bool("DISABLE_INTROSPECTION", "false", "1.3.4", _ships("false")),
    _row("INTROSPECTION_BIND_ADDRESS", ("1.5.3", Reading("address", "127.0.0.1:61679", on_empty="exposes"))),
    # From 1.19.4 to 1.21.1 and in 1.22.0 it reaches the instance metadata alone, not EC2 (awssession/session.go).
    _row("HTTP_TIMEOUT", ("1.7.9", Reading("target", "10", on_empty="default", on_bad="default", minimum=10))),
    _row("AWS_EC2_ENDPOINT", ("1.13.0", Reading("url")), ("1.19.4", NO_EFFECT),
         replacement="the AWS SDK has AWS_ENDPOINT_URL_EC2 for this"),
    # --- aws-node: without effect today ---------------------------------------------------------------------------
    _row("AWS_VPC_K8S_CNI_CONFIGURE_RPFILTER", ("1.6.1", _QUIET_ON), (_PROGRAM, NO_EFFECT),
         ships=_ships("false", "1.9.0", "1.12.1"), replacement="the init container always sets rp_filter"),
    _row("ENABLE_NFTABLES", *_words(_PROGRAM), ("1.13.2", NO_EFFECT),
         replacement="the iptables mode is found out at start"),
    # --- aws-vpc-cni-init -----------------------------------------------------------------------------------------
    _row("DISABLE_TCP_EARLY_DEMUX", *_words("1.7.3"), ships=_ships("false"), container=_INIT),
    _row("ENABLE_IPv6", *_words("1.10.0"), ships=_ships("false", "1.10.0"), container=_INIT),
    _row("ENABLE_V6_EGRESS", (_PARSED, Reading("bool", "false", on_empty="default", on_bad="default")),
         container=_INIT),
    _folder("HOST_CNI_BIN_PATH", since="1.7.0", container=_INIT),
    # --- aws-eks-nodeagent: nearly everything else is a flag ------------------------------------------------------
    _row("MY_NODE_NAME", ("1.14.0", _field(_NODE)), ships=_ships(_NODE, "1.14.0"), container=_AGENT),
    # Read by the agents 1.0.1 to 1.0.6.
    _row("CONNTRACK_CACHE_CLEANUP_PERIOD", ("1.14.0", Reading("target", "300", on_empty="default-silent",
         on_bad="default", minimum=1)), ("1.15.5", NO_EFFECT), container=_AGENT,
         replacement="the agent has the flag --conntrack-cache-cleanup-period for this"),
)
# fmt: on
"""Every variable that any release reads, one row per container that reads it."""

_NOTHING: Mapping[str, Variable] = MappingProxyType({})
_BY_NAME: Mapping[str, Mapping[str, Variable]] = MappingProxyType(
    {
        container: MappingProxyType({row.name: row for row in VARIABLES if row.container == container})
        for container in ("aws-node", "aws-vpc-cni-init", "aws-eks-nodeagent")
    },
)


def by_name(container: str) -> Mapping[str, Variable]:
    """The variables of a container, by name; empty if the container is not part of the CNI."""
    return _BY_NAME.get(container, _NOTHING)
