"""Files of other programs: an error only if they mention the CNI."""

import pytest

from tests.inputs.files import look, missing, write

SENTENCE = "jobs:\n  go:\n    steps:\n      - run: kubectl -n kube-system rollout status ds/aws-node\n"
OTHERS = [
    ("", ""),
    ("# nothing\n---\n# aws-node\n", ""),
    ("%YAML 1.1\n---\n", ""),
    ("- hosts: all\n  tasks: []\n", "a list, not a Kubernetes object"),
    ("\n\nhello\n", "a single value, not a Kubernetes object"),
    ("services:\n  web: {image: nginx}\n", "apiVersion and kind missing"),
    ("apiVersion: v2\nname: a-chart\nversion: 1.0.0\n", "kind missing"),
    ("image: {{ .Values.image }}\n", "looks like a Helm template: render it first"),
    ("Resources:\n  A: !Ref B\n", "the tag !Ref is not supported in a manifest"),
    ("Resources:\n  A: !Sub '${AWS::Region}'\n", "looks like a CloudFormation template"),
    ("name: aws-node-termination-handler\nimage: x\n", "apiVersion and kind missing"),
    ("- {name: my-aws-node-x, cluster: CLUSTER_NAME}\n", "a list, not a Kubernetes object"),
    ("{% if a %}\na: 1\n{% endif %}\n", "looks like a Jinja template"),
    ("a: !!python/name:b.c\n", "the tag !!python/name:b.c is not supported"),
    ("a: .inf\n", "JSON cannot represent"),
    ("~: a\n", "a key is missing or null"),
    ("? [a, b]\n: c\n", "cannot be a key"),
    ("nav: [{CNI: docs/aws-node.md}]\npaths: [deploy/aws-node.yaml]\n", "apiVersion and kind missing"),
    (SENTENCE, "apiVersion and kind missing"),
]
OURS = [
    "image: {repository: amazon-k8s-cni}\n",
    "env: {WARM_IP_TARGET: '2'}\n",
    "- {name: AWS_VPC_K8S_CNI_LOGLEVEL, value: DEBUG}\n",
    "- ds/aws-node\n",
    "- system:serviceaccount:kube-system:aws-node\n",
    "aws-node: {}\n",
    "data: |\n  kind: DaemonSet\n  metadata: {name: aws-node}\n",
    "a: {{ .Values.ENABLE_PREFIX_DELEGATION }}\n",
]

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("content", "reason"), OTHERS)
def test_files_of_other_programs_are_no_error(content: str, reason: str, *, named: bool) -> None:
    write("top/a.yaml", content)
    reading = look("top/a.yaml" if named else "top")
    assert (reading.files, reading.changes) == (1, ())
    assert [unread.fatal for unread in reading.unread] == [False] * bool(reason)
    assert all(reason in unread.reason for unread in reading.unread)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("content", OURS)
def test_what_mentions_the_cni_and_is_no_object_is_fatal(content: str, *, named: bool) -> None:
    write("top/a.yaml", content)
    assert missing(look("top/a.yaml" if named else "top")).fatal


def test_json_with_comments_is_another_programs() -> None:
    assert not missing(look(write("tsconfig.json", '{\n  // strict\n  "strict": true\n}\n'))).fatal
    assert missing(look(write("a.json", '{\n  // us\n  "apiVersion": "v1"\n}\n'))).fatal
