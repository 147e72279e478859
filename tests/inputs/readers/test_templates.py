"""Templates: told from text, and each with the way out of the tool that it is written for."""

import json
import shlex
import shutil
import subprocess
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inputs.files import DAEMONSET, ENICONFIG, look, missing, names, write
from webhook.cni.probes import KINDS
from webhook.documents import templates
from webhook.inputs import Inputs

HELM = "helm template … | cni-guard check -"
KOPS = "kops toolbox template --template FILE --values VALUES | cni-guard check -"
TERRAFORM = "terraform show -json PLAN | jq"
ENVSUBST = "envsubst < FILE | cni-guard check -"
WAYS = (HELM, KOPS, TERRAFORM, ENVSUBST, "Jinja", "CloudFormation")

ENV = "          env: [{name: WARM_IP_TARGET, value: '@'}]\n"
WHOLE = DAEMONSET + ENV
IMAGE = "amazon-k8s-cni:v1.20.0"

pytestmark = pytest.mark.usefixtures("here")


def way(reading: Inputs) -> str:
    """The one way out that is named."""
    unread = missing(reading)
    assert unread.fatal
    [found] = [one for one in WAYS if one in unread.reason]
    return found


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("{{ .Values.x }}", HELM),
        ("{{ .Release.Name }}-{{ .x }}", HELM),
        ("{{ x }}", HELM),
        ("{{ .Networking.AmazonVPC.ImageName }}", KOPS),
        ("{{ ClusterName }}", KOPS),
        ("{{ x }}{% if y %}", "Jinja"),
        ("${var.x}", TERRAFORM),
        ("${local.a}", TERRAFORM),
        ('${lookup(a, "b")}', TERRAFORM),
        ("${a ? b : c}", TERRAFORM),
        ("${x}", TERRAFORM),
        ("${ x }", TERRAFORM),
        ("%{ if x }y%{ endif }", TERRAFORM),
        ("%{~ for x in y ~}", TERRAFORM),
        ("${VAR}", ENVSUBST),
        ("$VAR", ENVSUBST),
        ("v$VAR", ENVSUBST),
        ("$var", ENVSUBST),
        ("${VAR:-1.20}", ENVSUBST),
        ("${var:=1.20}", ENVSUBST),
        ("${x}$VAR", ENVSUBST),
        ("${AWS::Region}", "CloudFormation"),
    ],
)
@pytest.mark.parametrize("field", ["eniconfig", "name", "image", "value", "account"])
def test_reference_in_a_field_that_rules_read(reference: str, expected: str, field: str) -> None:
    quoted = json.dumps(reference)
    text = {
        "eniconfig": ENICONFIG.replace("subnet-1", quoted),
        "name": DAEMONSET.replace("  name: aws-node\n  n", f"  name: {quoted}\n  n"),
        "image": DAEMONSET.replace(IMAGE, quoted),
        "value": WHOLE.replace("'@'", quoted),
        "account": DAEMONSET.replace("      containers", f"      serviceAccountName: {quoted}\n      containers"),
    }[field]
    assert way(look(write("a.yaml", text))) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_reference_in_each_probe(kind: str) -> None:
    probe = f"          {kind}: {{exec: {{command: [/app/grpc-health-probe, '-addr=${{ADDRESS}}']}}}}\n"
    assert way(look(write("a.yaml", DAEMONSET + probe))) == ENVSUBST


def test_message_names_the_field_and_its_line() -> None:
    unread = missing(look(write("a.yaml", "# c\n" + DAEMONSET.replace("v1.20.0", "${TAG}"))))
    assert (unread.file, unread.line) == ("a.yaml", 2)
    assert "(spec.template.spec.containers[0].image in line 12): render it first" in unread.reason


