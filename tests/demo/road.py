"""The road on a cluster, as data: what a person wants, types and sees."""

from tests.demo.files import CIDR, NEWEST, NEXT, OLD, SUBNET
from tests.demo.step import Step

_SET_ENV = "kubectl set env daemonset/aws-node -n kube-system -c aws-node"
_ROLLED_OUT = ("successfully rolled out",)
_ROLLOUT = "kubectl rollout status daemonset/aws-node -n kube-system --timeout=50s"
_PODS = "kubectl get pods -n kube-system -l k8s-app=aws-node --sort-by=.spec.nodeName -o custom-columns="
_STATE = "kubectl get daemonset aws-node -n kube-system -o jsonpath="
_VERSION = "kubectl describe daemonset aws-node --namespace kube-system | grep amazon-k8s-cni: | cut -d : -f 3"

BEFORE = (
    Step(
        f"A cluster has its CNI before it has a guard: the official manifest of aws-node {OLD}.",
        f"kubectl apply -f aws-node-{OLD}.yaml",
        "seen",
        ("daemonset.apps/aws-node created",),
    ),
    Step("It comes up on all three nodes.", _ROLLOUT, "seen", _ROLLED_OUT),
)

_ENFORCE = """'{"data": {"policy.yaml": "mode: enforce\\n"}}'"""

INSTALL = (
    Step(
        "You want the guard: one command.",
        "kubectl apply -k manifests",
        "seen",
        ("job.batch/cni-guard-install created",),
    ),
    Step(
        "Its Job makes the certificates and registers it; it fails open until it has answered through the API server.",
        "kubectl wait --for=condition=complete job/cni-guard-install -n cni-guard --timeout=50s",
        "seen",
        ("condition met",),
    ),
    Step(
        "You want to see what fails closed now.",
        "kubectl get validatingwebhookconfiguration cni-guard "
        """-o jsonpath='{range .webhooks[*]}{.failurePolicy} {.name}{"\\n"}{end}'""",
        "seen",
        ("^Fail aws-node.cni-guard.dev$", "^Ignore aws-node-addon.cni-guard.dev$"),
    ),
    Step(
        "It only observes at first; two weeks later you want it to enforce.",
        f"kubectl patch configmap cni-guard-policy -n cni-guard --type=merge -p {_ENFORCE}",
        "seen",
        ("configmap/cni-guard-policy patched",),
    ),
)

_UPGRADE = (
    Step("You want to know which version runs, and ask as AWS's guide does.", _VERSION, "seen", (f"^v{OLD}$",)),
    Step(
        f"You want {NEWEST} at once: that would skip a minor version.",
        f"kubectl apply -f aws-node-{NEWEST}.yaml",
        "refused",
        ("VER-004: the upgrade .* skips 1 minor version", f"Go to {NEXT} first"),
    ),
    Step(
        "You want to be sure that nothing has changed: still the first generation, and no pod restarts.",
        _STATE + """'generation {.metadata.generation}: {.spec.template.spec.containers[0].image}{"\\n"}'""",
        "seen",
        (f"generation 1: .*:v{OLD}$",),
    ),
    Step(
        "You want to go on as you were told, to the next minor version.",
        f"kubectl apply -f aws-node-{NEXT}.yaml",
        "passed",
        ("configured",),
    ),
    Step("You want to see it roll out, node by node.", _ROLLOUT, "seen", _ROLLED_OUT),
    Step(
        "You want to see what runs on each node now.",
        f"{_PODS}NODE:.spec.nodeName,IMAGE:.spec.containers[0].image,STATUS:.status.phase",
        "seen",
        tuple(rf"node-{number} .*:v{NEXT} +Running" for number in (1, 2, 3)),
    ),
)

_SNAT = (
    Step(
        "You want a NAT gateway to translate addresses instead of the CNI: this changes the data path of every node.",
        f"{_SET_ENV} AWS_VPC_K8S_CNI_EXTERNALSNAT=true",
        "passed",
        ("Warning: SNAT-001: .*roll out off-hours", "env updated"),
    ),
    Step("You want to see it reach the three nodes.", _ROLLOUT, "seen", _ROLLED_OUT),
)

