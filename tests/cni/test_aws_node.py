"""The view: what aws-node will really see, and what nobody can know."""

from typing import Any

import pytest

from webhook.catalogue.examples import DaemonSet, container
from webhook.cni.aws_node import AwsNode
from webhook.cni.container import Unknown
from webhook.cni.stock import stock
from webhook.cni.version import Version
from webhook.model import CouldNotCheckError, UnknownValueError

DIGEST = "sha256:" + "ab" * 32


def view(**differences: Any) -> AwsNode:
    return AwsNode(DaemonSet(**differences).build())


def test_absent_empty_literal_and_unknown_are_four_things() -> None:
    source = {"valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    main = view(env={"MAX_ENI": "", "POD_MTU": "1400", "CLUSTER_NAME": source, "HTTP_TIMEOUT": "$(X)"}).required
    assert main.get("WARM_IP_TARGET") is None
    assert main.get("MAX_ENI") == ""
    assert main.get("POD_MTU") == "1400"
    for name in ("CLUSTER_NAME", "HTTP_TIMEOUT"):
        with pytest.raises(UnknownValueError, match=name):
            main.get(name)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ({"value": "x"}, "x"),
        ({}, ""),
        ({"value": None}, ""),
        ({"value": "$$(ESCAPED)"}, "$$(ESCAPED)"),
        ({"value": "$$$(REAL)"}, None),
        ({"value": "$(REAL)"}, None),
        ({"value": "$(unclosed"}, "$(unclosed"),
        ({"value": 5}, None),
        ({"value": True}, None),
        ({"valueFrom": {}}, None),
        ({"valueFrom": "x"}, None),
    ],
)
def test_the_value_of_an_entry(entry: dict[str, Any], value: str | None) -> None:
    read = view(env={"MAX_ENI": entry}).required.env["MAX_ENI"]
    assert read == value if value is not None else isinstance(read, Unknown)


def test_the_last_of_two_entries_wins() -> None:
    daemonset = stock()
    main = container(daemonset, "aws-node")
    main["env"] += [{"name": "WARM_ENI_TARGET", "value": "7"}]
    read = AwsNode(daemonset)
    assert read.target("WARM_ENI_TARGET") == 7
    assert read.required.repeated == {"WARM_ENI_TARGET": ["1", "7"]}
    assert read.required.where("WARM_ENI_TARGET")[-1] == len(main["env"]) - 1


def test_env_from_hides_what_is_not_written_out() -> None:
    daemonset = stock()
    container(daemonset, "aws-node")["envFrom"] = [{"configMapRef": {"name": "x"}}]
    read = AwsNode(daemonset)
    assert read.target("WARM_ENI_TARGET") == 1
    with pytest.raises(UnknownValueError, match="envFrom"):
        read.target("WARM_IP_TARGET")


@pytest.mark.parametrize(("value", "on"), [("true", True), ("T", True), ("yes", False), ("", False), (None, False)])
def test_a_flag_falls_back_to_the_code_s_default(value: str | None, on: bool) -> None:
    assert view(env={"ENABLE_POD_ENI": value}).pod_eni is on
    assert view(env={"ENABLE_SUBNET_DISCOVERY": value}).flag("ENABLE_SUBNET_DISCOVERY") is (
        True if value in {"yes", "", None} else on
    )


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("x.io/amazon-k8s-cni:v1.22.4", "1.22.4"),
        ("x.io/amazon-k8s-cni:1.22.4-eksbuild.3", "1.22.4"),
        (f"x.io/amazon-k8s-cni:v1.22.4@{DIGEST}", "1.20.5"),
        (f"x.io/amazon-k8s-cni@{DIGEST}", "1.20.5"),
        ("x.io/amazon-k8s-cni:latest", None),
        ("x.io/amazon-k8s-cni", None),
        ("x.io/amazon-k8s-cni:v1.22.4-rc1", "1.22.4"),
        ("not an image", None),
    ],
)
def test_the_version_is_that_of_digest_or_tag(image: str, version: str | None) -> None:
    read = AwsNode(DaemonSet(images={"aws-node": image}).build(), {DIGEST: "1.20.5"})
    assert read.version == (Version.of(version) if version else None)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        (f"x.io/amazon-k8s-cni@{DIGEST}", "1.21.2"),
        (f"x.io/amazon-k8s-cni:prod@{DIGEST}", "1.21.2"),
        (f"x.io/amazon-k8s-cni:v1.22.4@{DIGEST}", "1.22.4"),
        ("x.io/amazon-k8s-cni:v1.22.4", "1.22.4"),
        ("x.io/amazon-k8s-cni:prod", None),
        ("x.io/amazon-k8s-cni", None),
        ("x.io/amazon-k8s-cni:v1.22.4-rc1", "1.22.4"),
    ],
)
def test_an_annotation_tells_the_version_of_an_image_given_by_digest_alone(image: str, version: str | None) -> None:
    read = view(images={"aws-node": image}, annotations={"cni-guard.dev/cni-version": "1.21.2"})
    assert read.version == (Version.of(version) if version else None)


def test_a_candidate_in_the_annotation_tells_no_release() -> None:
    said = {"cni-guard.dev/cni-version": "1.23.1-rc1"}
    assert view(images={"aws-node": f"x.io/amazon-k8s-cni@{DIGEST}"}, annotations=said).version is None


def test_a_renamed_container_is_found_by_its_image() -> None:
    daemonset = stock()
    container(daemonset, "aws-node")["name"] = "cni"
    read = AwsNode(daemonset)
    assert read.main
    assert read.main.name == "cni"


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (("--enable-network-policy=true",), "true"),
        (("--enable-network-policy=true", "--enable-network-policy=false"), "false"),
        (("-enable-network-policy=1",), "false"),
        (("--enable-network-policy", "false"), "true"),
        (("--log-level", "--enable-network-policy=true"), None),
        (("--", "--enable-network-policy=true"), None),
        (("--enable-network-policy",), "true"),
        (("--enable-network-policy-x=true",), "false"),
    ],
)
def test_an_argument_of_the_agent(arguments: tuple[str, ...], value: str | None) -> None:
    assert view(arguments=arguments).argument("enable-network-policy") == value


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"spec": []}, {"spec": {"template": {"spec": {"containers": {}}}}}])
def test_any_shape_has_a_view(raw: Any) -> None:
    read = AwsNode(raw)
    assert read.version is None
    with pytest.raises(CouldNotCheckError):
        read.flag("ENABLE_POD_ENI")
