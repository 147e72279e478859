"""Names of environment variables that the CNI itself does not read: those of its libraries, and wrong ones.

Sources: config/env_config.go of aws/aws-sdk-go-v2; README.md and CHANGELOG.md of aws/amazon-vpc-cni-k8s.
"""

from collections.abc import Mapping
from types import MappingProxyType

from webhook.cni.variables import by_name

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
"""Names that the AWS SDK, client-go or the Go runtime read, in every container; VPC_ID is not read, but the EKS
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