@pytest.mark.parametrize(
    "text",
    [
        WHOLE.replace("'@'", "$(MY_NODE_NAME)"),
        WHOLE.replace("'@'", "'$$(A)'"),
        WHOLE.replace("'@'", "'5 $'"),
        WHOLE.replace("'@'", "'$${A} $$B $1 $@ %%{x}'"),
        WHOLE.replace("WARM_IP_TARGET, value: '@'", "MY_OWN, value: '$HOME ${x}'"),
        DAEMONSET + "          resources: {limits: {cpu: '${CPU}'}}\n",
        DAEMONSET + "          args: [-c, 'echo ${HOME} $x | grep y']\n",
        DAEMONSET + "          lifecycle: {preStop: {exec: {command: [sh, -c, 'kill $PID']}}}\n",
        DAEMONSET + "        - {name: mine, image: x, env: [{name: CLUSTER_NAME, value: $X}], args: ['--a=$X']}\n",
        DAEMONSET.replace("  namespace", "  annotations: {note: '$x {{ y }}'}\n  namespace"),
    ],
)
def test_elsewhere_a_dollar_is_text(text: str) -> None:
    reading = look(write("a.yaml", text))
    assert names(reading) == ["DaemonSet kube-system/aws-node"]
    assert reading.unread == ()


@pytest.mark.parametrize(
    "text",
    [
        DAEMONSET + "          env: ${jsonencode(env)}\n",
        DAEMONSET + "          env:\n            - ${more}\n",
        DAEMONSET + "        - ${sidecar}\n",
        DAEMONSET[: DAEMONSET.index("containers")] + "containers: ${containers}\n",
        DAEMONSET + "          args: ['--enable-network-policy=${x}']\n".replace("${x}", "${var.x}"),
        DAEMONSET.replace("apps/v1", "${api}"),
        DAEMONSET + "%{ if warm }\n" + ENV.replace("@", "1") + "%{ endif }\n",
        DAEMONSET
        + "          env:\n            %{~ for k, v in env ~}\n            - name: a\n            %{ endfor }\n",
        DAEMONSET + "          env: [{name: WARM_IP_TARGET, value: ${warm}}]\n",
    ],
)
def test_terraform_in_place_of_more_than_a_value(text: str) -> None:
    assert way(look(write("a.yaml", text))) == TERRAFORM


def test_jinja_blocks() -> None:
    text = f"{DAEMONSET}{{% if warm %}}\n{ENV}{{% endif %}}\n"
    assert way(look(write("a.yaml", text))) == "Jinja"


def test_kops_template_that_is_no_yaml() -> None:
    head = "# kops.k8s.io\n"
    text = head + DAEMONSET + "          {{- range .Networking.AmazonVPC.Env }}\n          - a\n          {{- end }}\n"
    assert way(look(write("top/k8s-1.16.yaml.template.yaml", text))) == KOPS


@pytest.mark.parametrize(
    ("marker", "braces", "expected"),
    [
        ("{{ .Values.a }}", "{{ include }}", HELM),
        ("{{- if AmazonVpcEnvVars.A }}", "{{ x }}", KOPS),
        ("{% if x %}", "{{ x }}", "Jinja"),
        ("%{ if x }", "${VAR}", TERRAFORM),
        ("'${A}'", "${b}", ENVSUBST),
    ],
)
def test_the_whole_text_tells_which_template_it_is(marker: str, braces: str, expected: str) -> None:
    other = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  x: {marker}\n---\n"
    for text in (ENICONFIG.replace("subnet-1", f"'{braces}'"), ENICONFIG.replace("subnet-1}", f"{braces}: [}}")):
        found = look(write("a.yaml", other + text)).unread[-1]
        assert expected in found.reason


@pytest.mark.parametrize("name", ["${name}", "$NAME", "{{ .Values.name }}"])
def test_name_that_hides_what_a_daemonset_is(name: str) -> None:
    image = DAEMONSET.replace("  name: aws-node\n  n", f"  name: '{name}'\n  n").replace(IMAGE, "'${IMAGE}'")
    assert missing(look(write("a.yaml", image))).fatal
    other = image.replace("aws-node", "agent")
    assert not missing(look(write("b.yaml", other))).fatal


