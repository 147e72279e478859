"""What the rules say of a value at a release, against what the code of that release does with it."""

import pytest

from tests.rules.releases import Env, about, gravity, judged

SG, VETH, MTU = "POD_SECURITY_GROUP_ENFORCING_MODE", "AWS_VPC_K8S_CNI_VETHPREFIX", "AWS_VPC_ENI_MTU"
NP, LOG, PD = "NETWORK_POLICY_ENFORCING_MODE", "AWS_VPC_K8S_PLUGIN_LOG_FILE", "ENABLE_PREFIX_DELEGATION"
EGRESS6, EGRESS4 = "AWS_VPC_K8S_EGRESS_V6_PLUGIN_LOG_FILE", "AWS_VPC_K8S_EGRESS_V4_PLUGIN_LOG_FILE"
LEVEL, CONFDIR, BIN = "AWS_VPC_K8S_PLUGIN_LOG_LEVEL", "HOST_CNI_CONFDIR_PATH", "HOST_CNI_BIN_PATH"
IPV6 = {"ENABLE_IPv4": "false", "ENABLE_IPv6": "true", PD: "true"}


@pytest.mark.parametrize(
    ("release", "env", "name", "expected"),
    [
        # ipamd refuses a mode that it does not know
        ("1.23.1", {NP: "foo"}, NP, "certain"),
        ("1.17.1", {NP: "standard "}, NP, "certain"),
        ("1.19.4", {NP: "foo"}, NP, "certain"),
        ("1.23.1", {NP: "STRICT"}, NP, "warn"),
        ("1.23.1", {NP: ""}, NP, "certain"),
        ("1.19.3", {NP: ""}, NP, "warn"),
        # the entry point does, with security groups for pods; its script did without them too
        ("1.23.1", {SG: "Standard", "ENABLE_POD_ENI": "true"}, SG, "certain"),
        ("1.23.1", {SG: "Standard"}, SG, "warn"),
        ("1.11.5", {SG: "Standard"}, SG, "certain"),
        ("1.12.0", {SG: "Standard"}, SG, "certain"),
        ("1.11.5", {SG: "", "ENABLE_POD_ENI": "true"}, SG, "warn"),
        ("1.12.1", {SG: "", "ENABLE_POD_ENI": "true"}, SG, "certain"),
        ("1.12.5", {SG: "", "ENABLE_POD_ENI": "1"}, SG, "warn"),
        ("1.13.0", {SG: "", "ENABLE_POD_ENI": "1"}, SG, "certain"),
        # a log on standard output
        ("1.23.1", {LOG: "stdout"}, LOG, "certain"),
        ("1.23.1", {LOG: "STDOUT"}, LOG, "certain"),
        ("1.12.1", {LOG: "StdOut"}, LOG, "certain"),
        ("1.11.5", {LOG: "STDOUT"}, LOG, "certain"),
        ("1.6.4", {LOG: "stdout"}, LOG, "certain"),
        ("1.23.1", {LOG: "STDOUT", LEVEL: "error"}, LOG, ""),
        ("1.23.1", {LOG: "STDOUT", LEVEL: "info"}, LOG, "certain"),
        ("1.23.1", {LOG: "stdout", LEVEL: "error"}, LOG, "certain"),
        ("1.23.1", {LOG: "stderr"}, LOG, ""),
        ("1.23.1", {EGRESS6: "Stdout"}, EGRESS6, "certain"),
        ("1.13.0", {EGRESS6: "stdout"}, EGRESS6, "certain"),
        ("1.23.1", {EGRESS6: "stdout", LEVEL: "info"}, EGRESS6, ""),
        ("1.23.1", {EGRESS4: "stdout"}, EGRESS4, ""),
        ("1.23.1", {EGRESS4: "stdout", **IPV6}, EGRESS4, "certain"),
        ("1.23.1", {EGRESS6: "stdout", **IPV6}, EGRESS6, ""),
        ("1.12.6", {EGRESS4: "stdout"}, EGRESS4, "certain"),
        # MTUs were clamped before they were checked
        ("1.16.4", {MTU: "9100"}, MTU, "certain"),
        ("1.16.3", {MTU: "9100"}, MTU, "warn"),
        ("1.15.5", {MTU: "500"}, MTU, "warn"),
        ("1.6.0", {MTU: "jumbo"}, MTU, "warn"),
        ("1.15.5", {MTU: "1500"}, MTU, ""),
        ("1.15.5", {MTU: ""}, MTU, "warn"),
        ("1.15.5", {MTU: '"9001'}, MTU, "certain"),
        # prefixes of interfaces: each pod, then the script, then the program
        ("1.7.10", {VETH: "pods5"}, VETH, "certain"),
        ("1.7.10", {VETH: "eth"}, VETH, ""),
        ("1.8.0", {VETH: "eth"}, VETH, "certain"),
        ("1.12.0", {VETH: ""}, VETH, "warn"),
        ("1.12.1", {VETH: ""}, VETH, "deny"),
        # folders of the host
        ("1.12.0", {BIN: ""}, BIN, "warn"),
        ("1.12.1", {BIN: ""}, BIN, "deny"),
        ("1.12.0", {CONFDIR: ""}, CONFDIR, "warn"),
        ("1.14.1", {CONFDIR: "/host/etc/cni/net.d/x"}, CONFDIR, "warn"),
        ("1.15.0", {CONFDIR: ""}, CONFDIR, "deny"),
        ("1.15.0", {CONFDIR: "/host/etc/cni/net.d/x"}, CONFDIR, ""),
        ("1.15.0", {CONFDIR: "/host/etc/cni/elsewhere"}, CONFDIR, "deny"),
        # the target check of prefix delegation
        ("1.12.6", {PD: "1", "WARM_PREFIX_TARGET": None}, PD, ""),
        ("1.9.0", {PD: "True", "WARM_PREFIX_TARGET": None}, PD, ""),
        ("1.12.6", {PD: "true", "WARM_PREFIX_TARGET": None}, PD, "certain"),
        ("1.13.0", {PD: "1", "WARM_PREFIX_TARGET": None}, PD, "certain"),
        ("1.9.1", {PD: "true", "WARM_PREFIX_TARGET": "+5"}, PD, "warn"),
        ("1.12.0", {PD: "true", "WARM_PREFIX_TARGET": "+5"}, PD, "warn"),
        ("1.12.1", {PD: "true", "WARM_PREFIX_TARGET": "+5"}, PD, "certain"),
        ("1.9.1", {PD: "true", "WARM_PREFIX_TARGET": "-5"}, "WARM_PREFIX_TARGET", "certain"),
        ("1.9.0", {PD: "true", "WARM_PREFIX_TARGET": "-5"}, PD, ""),
        ("1.9.0", {PD: "true", "WARM_PREFIX_TARGET": ""}, PD, "certain"),
        # the conflist
        ("1.23.1", {LEVEL: "\x01"}, LEVEL, "certain"),
        ("1.23.1", {LOG: "/var/log/a\\b"}, LOG, ""),
        ("1.23.1", {LOG: "/var/log/a\\x"}, LOG, "certain"),
        ("1.11.5", {LOG: "/var/log/a~b"}, LOG, "deny"),
        ("1.10.0", {"AWS_VPC_K8S_CNI_RANDOMIZESNAT": '"'}, "AWS_VPC_K8S_CNI_RANDOMIZESNAT", "deny"),
        ("1.11.0", {"AWS_VPC_K8S_CNI_RANDOMIZESNAT": '"'}, "AWS_VPC_K8S_CNI_RANDOMIZESNAT", "certain"),
        # a node without its name
        ("1.12.6", {"MY_NODE_NAME": ""}, "MY_NODE_NAME", "warn"),
        ("1.15.0", {"MY_NODE_NAME": ""}, "MY_NODE_NAME", "certain"),
        ("1.16.2", {"MY_NODE_NAME": ""}, "MY_NODE_NAME", "warn"),
        ("1.16.3", {"MY_NODE_NAME": ""}, "MY_NODE_NAME", "certain"),
        ("1.19.3", {"CLUSTER_ENDPOINT": ""}, "CLUSTER_ENDPOINT", "certain"),
        ("1.19.4", {"CLUSTER_ENDPOINT": ""}, "CLUSTER_ENDPOINT", "deny"),
        # booleans of the script and of the first program
        ("1.12.6", {"ENABLE_BANDWIDTH_PLUGIN": "1"}, "ENABLE_BANDWIDTH_PLUGIN", "deny"),
        ("1.13.0", {"ENABLE_BANDWIDTH_PLUGIN": "1"}, "ENABLE_BANDWIDTH_PLUGIN", ""),
        ("1.12.6", {"ENABLE_BANDWIDTH_PLUGIN": "0"}, "ENABLE_BANDWIDTH_PLUGIN", ""),
        # the script under set -u
        ("1.12.0", {"ENABLE_IPv6": None}, "ENABLE_IPv6", "certain"),
        ("1.9.3", {"ENABLE_IPv6": None}, "ENABLE_IPv6", ""),
        ("1.12.1", {"ENABLE_IPv6": None}, "ENABLE_IPv6", ""),
        ("1.11.3", {"AWS_VPC_K8S_CNI_RANDOMIZESNAT": None}, "AWS_VPC_K8S_CNI_RANDOMIZESNAT", "certain"),
        ("1.11.4", {"AWS_VPC_K8S_CNI_RANDOMIZESNAT": None}, "AWS_VPC_K8S_CNI_RANDOMIZESNAT", ""),
        # what Go reads
        ("1.23.1", {"ADDITIONAL_ENI_TAGS": '{"a":null}'}, "ADDITIONAL_ENI_TAGS", ""),
        ("1.23.1", {"ADDITIONAL_ENI_TAGS": "null"}, "ADDITIONAL_ENI_TAGS", ""),
        ("1.23.1", {"ADDITIONAL_ENI_TAGS": '{"a":"\\ud800"}'}, "ADDITIONAL_ENI_TAGS", ""),
        ("1.23.1", {"AWS_VPC_K8S_CNI_LOGLEVEL": "\u0130nfo"}, "AWS_VPC_K8S_CNI_LOGLEVEL", ""),
        ("1.23.1", {"HTTP_TIMEOUT": "0" * 70 + "30"}, "HTTP_TIMEOUT", ""),
        ("1.5.7", {VETH: "pod"}, VETH, ""),
    ],
)
def test_a_value_at_a_release(release: str, env: Env, name: str, expected: str) -> None:
    assert gravity(release, env, name) == expected


