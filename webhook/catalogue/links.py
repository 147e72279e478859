"""The links at the end of messages."""

_GUIDE = "https://docs.aws.amazon.com/eks/latest/userguide"
_REPOSITORY = "https://github.com/aws/amazon-vpc-cni-k8s"
_DOCS = f"{_REPOSITORY}/blob/master"

MANAGE = f"{_GUIDE}/managing-vpc-cni.html"
IMAGES = f"{_GUIDE}/add-ons-images.html"
SNAT = f"{_GUIDE}/external-snat.html"
CUSTOM_NETWORKING = f"{_GUIDE}/cni-custom-network.html"
IAM_ROLE = f"{_GUIDE}/cni-iam-role.html"
SECURITY_GROUPS = f"{_GUIDE}/security-groups-for-pods.html"
PREFIXES = f"{_GUIDE}/cni-increase-ip-addresses.html"
IPV6 = f"{_GUIDE}/cni-ipv6.html"
FIELDS = f"{_GUIDE}/kubernetes-field-management.html"
NETWORK_POLICY = f"{_GUIDE}/cni-network-policy.html"
BEST_PRACTICES = "https://docs.aws.amazon.com/eks/latest/best-practices/vpc-cni.html"
CHANGELOG = f"{_DOCS}/CHANGELOG.md"
TROUBLESHOOTING = f"{_DOCS}/docs/troubleshooting.md"
TARGETS = f"{_DOCS}/docs/eni-and-ip-target.md"
PREFIX_TARGETS = f"{_DOCS}/docs/prefix-and-ip-target.md"
NAMES = "https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"
WEBHOOKS = "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/"
VARIABLES = f"{_REPOSITORY}#cni-configuration-variables"


def variable(anchor: str) -> str:
    """The section about a variable in the README of the CNI."""
    return f"{_REPOSITORY}#{anchor}"
