"""The type of each field of a DaemonSet, and the fields of an object with another type.

The API server rejects an object with a wrong type before admission, and drops unknown fields. Source: the OpenAPI types
of Kubernetes, as in the models of the package `kubernetes`; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from webhook.model import Json, Path

ROOT: Final = "V1DaemonSet"
METADATA: Final = "V1ObjectMeta"

_PLAIN: Final[Mapping[str, tuple[type, ...]]] = MappingProxyType(
    {
        "text": (str,),
        "int": (int,),
        "bool": (bool,),
        "quantity": (str, int, float),
        "int-or-text": (int, str),
        "any": (object,),
    }
)
"""The types of JSON scalars."""

_CALLED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "text": "a string",
        "int": "an integer",
        "bool": "true or false",
        "quantity": "a quantity",
        "int-or-text": "an integer or a string",
        "[]": "a list",
        "{}": "a mapping",
    }
)


@dataclass(frozen=True, slots=True)
class Misshapen:
    """A value with a type that its field does not have."""

    path: Path
    value: Json
    wanted: str
    """The type of the field: ``a mapping``, ``a list``, ``a string``."""


def misshapen(value: Json, kind: str, path: Path = ()) -> Iterator[Misshapen]:
    """The values in an object with a wrong type; null is valid for every type.

    Args:
        value: The object, or a part of it.
        kind: A type of the table, or what stands there as the kind of a field.
        path: The path of the value.
    """
    parts = _parts(value, kind)
    if parts is None:
        yield Misshapen(path, value, _CALLED.get(kind) or _CALLED.get(kind[:2], _CALLED["{}"]))
        return
    for key, part, inner in parts:
        yield from misshapen(part, inner, (*path, key))


def _parts(value: Json, kind: str) -> list[tuple[str | int, Json, str]] | None:
    """The values inside a value with its own type; None if the value has another type."""
    if value is None:
        return []
    if kind in _PLAIN:
        return [] if _is_plain(value, kind) else None
    if kind.startswith("[]"):
        return [(index, part, kind[2:]) for index, part in enumerate(value)] if isinstance(value, list) else None
    if not isinstance(value, dict):
        return None
    if kind.startswith("{}"):
        return [(key, part, kind[2:]) for key, part in value.items()]
    return [(key, part, TYPES[kind][key]) for key, part in value.items() if key in TYPES[kind]]


def _is_plain(value: Json, kind: str) -> bool:
    if isinstance(value, bool):
        return kind in {"bool", "any"}
    # A float without a fraction may be written as an integer on its way to the API server.
    whole = isinstance(value, float) and value.is_integer() and "int" in kind
    return whole or isinstance(value, _PLAIN[kind])


# One line a type: its fields, each with its kind; ``[]`` is a list of what follows, ``{}`` a mapping to it.
_TABLE: Final = """\
CoreV1ResourceClaim: name=text request=text
V1AWSElasticBlockStoreVolumeSource: fsType=text partition=int readOnly=bool volumeID=text
V1Affinity: nodeAffinity=V1NodeAffinity podAffinity=V1PodAffinity podAntiAffinity=V1PodAntiAffinity
V1AppArmorProfile: localhostProfile=text type=text
V1AzureDiskVolumeSource: cachingMode=text diskName=text diskURI=text fsType=text kind=text readOnly=bool
V1AzureFileVolumeSource: readOnly=bool secretName=text shareName=text
V1CSIVolumeSource: driver=text fsType=text nodePublishSecretRef=V1LocalObjectReference readOnly=bool
  volumeAttributes={}text
V1Capabilities: add=[]text drop=[]text
V1CephFSVolumeSource: monitors=[]text path=text readOnly=bool secretFile=text secretRef=V1LocalObjectReference
  user=text
V1CinderVolumeSource: fsType=text readOnly=bool secretRef=V1LocalObjectReference volumeID=text
V1ClusterTrustBundleProjection: labelSelector=V1LabelSelector name=text optional=bool path=text signerName=text
  user=int