@pytest.mark.parametrize(
    ("release", "name", "value", "expected"),
    [
        ("1.11.5", "DISABLE_TCP_EARLY_DEMUX", "True", "deny"),
        ("1.12.6", "ENABLE_IPv6", "1", "deny"),
        ("1.13.0", "DISABLE_TCP_EARLY_DEMUX", "True", ""),
        ("1.13.0", BIN, "/opt/elsewhere", "deny"),
    ],
)
def test_a_value_of_the_init_container(release: str, name: str, value: str, expected: str) -> None:
    assert gravity(release, {name: value}, name, holder="aws-vpc-cni-init") == expected


EXCLUDE = "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS"


@pytest.mark.parametrize(
    ("release", "value", "expected"),
    [
        ("1.11.5", "10.0.0.0/8, 192.168.0.0/16", "deny"),
        ("1.12.6", "10.0.0.0/8, 192.168.0.0/16", ""),
        ("1.11.5", "10.0.0.0/8,2001:db8::/32", "deny"),
        ("1.23.1", "::ffff:10.0.0.0/104", ""),
        ("1.23.1", "10.0.0.0/0000000008", ""),
        ("1.23.1", "10.0.0.0/8,\x1c192.168.0.0/16", "deny"),
        ("1.23.1", "10.0.0.0/8,\u00a0192.168.0.0/16", ""),
    ],
)
def test_a_list_of_networks_at_a_release(release: str, value: str, expected: str) -> None:
    assert gravity(release, {EXCLUDE: value}, EXCLUDE) == expected


