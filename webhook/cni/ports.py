"""The ports of the node at which the containers of aws-node listen.

Sources: pkg/ipamd/introspect.go, cmd/aws-k8s-agent (metrics) and pkg/ipamd/rpc_handler.go of aws/amazon-vpc-cni-k8s;
main.go and pkg/config/runtime_config.go of aws/aws-network-policy-agent.
"""

import re
from collections.abc import Mapping

from webhook.cni.agents import IPAMD_PORT, IPAMD_SOCKET
from webhook.cni.aws_node import AwsNode
from webhook.cni.tables import Tables
from webhook.cni.values import go_bool
from webhook.cni.version import Version

_SWITCHES = {61678: ("DISABLE_METRICS", "ipamd (metrics)"), 61679: ("DISABLE_INTROSPECTION", "ipamd (introspection)")}
_OF_AGENT = {"metrics-bind-addr": "agent (metrics)", "health-probe-bind-addr": "agent (health)"}
_IS_PORT = re.compile("[1-9][0-9]{1,4}")
_AGENT_PORT = 50052


def ports(view: AwsNode, tables: Tables) -> Mapping[int, str]:
    """The ports by number, each with what listens there; none where the release is not known."""
    if view.main is None or view.version is None:
        return {}
    found = {
        port: user
        for port, (switch, user) in _SWITCHES.items()
        if go_bool(view.main.known_text(switch) or "") is not True
    }
    if tables.health_address(view.version) != IPAMD_SOCKET:
        found[IPAMD_PORT] = "ipamd (gRPC)"
    return found | _of_agent(view, view.version, tables)


def _of_agent(view: AwsNode, version: Version, tables: Tables) -> dict[int, str]:
    """Those of the network policy agent: its own call address, and where its flags say."""
    release = view.release_of(view.agent) if view.agent is not None else None
    if release is None:
        return {}
    socket = tables.epoch(version).to_agent.startswith("unix")
    found = {} if socket else {_AGENT_PORT: "the network policy agent (gRPC)"}
    for flag in tables.flags.values():
        if flag.name in _OF_AGENT:
            address = view.argument(flag.name) or flag.default(release) or ""
            port = address.rpartition(":")[2]
            if _IS_PORT.fullmatch(port):
                found[int(port)] = f"the network policy {_OF_AGENT[flag.name]}"
    return found