V1ConfigMapEnvSource: name=text optional=bool
V1ConfigMapKeySelector: key=text name=text optional=bool
V1ConfigMapProjection: items=[]V1KeyToPath name=text optional=bool
V1ConfigMapVolumeSource: defaultMode=int defaultUser=int items=[]V1KeyToPath name=text optional=bool
V1Container: args=[]text command=[]text env=[]V1EnvVar envFrom=[]V1EnvFromSource image=text imagePullPolicy=text
  lifecycle=V1Lifecycle livenessProbe=V1Probe name=text ports=[]V1ContainerPort readinessProbe=V1Probe
  resizePolicy=[]V1ContainerResizePolicy resources=V1ResourceRequirements restartPolicy=text
  restartPolicyRules=[]V1ContainerRestartRule securityContext=V1SecurityContext startupProbe=V1Probe stdin=bool
  stdinOnce=bool terminationMessagePath=text terminationMessagePolicy=text tty=bool volumeDevices=[]V1VolumeDevice
  volumeMounts=[]V1VolumeMount workingDir=text
V1ContainerPort: containerPort=int hostIP=text hostPort=int name=text protocol=text
V1ContainerResizePolicy: resourceName=text restartPolicy=text
V1ContainerRestartRule: action=text exitCodes=V1ContainerRestartRuleOnExitCodes
V1ContainerRestartRuleOnExitCodes: operator=text values=[]int
V1DaemonSet: apiVersion=text kind=text metadata=V1ObjectMeta spec=V1DaemonSetSpec
V1DaemonSetSpec: minReadySeconds=int revisionHistoryLimit=int selector=V1LabelSelector template=V1PodTemplateSpec
  updateStrategy=V1DaemonSetUpdateStrategy
V1DaemonSetUpdateStrategy: rollingUpdate=V1RollingUpdateDaemonSet type=text
V1DownwardAPIProjection: items=[]V1DownwardAPIVolumeFile
V1DownwardAPIVolumeFile: fieldRef=V1ObjectFieldSelector mode=int path=text resourceFieldRef=V1ResourceFieldSelector
  user=int
V1DownwardAPIVolumeSource: defaultMode=int defaultUser=int items=[]V1DownwardAPIVolumeFile
V1EmptyDirVolumeSource: medium=text mode=int sizeLimit=quantity
V1EnvFromSource: configMapRef=V1ConfigMapEnvSource prefix=text secretRef=V1SecretEnvSource
V1EnvVar: name=text value=text valueFrom=V1EnvVarSource
V1EnvVarSource: configMapKeyRef=V1ConfigMapKeySelector fieldRef=V1ObjectFieldSelector fileKeyRef=V1FileKeySelector
  resourceFieldRef=V1ResourceFieldSelector secretKeyRef=V1SecretKeySelector
V1EphemeralContainer: args=[]text command=[]text env=[]V1EnvVar envFrom=[]V1EnvFromSource image=text
  imagePullPolicy=text lifecycle=V1Lifecycle livenessProbe=V1Probe name=text ports=[]V1ContainerPort
  readinessProbe=V1Probe resizePolicy=[]V1ContainerResizePolicy resources=V1ResourceRequirements restartPolicy=text
  restartPolicyRules=[]V1ContainerRestartRule securityContext=V1SecurityContext startupProbe=V1Probe stdin=bool
  stdinOnce=bool targetContainerName=text terminationMessagePath=text terminationMessagePolicy=text tty=bool
  volumeDevices=[]V1VolumeDevice volumeMounts=[]V1VolumeMount workingDir=text