_TARGETS = (
    Step(
        "You want three spare interfaces and five spare addresses, and ask in a dry run first.",
        f"{_SET_ENV} WARM_ENI_TARGET=3 WARM_IP_TARGET=5 --dry-run=server",
        "refused",
        ("IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5",),
    ),
    Step(
        "You want to see whether the verdict is the same without the dry run.",
        f"{_SET_ENV} WARM_ENI_TARGET=3 WARM_IP_TARGET=5",
        "refused",
        ("IPT-004: WARM_ENI_TARGET=3 has no effect beside WARM_IP_TARGET=5",),
    ),
    Step(
        "You want at least five addresses on each node; alone it would cap the node, so its companion is added.",
        f"{_SET_ENV} MINIMUM_IP_TARGET=5",
        "passed",
        ("Warning: IPT-001: .*Added aws-node env WARM_IP_TARGET=2", "env updated"),
    ),
    Step("You want to see it reach the three nodes.", _ROLLOUT, "seen", _ROLLED_OUT),
    Step(
        "You want to see what is stored.",
        f"{_SET_ENV} --list | grep IP_TARGET",
        "seen",
        ("^MINIMUM_IP_TARGET=5$", "^WARM_IP_TARGET=2$"),
    ),
    Step(
        "You want to see that the pods really have it.",
        f"""{_PODS}'NODE:.spec.nodeName,WARM_IP_TARGET:.spec.containers[0].env[?(@.name=="WARM_IP_TARGET")].value'""",
        "seen",
        tuple(rf"node-{number} +2\b" for number in (1, 2, 3)),
    ),
)

_ENICONFIG = (
    Step(
        "You want pods of a zone in a subnet of their own, and write down the subnet's addresses instead of its ID.",
        "cat eniconfig-cidr.yaml",
        "seen",
        (f"subnet: {CIDR}",),
    ),
    Step("You want it in the cluster.", "kubectl apply -f eniconfig-cidr.yaml", "refused", ("ENIC-001", CIDR)),
    Step(
        f"You want it with the ID, {SUBNET}.",
        "kubectl apply -f eniconfig.yaml",
        "passed",
        ("eniconfig.crd.k8s.amazonaws.com/us-west-2a created",),
    ),
)

_AHEAD = (
    Step(
        f"You want to know whether the official manifest of {NEWEST} can follow now: it would undo your setting.",
        f"kubectl apply -f aws-node-{NEWEST}.yaml --dry-run=server",
        "refused",
        ("ROLL-003: this update resets AWS_VPC_K8S_CNI_EXTERNALSNAT",),
    ),
    Step(
        "You want to keep it, and carry it over into your manifest.",
        f"diff aws-node-{NEWEST}.yaml my-aws-node-{NEWEST}.yaml || true",
        "seen",
        ("> .*true",),
    ),
    Step(
        "You want the upgrade with your own manifest.",
        f"kubectl apply -f my-aws-node-{NEWEST}.yaml",
        "passed",
        ("configured",),
    ),
    Step("You want to see it reach the three nodes.", _ROLLOUT, "seen", _ROLLED_OUT),
)

CI = Step(
    "You want to find the conflict before it reaches a cluster, in CI, on the files of your repository.",
    "cni-guard check repository/",
    "refused",
    (r"repository/aws-node\.yaml:\d+:\d+: deny IPT-004", "2 of 2 objects in 2 files"),
)
"""The side of the files, the same with a cluster and without."""

_REST = (
    CI,
    Step(
        "You want to install aws-node anew, and delete it first: no new pod would get an address meanwhile.",
        "kubectl delete daemonset aws-node -n kube-system",
        "refused",
        ("DEL-001", "cni-guard.dev/allow-delete="),
    ),
    Step(
        "You want to see how it stands at the end: three of three nodes, on the newest release.",
        _STATE + """'{.status.numberReady} of {.status.desiredNumberScheduled} nodes ready{"\\n"}'; """ + _VERSION,
        "seen",
        ("^3 of 3 nodes ready", f"^v{NEWEST}$"),
    ),
)

_BREAK_GLASS = "--as=admin --as-group=system:masters --as-group=cni-guard:break-glass"

DEAD = (
    Step(
        "The guard is down, and you want to change the CNI: the API server can not ask, and refuses.",
        f"{_SET_ENV} WARM_IP_TARGET=3",
        "refused",
        ('failed calling webhook "aws-node.cni-guard.dev"',),
    ),
    Step(
        "You want it all the same: this is the break-glass.",
        f"{_SET_ENV} WARM_IP_TARGET=3 {_BREAK_GLASS}",
        "passed",
        ("env updated",),
    ),
)

REMOVE = (
    Step(
        "You want the guard gone, and nothing of it left.",
        "kubectl delete -k manifests --timeout=55s && kubectl get validatingwebhookconfigurations",
        "seen",
        ("No resources found",),
    ),
)

ROAD = _UPGRADE + _SNAT + _TARGETS + _ENICONFIG + _AHEAD + _REST
