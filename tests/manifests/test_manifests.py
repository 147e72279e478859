"""What is applied to a cluster: the promises that can be read off the files."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from certs.rights import rules
from tests.controlplane.progress import on_stderr
from tests.controlplane.toolchain import kubectl
from tests.manifests.rendered import MANIFESTS, Object, entries, one, registration, rendered
from webhook import __version__
from webhook.cluster import reads
from webhook.cni.neighbors import KINDS
from webhook.model import ADDON_MANAGER, BREAK_GLASS
from webhook.policy import load
from webhook.review import own_policy
from webhook.rules import CATALOGUE

TAKEN = {10248, 10249, 10250, 10255, 10256, 61678, 61679, 8162, 8163, 50051, 50052, 9100, 9443, 2703}
"""Host ports of kubelet, kube-proxy, aws-node, its agent, and what else is common on EKS nodes."""


def pod_spec(workload: Object) -> Any:
    return workload["spec"]["template"]["spec"]


DEPLOYMENT = pytest.param("Deployment", "cni-guard", id="deployment")
JOB = pytest.param("Job", "cni-guard-install", id="job")


def test_everything_is_in_the_namespace_and_labelled() -> None:
    for item in rendered():
        assert item["metadata"]["labels"]["app.kubernetes.io/name"] == "cni-guard"
        assert item["metadata"]["labels"]["app.kubernetes.io/version"] == __version__
        if item["kind"] not in {"Namespace", "ClusterRole", "ClusterRoleBinding"}:
            assert item["metadata"]["namespace"] == "cni-guard"
    assert one("Namespace", "cni-guard")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"


def test_the_registration_is_not_applied_with_the_rest() -> None:
    assert not [item for item in rendered() if "WebhookConfiguration" in item["kind"]]
    assert one("ConfigMap", "cni-guard-webhooks")["data"] == {
        "webhooks.yaml": (MANIFESTS / "webhooks.yaml").read_text()
    }


@pytest.mark.parametrize(("kind", "name"), [DEPLOYMENT, JOB])
def test_pods_do_not_need_the_cni_that_they_guard(kind: str, name: str) -> None:
    spec = pod_spec(one(kind, name))
    assert spec["hostNetwork"] is True
    assert spec["dnsPolicy"] == "Default"
    assert spec["priorityClassName"] == "system-cluster-critical"
    tolerated = {(t["key"], t.get("effect")) for t in spec["tolerations"] if t["operator"] == "Exists"}
    assert {("node.kubernetes.io/not-ready", None), ("node.kubernetes.io/network-unavailable", None)} <= tolerated


@pytest.mark.parametrize(("kind", "name"), [DEPLOYMENT, JOB])
def test_pods_have_no_more_rights_on_their_node_than_the_host_network(kind: str, name: str) -> None:
    spec = pod_spec(one(kind, name))
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostPID", "hostIPC"} & spec.keys()
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"].keys() == {"memory"}
        assert container["image"] == f"cni-guard:{__version__}"
    assert not [volume for volume in spec["volumes"] if "hostPath" in volume]


def test_the_serving_container_has_no_token() -> None:
    spec = pod_spec(one("Deployment", "cni-guard"))
    assert spec["automountServiceAccountToken"] is False
    assert one("ServiceAccount", "cni-guard")["automountServiceAccountToken"] is False
    mounting = [container["name"] for container in spec["containers"] if "token" in mounted(container)]
    assert mounting == ["facts"]
    tokens = [volume["name"] for volume in spec["volumes"] if "serviceAccountToken" in str(volume)]
    assert tokens == ["token"]


def mounted(container: Object) -> set[str]:
    return {mount["name"] for mount in container["volumeMounts"]}


def test_the_facts_are_written_where_they_are_read() -> None:
    serve, facts = pod_spec(one("Deployment", "cni-guard"))["containers"]
    assert "--facts=/facts/snapshot.json" in serve["args"]
    assert facts["args"] == ["facts", "--watch", "--output=/facts/snapshot.json"]
    assert {"name": "facts", "mountPath": "/facts", "readOnly": True} in serve["volumeMounts"]
    assert {"name": "facts", "mountPath": "/facts"} in facts["volumeMounts"]
    assert facts["resources"]["limits"] == {"memory": "128Mi"}


def test_the_deployment_rolls_on_two_nodes() -> None:
    deployment = one("Deployment", "cni-guard")
    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    (apart,) = pod_spec(deployment)["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    selector = deployment["spec"]["selector"]["matchLabels"]
    assert apart["topologyKey"] == "kubernetes.io/hostname"
    assert apart["labelSelector"]["matchLabels"] == selector
    assert selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert one("Service", "cni-guard")["spec"]["selector"] == selector
    budget = one("PodDisruptionBudget", "cni-guard")["spec"]
    assert budget["selector"]["matchLabels"] == selector
    assert budget["minAvailable"] == 1


def test_a_stop_leaves_time_to_be_missed_and_to_finish() -> None:
    spec = pod_spec(one("Deployment", "cni-guard"))
    pause = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] >= pause + 20 + 5


def test_ports_are_one_and_free() -> None:
    container, facts = pod_spec(one("Deployment", "cni-guard"))["containers"]
    assert "ports" not in facts
    (port,) = container["ports"]
    assert port["hostPort"] == port["containerPort"] == 8443
    assert port["hostPort"] not in TAKEN
    assert "--bind=[::]:8443" in container["args"]
    assert one("Service", "cni-guard")["spec"]["ports"] == [{"name": "webhook", "port": 8443, "targetPort": 8443}]
    for _, hook in entries():
        assert hook["clientConfig"]["service"]["port"] == 8443


def test_probes_ask_what_the_server_answers() -> None:
    container, _ = pod_spec(one("Deployment", "cni-guard"))["containers"]
    asked = {kind: container[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["path"] for probe in asked.values()} == {"/healthz", "/readyz"}
    assert asked["readinessProbe"]["path"] == "/readyz"
    assert {(probe["scheme"], probe["port"]) for probe in asked.values()} == {("HTTPS", "webhook")}


def test_another_namespace_is_followed_by_all(tmp_path: Path) -> None:
    overlay = {"resources": [os.path.relpath(MANIFESTS, tmp_path)], "namespace": "net-guard"}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    command: list[str | Path] = [kubectl(on_stderr), "kustomize", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for item in yaml.safe_load_all(done.stdout):
        assert item["metadata"].get("namespace", "net-guard") == "net-guard"
        assert {subject["namespace"] for subject in item.get("subjects", ())} <= {"net-guard"}


def test_the_shipped_policy_loads_and_observes() -> None:
    policy = one("ConfigMap", own_policy.NAME)["data"][own_policy.KEY]
    assert load(policy, own_policy.KEY, CATALOGUE.ids).mode == "observe"


# --- the registration ------------------------------------------------------------------------------------------------


def named(hook: Object) -> dict[str, str]:
    return {condition["name"]: condition["expression"] for condition in hook["matchConditions"]}


def test_what_fails_closed_and_what_open() -> None:
    policies = {(kind, hook["name"]): hook["failurePolicy"] for kind, hook in entries()}
    assert policies == {
        ("Validating", "aws-node.cni-guard.dev"): "Fail",
        ("Validating", "eniconfig.cni-guard.dev"): "Fail",
        ("Validating", "aws-node-addon.cni-guard.dev"): "Ignore",
        ("Validating", "eniconfig-addon.cni-guard.dev"): "Ignore",
        ("Validating", "neighbors.cni-guard.dev"): "Ignore",
        ("Validating", "neighbors-deletion.cni-guard.dev"): "Fail",
        ("Validating", "neighbors-deletion-addon.cni-guard.dev"): "Ignore",
        ("Validating", "securitygrouppolicies.cni-guard.dev"): "Ignore",
        ("Validating", "policy.cni-guard.dev"): "Ignore",
        ("Mutating", "aws-node.cni-guard.dev"): "Ignore",
    }


def test_only_exact_resources_are_matched() -> None:
    matched = {resource for _, hook in entries() for rule in hook["rules"] for resource in rule["resources"]}
    neighbors = {"serviceaccounts", "configmaps", "clusterroles", "clusterrolebindings", "customresourcedefinitions"}
    assert matched == {"daemonsets", "eniconfigs", "securitygrouppolicies"} | neighbors
    for _, hook in entries():
        assert "objectSelector" not in hook
        assert ("namespaceSelector" in hook) == hook["name"].startswith("policy")
        for rule in hook["rules"]:
            assert "*" not in rule["apiGroups"] + rule["operations"]


@pytest.mark.parametrize(
    ("kind", "hook"), entries(), ids=lambda value: value["name"] if isinstance(value, dict) else value
)
def test_each_entry_can_be_passed_and_never_lingers(kind: str, hook: Object) -> None:
    assert BREAK_GLASS in named(hook)["no-break-glass"]
    assert hook["sideEffects"] == "None"
    assert hook["matchPolicy"] == "Equivalent"
    assert hook["admissionReviewVersions"] == ["v1"]
    assert hook["timeoutSeconds"] <= 3
    assert hook["clientConfig"]["service"]["path"] == ("/mutate" if kind == "Mutating" else "/validate")
    assert "caBundle" not in hook["clientConfig"]


def test_the_manager_of_the_add_on_has_entries_of_its_own() -> None:
    for kind, hook in entries():
        expressions = " ".join(named(hook).values())
        if hook["name"].partition(".")[0].endswith("-addon"):
            assert f'== "{ADDON_MANAGER}"' in expressions
        elif hook["failurePolicy"] == "Fail" or kind == "Mutating":
            assert f'!= "{ADDON_MANAGER}"' in expressions, (kind, hook["name"])


def test_fields_are_read_so_that_no_condition_errors() -> None:
    """Whatever may be missing is read by `.?field.orValue(…)`; the API server's own test is in tests/controlplane."""
    for _, hook in entries():
        for name, expression in named(hook).items():
            reads = re.findall(r"\b(?:object|oldObject|o|c|userInfo)\.(\??)\w+", expression)
            assert all(optional == "?" for optional in reads), (hook["name"], name)