V1EphemeralVolumeSource: volumeClaimTemplate=V1PersistentVolumeClaimTemplate
V1EvictionResponder: name=text priority=int
V1ExecAction: command=[]text
V1FCVolumeSource: fsType=text lun=int readOnly=bool targetWWNs=[]text wwids=[]text
V1FileKeySelector: key=text optional=bool path=text volumeName=text
V1FlexVolumeSource: driver=text fsType=text options={}text readOnly=bool secretRef=V1LocalObjectReference
V1FlockerVolumeSource: datasetName=text datasetUUID=text
V1GCEPersistentDiskVolumeSource: fsType=text partition=int pdName=text readOnly=bool
V1GRPCAction: mode=text port=int service=text
V1GitRepoVolumeSource: directory=text repository=text revision=text
V1GlusterfsVolumeSource: endpoints=text path=text readOnly=bool
V1HTTPGetAction: host=text httpHeaders=[]V1HTTPHeader path=text port=int-or-text protocol=text scheme=text
V1HTTPHeader: name=text value=text
V1HostAlias: hostnames=[]text ip=text
V1HostPathVolumeSource: path=text type=text
V1ISCSIVolumeSource: chapAuthDiscovery=bool chapAuthSession=bool fsType=text initiatorName=text iqn=text
  iscsiInterface=text lun=int portals=[]text readOnly=bool secretRef=V1LocalObjectReference targetPortal=text
V1ImageVolumeSource: pullPolicy=text reference=text
V1KeyToPath: key=text mode=int path=text user=int
V1LabelSelector: matchExpressions=[]V1LabelSelectorRequirement matchLabels={}text
V1LabelSelectorRequirement: key=text operator=text values=[]text
V1Lifecycle: postStart=V1LifecycleHandler preStop=V1LifecycleHandler stopSignal=text
V1LifecycleHandler: exec=V1ExecAction httpGet=V1HTTPGetAction sleep=V1SleepAction tcpSocket=V1TCPSocketAction
V1LocalObjectReference: name=text
V1NFSVolumeSource: path=text readOnly=bool server=text
V1NodeAffinity: preferredDuringSchedulingIgnoredDuringExecution=[]V1PreferredSchedulingTerm
  requiredDuringSchedulingIgnoredDuringExecution=V1NodeSelector
V1NodeSelector: nodeSelectorTerms=[]V1NodeSelectorTerm
V1NodeSelectorRequirement: key=text operator=text values=[]text
V1NodeSelectorTerm: matchExpressions=[]V1NodeSelectorRequirement matchFields=[]V1NodeSelectorRequirement
V1ObjectFieldSelector: apiVersion=text fieldPath=text
V1ObjectMeta: annotations={}text creationTimestamp=text deletionGracePeriodSeconds=int deletionTimestamp=text
  finalizers=[]text generateName=text generation=int labels={}text name=text namespace=text
  ownerReferences=[]V1OwnerReference resourceVersion=text selfLink=text uid=text
V1OwnerReference: apiVersion=text blockOwnerDeletion=bool controller=bool kind=text name=text uid=text
V1PersistentVolumeClaimSpec: accessModes=[]text dataSource=V1TypedLocalObjectReference
  dataSourceRef=V1TypedObjectReference resources=V1VolumeResourceRequirements selector=V1LabelSelector
  storageClassName=text volumeAttributesClassName=text volumeMode=text volumeName=text
V1PersistentVolumeClaimTemplate: metadata=V1ObjectMeta spec=V1PersistentVolumeClaimSpec
V1PersistentVolumeClaimVolumeSource: claimName=text readOnly=bool
V1PhotonPersistentDiskVolumeSource: fsType=text pdID=text
V1PodAffinity: preferredDuringSchedulingIgnoredDuringExecution=[]V1WeightedPodAffinityTerm
  requiredDuringSchedulingIgnoredDuringExecution=[]V1PodAffinityTerm
V1PodAffinityTerm: labelSelector=V1LabelSelector matchLabelKeys=[]text mismatchLabelKeys=[]text
  namespaceSelector=V1LabelSelector namespaces=[]text topologyKey=text
V1PodAntiAffinity: preferredDuringSchedulingIgnoredDuringExecution=[]V1WeightedPodAffinityTerm
  requiredDuringSchedulingIgnoredDuringExecution=[]V1PodAffinityTerm
V1PodCertificateProjection: certificateChainPath=text credentialBundlePath=text keyPath=text keyType=text
  maxExpirationSeconds=int signerName=text user=int userAnnotations={}text