def messages(release: str, env: Env, name: str) -> str:
    return "\n".join(one.message for one in about(judged(release, env), "aws-node", name))


def test_a_message_says_what_becomes_of_the_value() -> None:
    assert "without a log line" not in messages("1.23.1", {"HTTP_TIMEOUT": "5"}, "HTTP_TIMEOUT")
    reserved = '{"node.k8s.amazonaws.com/x": "1", "team": "net"}'
    assert "only the tags whose keys are not reserved" in messages(
        "1.23.1", {"ADDITIONAL_ENI_TAGS": reserved}, "ADDITIONAL_ENI_TAGS"
    )
    assert "takes 9001 instead" in messages("1.15.5", {MTU: "9100"}, MTU)
    assert "takes 576 instead" in messages("1.15.5", {MTU: "9"}, MTU)
    assert "random port" in messages("1.23.1", {"INTROSPECTION_BIND_ADDRESS": ""}, "INTROSPECTION_BIND_ADDRESS")
    assert "every new pod fails" in messages("1.7.10", {VETH: "pods5"}, VETH)
    assert "stderr" in messages("1.23.1", {LOG: "STDOUT"}, LOG)
    assert "stderr" not in messages("1.13.2", {LOG: "stdout"}, LOG)
    assert "until 1.15.0" in messages("1.14.1", {CONFDIR: "/host/etc/cni/net.d"}, CONFDIR)


@pytest.mark.parametrize("release", ["1.6.0", "1.12.0", "1.12.6"])
def test_a_variable_of_early_releases_is_known(release: str) -> None:
    assert not any(one.rule == "ENV-001" for one in judged(release, {"AGENT_LOG_PATH": "x.log"}).findings)


def test_a_variable_of_early_agents_is_known() -> None:
    name, holder = "CONNTRACK_CACHE_CLEANUP_PERIOD", "aws-eks-nodeagent"
    assert gravity("1.15.4", {name: "60"}, name, holder=holder) == ""
    assert {one.rule for one in about(judged("1.15.5", {name: "60"}, holder=holder), holder, name)} == {"ENV-005"}