def test_image_that_hides_what_a_daemonset_is() -> None:
    renamed = DAEMONSET.replace("  name: aws-node\n  n", "  name: vpc-cni\n  n").replace(IMAGE, "'${IMAGE}'")
    assert missing(look(write("a.yaml", renamed))).fatal
    handler = renamed.replace("aws-node", "aws-node-termination-handler")
    reading = look(write("b.yaml", handler))
    assert reading.unread == ()


@pytest.mark.parametrize("kind", ["ConfigMap", "Deployment"])
def test_other_kinds_may_hold_any_dollar(kind: str) -> None:
    text = f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: '${{NAME}}'}}\ndata: {{x: '$Y %{{z}}'}}\n"
    assert look(write("a.yaml", text)).unread == ()


@pytest.mark.skipif(shutil.which("envsubst") is None, reason="no envsubst here")
def test_envsubst_renders_what_is_then_read() -> None:
    text = DAEMONSET.replace("v1.20.0", "${TAG}")
    done = subprocess.run(
        ["envsubst"], input=text.encode(), env={"TAG": "v1.20.0"}, capture_output=True, check=True, timeout=60
    )
    assert names(look("-", stdin=done.stdout)) == ["DaemonSet kube-system/aws-node"]


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq here")
def test_manifests_of_a_terraform_plan() -> None:
    command = templates.TERRAFORM.split(" | ")[1]
    manifest = {"apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig", "metadata": {"name": "a"}}
    changes = [{"type": "kubernetes_manifest", "values": {"manifest": manifest, "x": ["y", 1]}}]
    plan = {"planned_values": {"root_module": {"resources": changes}}, "resource_changes": changes}
    whole = templates.TERRAFORM[templates.TERRAFORM.index("jq '") :]
    words = shlex.split(whole[: whole.index(" | cni-guard")])
    done = subprocess.run(words, input=json.dumps(plan).encode(), capture_output=True, check=True, timeout=60)
    assert command.startswith("jq")
    assert names(look("-", stdin=done.stdout)) == ["ENIConfig a"]


@pytest.mark.parametrize(
    "piece", ["${", "%{", "$", "{{", "%", "${a", "{{ ", "$A", "${A}", "%{a}", "{{ a }}", "aws-node-", "AWS_VPC_K8S_"]
)
@pytest.mark.parametrize("around", ["{}", ENICONFIG.replace("subnet-1", "'{{}}'").replace("{{}}", "{}")])
def test_time_grows_with_the_text(piece: str, around: str) -> None:
    def seconds(times: int) -> float:
        path = write("a.yaml", around.replace("{}", piece * times))
        start = process_time()
        look(path)
        return process_time() - start

    base = max(seconds(20_000), 0.02)
    assert seconds(160_000) < base * 40


def test_many_templates_in_one_text_are_told_in_time() -> None:
    def seconds(times: int) -> float:
        path = write("a.yaml", "---\n".join([ENICONFIG.replace("subnet-1", "${subnet}")] * times))
        start = process_time()
        assert len(look(path).unread) == times
        return process_time() - start

    base = max(seconds(200), 0.02)
    assert seconds(1600) < base * 40


NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,9}", fullmatch=True)
PLAIN = st.text(st.characters(exclude_characters="${}%"), max_size=20)


@given(PLAIN, NAMES, PLAIN)
def test_braces_around_a_name_in_capitals_are_the_shells(before: str, name: str, after: str) -> None:
    value = f"{before}${{{name}}}{after}"
    assert templates.way_out(value, value) == templates.ENVSUBST


@given(PLAIN, NAMES)
def test_what_kubernetes_expands_is_text(before: str, name: str) -> None:
    assert templates.way_out(f"{before}$({name})", "") == ""


@given(st.text())
def test_any_text_is_told_as_something(value: str) -> None:
    known = ("", templates.HELM, templates.JINJA, templates.KOPS, templates.TERRAFORM, templates.ENVSUBST)
    assert templates.way_out(value, value) in (*known, templates.CLOUDFORMATION)