V1PodDNSConfig: nameservers=[]text options=[]V1PodDNSConfigOption searches=[]text
V1PodDNSConfigOption: name=text value=text
V1PodOS: name=text
V1PodReadinessGate: conditionType=text
V1PodResourceClaim: name=text resourceClaimName=text resourceClaimTemplateName=text
V1PodSchedulingGate: name=text
V1PodSchedulingGroup: podGroupName=text
V1PodSecurityContext: appArmorProfile=V1AppArmorProfile fsGroup=int fsGroupChangePolicy=text runAsGroup=int
  runAsNonRoot=bool runAsUser=int seLinuxChangePolicy=text seLinuxOptions=V1SELinuxOptions
  seccompProfile=V1SeccompProfile supplementalGroups=[]int supplementalGroupsPolicy=text sysctls=[]V1Sysctl
  windowsOptions=V1WindowsSecurityContextOptions
V1PodSpec: activeDeadlineSeconds=int affinity=V1Affinity automountServiceAccountToken=bool containers=[]V1Container
  dnsConfig=V1PodDNSConfig dnsPolicy=text enableServiceLinks=bool ephemeralContainers=[]V1EphemeralContainer
  evictionResponders=[]V1EvictionResponder hostAliases=[]V1HostAlias hostIPC=bool hostNetwork=bool hostPID=bool
  hostUsers=bool hostname=text hostnameOverride=text imagePullSecrets=[]V1LocalObjectReference
  initContainers=[]V1Container nodeName=text nodeSelector={}text os=V1PodOS overhead={}quantity preemptionPolicy=text
  priority=int priorityClassName=text readinessGates=[]V1PodReadinessGate resourceClaims=[]V1PodResourceClaim
  resources=V1ResourceRequirements restartPolicy=text runtimeClassName=text schedulerName=text
  schedulingGates=[]V1PodSchedulingGate schedulingGroup=V1PodSchedulingGroup securityContext=V1PodSecurityContext
  serviceAccount=text serviceAccountName=text setHostnameAsFQDN=bool shareProcessNamespace=bool subdomain=text
  terminationGracePeriodSeconds=int tolerations=[]V1Toleration topologySpreadConstraints=[]V1TopologySpreadConstraint
  volumes=[]V1Volume
V1PodTemplateSpec: metadata=V1ObjectMeta spec=V1PodSpec
V1PortworxVolumeSource: fsType=text readOnly=bool volumeID=text
V1PreferredSchedulingTerm: preference=V1NodeSelectorTerm weight=int
V1Probe: exec=V1ExecAction failureThreshold=int grpc=V1GRPCAction httpGet=V1HTTPGetAction initialDelaySeconds=int
  periodSeconds=int successThreshold=int tcpSocket=V1TCPSocketAction terminationGracePeriodSeconds=int
  timeoutSeconds=int
V1ProjectedVolumeSource: defaultMode=int defaultUser=int sources=[]V1VolumeProjection
V1QuobyteVolumeSource: group=text readOnly=bool registry=text tenant=text user=text volume=text
V1RBDVolumeSource: fsType=text image=text keyring=text monitors=[]text pool=text readOnly=bool
  secretRef=V1LocalObjectReference user=text
V1ResourceFieldSelector: containerName=text divisor=quantity resource=text
V1ResourceRequirements: claims=[]CoreV1ResourceClaim limits={}quantity requests={}quantity
V1RollingUpdateDaemonSet: maxSurge=int-or-text maxUnavailable=int-or-text
V1SELinuxOptions: level=text role=text type=text user=text
V1ScaleIOVolumeSource: fsType=text gateway=text protectionDomain=text readOnly=bool secretRef=V1LocalObjectReference
  sslEnabled=bool storageMode=text storagePool=text system=text volumeName=text
V1SeccompProfile: localhostProfile=text type=text
V1SecretEnvSource: name=text optional=bool
V1SecretKeySelector: key=text name=text optional=bool
V1SecretProjection: items=[]V1KeyToPath name=text optional=bool
V1SecretVolumeSource: defaultMode=int defaultUser=int items=[]V1KeyToPath optional=bool secretName=text
V1SecurityContext: allowPrivilegeEscalation=bool appArmorProfile=V1AppArmorProfile capabilities=V1Capabilities
  privileged=bool procMount=text readOnlyRootFilesystem=bool runAsGroup=int runAsNonRoot=bool runAsUser=int
  seLinuxOptions=V1SELinuxOptions seccompProfile=V1SeccompProfile windowsOptions=V1WindowsSecurityContextOptions