def test_the_two_files_say_the_same_of_aws_node() -> None:
    validating, mutating = registration()
    expressions = {
        named(hook)["is-aws-node"]
        for item in (validating, mutating)
        for hook in item["webhooks"]
        if "is-aws-node" in named(hook)
    }
    assert len(expressions) == 1


def test_neighbors_are_matched_by_the_names_that_the_guard_knows() -> None:
    for _, hook in entries():
        if expression := named(hook).get("is-neighbor"):
            names = {name for kind in KINDS.values() for name in kind.names}
            assert names == set(re.findall(r'"([\w.-]+)"', expression)) - RESOURCES - {"kube-system"}


RESOURCES = {"customresourcedefinitions", "clusterroles", "clusterrolebindings", "serviceaccounts", "configmaps"}


# --- rights ----------------------------------------------------------------------------------------------------------


def test_the_job_has_the_rights_that_its_code_uses_and_no_more() -> None:
    """tests/certs holds the code to the same list."""
    assert one("ClusterRole", "cni-guard")["rules"] == rules(namespaced=False)
    assert one("Role", "cni-guard-install")["rules"] == rules(namespaced=True)
    assert granted_to("cni-guard-install") == {"cni-guard", "cni-guard-install"}
    for item in rendered():
        for rule in item.get("rules", ()):
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]


def granted_to(account: str) -> set[str]:
    bindings = (item for item in rendered() if item["kind"] in {"RoleBinding", "ClusterRoleBinding"})
    return {item["roleRef"]["name"] for item in bindings if account in {who["name"] for who in item["subjects"]}}


def test_facts_may_read_what_its_code_reads_and_no_more() -> None:
    """tests/controlplane/test_facts.py reads a cluster with just these rights."""
    assert granted_to("cni-guard") == {"cni-guard-facts"}
    granted = one("ClusterRole", "cni-guard-facts")["rules"]
    assert granted == reads.rules()
    assert {verb for rule in granted for verb in rule["verbs"]} == {"list", "watch"}
    assert not [rule for rule in granted if "secrets" in rule["resources"]]