V1ServiceAccountTokenProjection: audience=text expirationSeconds=int path=text user=int
V1SleepAction: seconds=int
V1StorageOSVolumeSource: fsType=text readOnly=bool secretRef=V1LocalObjectReference volumeName=text
  volumeNamespace=text
V1Sysctl: name=text value=text
V1TCPSocketAction: host=text port=int-or-text
V1Toleration: effect=text key=text operator=text tolerationSeconds=int value=text
V1TopologySpreadConstraint: labelSelector=V1LabelSelector matchLabelKeys=[]text maxSkew=int minDomains=int
  nodeAffinityPolicy=text nodeTaintsPolicy=text topologyKey=text whenUnsatisfiable=text
V1TypedLocalObjectReference: apiGroup=text kind=text name=text
V1TypedObjectReference: apiGroup=text kind=text name=text namespace=text
V1Volume: awsElasticBlockStore=V1AWSElasticBlockStoreVolumeSource azureDisk=V1AzureDiskVolumeSource
  azureFile=V1AzureFileVolumeSource cephfs=V1CephFSVolumeSource cinder=V1CinderVolumeSource
  configMap=V1ConfigMapVolumeSource csi=V1CSIVolumeSource downwardAPI=V1DownwardAPIVolumeSource
  emptyDir=V1EmptyDirVolumeSource ephemeral=V1EphemeralVolumeSource fc=V1FCVolumeSource flexVolume=V1FlexVolumeSource
  flocker=V1FlockerVolumeSource gcePersistentDisk=V1GCEPersistentDiskVolumeSource gitRepo=V1GitRepoVolumeSource
  glusterfs=V1GlusterfsVolumeSource hostPath=V1HostPathVolumeSource image=V1ImageVolumeSource
  iscsi=V1ISCSIVolumeSource name=text nfs=V1NFSVolumeSource persistentVolumeClaim=V1PersistentVolumeClaimVolumeSource
  photonPersistentDisk=V1PhotonPersistentDiskVolumeSource portworxVolume=V1PortworxVolumeSource
  projected=V1ProjectedVolumeSource quobyte=V1QuobyteVolumeSource rbd=V1RBDVolumeSource scaleIO=V1ScaleIOVolumeSource
  secret=V1SecretVolumeSource storageos=V1StorageOSVolumeSource vsphereVolume=V1VsphereVirtualDiskVolumeSource
V1VolumeDevice: devicePath=text name=text
V1VolumeMount: bindMountOptions=[]text mountPath=text mountPropagation=text name=text readOnly=bool
  recursiveReadOnly=text subPath=text subPathExpr=text
V1VolumeProjection: clusterTrustBundle=V1ClusterTrustBundleProjection configMap=V1ConfigMapProjection
  downwardAPI=V1DownwardAPIProjection podCertificate=V1PodCertificateProjection secret=V1SecretProjection
  serviceAccountToken=V1ServiceAccountTokenProjection
V1VolumeResourceRequirements: limits={}quantity requests={}quantity
V1VsphereVirtualDiskVolumeSource: fsType=text storagePolicyID=text storagePolicyName=text volumePath=text
V1WeightedPodAffinityTerm: podAffinityTerm=V1PodAffinityTerm weight=int
V1WindowsSecurityContextOptions: gmsaCredentialSpec=text gmsaCredentialSpecName=text hostProcess=bool
  runAsUserName=text
"""


def _types(table: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    for line in table.replace("\n  ", " ").splitlines():
        name, _, fields = line.partition(":")
        yield name, MappingProxyType(dict(field.split("=") for field in fields.split()))


TYPES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(dict(_types(_TABLE)))
"""The fields of each type, with their types."""
