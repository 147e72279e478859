"""ENV-002 to ENV-004: values, by what the CNI's own parsers make of them."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from webhook.cni.container import Container, Unknown
from webhook.cni.objections import Objection, reserved_tags
from webhook.cni.reading import FATAL, NO_EFFECT, Effect, Reading, Variable
from webhook.cni.values import go_int
from webhook.cni.variables import VARIABLES
from webhook.model import Evidence, Problem, text
from webhook.printable import named
from webhook.rules import links
from webhook.rules.examples import DaemonSet, Example, env
from webhook.rules.parts import same_before, warning
from webhook.rules.rule import AwsNodeCase, rule
from webhook.rules.standing import evidence, harms, is_known, is_plain, is_read, reading_of, standing


@rule(
    "ENV-002",
    "A value that is silently replaced by the default",
    level="deny",
    link=links.VARIABLES,
    rests_on_releases=True,
    bad=(
        env(WARM_IP_TARGET="ten"),
        env(WARM_IP_TARGET="-1"),
        env(MAX_ENI="0"),
        env(ENABLE_POD_ENI="yes"),
        env(ADDITIONAL_ENI_TAGS="{team: net}"),
        env(ADDITIONAL_ENI_TAGS='{"node.k8s.amazonaws.com/x": "1"}'),
        env(AWS_VPC_K8S_CNI_CONNMARK="0x100000000"),
        env(HTTP_TIMEOUT="5"),
        env(AWS_VPC_K8S_CNI_LOGLEVEL="verbose"),
        Example(DaemonSet(env={"WARM_IP_TARGET": {"value": 5}})),
    ),
    good=(
        env(WARM_IP_TARGET="5", MINIMUM_IP_TARGET="+10", ENABLE_POD_ENI="T", MAX_ENI="3"),
        env(AWS_VPC_K8S_CNI_CONNMARK="0x100", ADDITIONAL_ENI_TAGS='{"team": "net"}', HTTP_TIMEOUT="30"),
    ),
)
def replaced_value(case: AwsNodeCase) -> Iterator[Problem]:
    """The CNI takes its default where it can not read a value; for the targets it does not even log it."""
    for holder in case.new.roles:
        for name, value in holder.env.items():
            if isinstance(value, Unknown):
                if value.malformed:
                    yield _malformed(holder, name, value)
            elif value and not is_plain(case, holder, name, value):
                yield from _replaced(case, holder, name, value)


def _malformed(holder: Container, name: str, value: Unknown) -> Problem:
    return Problem(
        path=(*holder.where(name), "value"),
        evidence=holder.evidence(name),
        level="deny",
        wrong=f"{named(name)} in container {holder.label} {value.says}",
        effect="the API server refuses the manifest",
        remedy='Put the value in quotes: value: "5", value: "true"',
    )


_REPLACED: frozenset[Effect] = frozenset({"default", "default-silent", "dropped"})


def _replaced(case: AwsNodeCase, holder: Container, name: str, value: str) -> Iterator[Problem]:
    """The problem of a value that the object's release does not take; none where another rule speaks of it."""
    reading = reading_of(case, holder, name)
    one = standing(case, reading, value) if reading else None
    # A choice whose fall-back is logged is AWS_VPC_K8S_CNI_RANDOMIZESNAT, of which SNAT-003 speaks.
    logged_choice = reading is not None and reading.parser == "choice" and reading.on_bad == "default"
    if reading is None or one is None or one.effect not in _REPLACED or logged_choice:
        return
    silent = " without a log line" if one.effect == "default-silent" else ""
    yield Problem(
        path=holder.where(name),
        evidence=_tags_left(case, holder, name, value) if reading.parser == "json" else holder.evidence(name),
        level="warn" if reading.parser == "clamped" else "deny",
        wrong=f'{name}="{value[:200]}" must be {one.wanted}',
        effect=f"the CNI takes {one.taken or f'the default ({reading.default})'} instead{silent}",
        remedy=f"Write {one.wanted}, or remove {name}",
    )


def _tags_left(case: AwsNodeCase, holder: Container, name: str, value: str) -> Evidence:
    """What is wrong with tags, as evidence: the reserved keys, as they were where some of them are gone and no new."""
    keys, old = reserved_tags(value), same_before(case, holder)
    before = reserved_tags(text(old.written(name))) if old is not None and keys else ()
    return (
        ((f"{holder.name} env {name}", repr(before if set(keys) <= set(before) else keys)),)
        if keys
        else holder.evidence(name)
    )


_HARM: Mapping[Effect, str] = MappingProxyType(
    {
        "exit": "aws-node exits at start on every node",
        "start-fails": "ipamd refuses to start on every node",
        "breaks": "every new pod fails",
        "harms": "the empty text is used as it stands, and nodes lose their network or their way to the API server",
        "exposes": "the endpoint listens on a random port of every interface of the node",
        "default": "the default takes its place, and the log says so as an error",
        "default-silent": "the default takes its place, as if the variable were absent",
        "kept": "an empty text is used as it stands, which is not the same as absent",
    }
)
"""What an empty text does, and what a bad one does that stops aws-node."""


@rule(
    "ENV-003",
    "A variable that is set but empty",
    level="deny",
    link=links.VARIABLES,
    bad=(
        env(AWS_VPC_ENI_MTU=""),
        env(CLUSTER_ENDPOINT=""),
        env(NETWORK_POLICY_ENFORCING_MODE=""),
        env(ENABLE_POD_ENI="true", POD_SECURITY_GROUP_ENFORCING_MODE=""),
        env(ENABLE_POD_ENI=""),
    ),
)
def empty_value(case: AwsNodeCase) -> Iterator[Problem]:
    """Present with an empty value is not absent: some variables then crash aws-node, others lose their default.

    Updates of the EKS add-on have left such entries behind.
    """
    for holder in case.new.roles:
        for name, value in holder.known:
            row = case.tables.variables[holder.role].get(name)
            if row is not None and not value:
                yield _empty(case, holder, row)


def _empty(case: AwsNodeCase, holder: Container, row: Variable) -> Problem:
    reading = row.reading(case.new.version) or NO_EFFECT
    effect: Effect = reading.on_empty
    stops = effect in FATAL or effect == "harms"
    if stops and not (is_read(case, reading) and harms(case, reading)):
        stops, effect = False, "kept"
    return Problem(
        path=holder.where(row.name),
        evidence=holder.evidence(row.name) + evidence(case, reading),
        level="deny" if stops else "warn",
        certain=stops and effect in FATAL and is_known(case),
        wrong=f"{row.name} in container {holder.label} is present with an empty value",
        effect=_HARM[effect],
        remedy="Remove the entry, or give it a value",
    )


_SHORT_COOLDOWN = 10
_LIVE = ("AWS_VPC_K8S_CNI_VETHPREFIX", "AWS_VPC_ENI_MTU", "POD_MTU")
"""Variables whose change leaves interfaces of running pods as they were."""


@rule(
    "ENV-004",
    "A value that stops aws-node or every new pod",
    level="deny",
    link=links.VARIABLES,
    bad=(
        env(AWS_VPC_ENI_MTU="9002"),
        env(AWS_VPC_ENI_MTU="jumbo"),
        env(POD_MTU="500"),
        env(IP_COOLDOWN_PERIOD="-1"),
        env(AWS_VPC_K8S_CNI_VETHPREFIX="eth"),
        env(AWS_VPC_K8S_CNI_VETHPREFIX="pods5"),
        env(AWS_VPC_K8S_PLUGIN_LOG_FILE="stdout"),
        env(AWS_VPC_K8S_PLUGIN_LOG_LEVEL='"DEBUG"'),
        env(IP_COOLDOWN_PERIOD="0"),
        env(POD_MTU="9001", AWS_VPC_ENI_MTU="1500"),
        Example(DaemonSet(release="1.12.0", env={"ENABLE_IPv6": None})),
        env(NETWORK_POLICY_ENFORCING_MODE="foo"),
        env(ENABLE_POD_ENI="true", POD_SECURITY_GROUP_ENFORCING_MODE="Standard"),
        env(AWS_VPC_K8S_PLUGIN_LOG_FILE="STDOUT"),
        env(AWS_VPC_K8S_EGRESS_V6_PLUGIN_LOG_FILE="stdout"),
        env(HOST_CNI_CONFDIR_PATH="/host/etc/elsewhere"),
        Example(DaemonSet(env={"AWS_VPC_ENI_MTU": "1500"}), before=DaemonSet()),
    ),
    good=(env(AWS_VPC_ENI_MTU="1500", POD_MTU="1400", IP_COOLDOWN_PERIOD="30", AWS_VPC_K8S_CNI_VETHPREFIX="pod"),),
)
def fatal_value(case: AwsNodeCase) -> Iterator[Problem]:
    """The entry point and ipamd validate a few values and end on a bad one, which ones depends on the release.

    Others nothing validates: a log on standard output ends up in a plugin's answer, a quote breaks the CNI's
    configuration file, and a folder that is not mounted keeps plugins or configuration off the node.
    """
    for holder in case.new.roles:
        for name, value in holder.known:
            if not value or is_plain(case, holder, name, value):
                continue
            reading = reading_of(case, holder, name)
            if reading is not None:
                yield from _fatal(case, holder, reading, name, value)
    yield from _missing(case)
    yield from _risky(case)
    yield from _moved(case)


def _fatal(case: AwsNodeCase, holder: Container, reading: Reading, name: str, value: str) -> Iterator[Problem]:
    if reading.parser == "folder" and not _is_mounted(holder, value):
        yield _stops(case, holder, name, value, Objection("harms", "a folder below a mount of the container"), ())
    one = standing(case, reading, value)
    if one is not None and one.effect in FATAL:
        yield _stops(case, holder, name, value, one, evidence(case, reading, one))


_REQUIRED = tuple(
    row.name
    for row in VARIABLES
    if row.container == "aws-node" and any(reading.on_absent in FATAL for _, reading in row.steps)
)


def _missing(case: AwsNodeCase) -> Iterator[Problem]:
    """Variables without which the release does not start; of an unknown one nothing is asked."""
    main = case.new.main
    for name in _REQUIRED if main is not None and not main.defects and is_known(case) else ():
        reading = reading_of(case, case.new.required, name)
        if reading is not None and reading.on_absent in FATAL and case.new.required.lacks(name):
            yield Problem(
                path=case.new.required.where(name),
                evidence=(*case.new.required.evidence(name), ("CNI version", str(case.new.version))),
                level="deny",
                certain=True,
                wrong=f"{name} is absent, and the start script of CNI {case.new.version} has no default for it",
                effect=_HARM[reading.on_absent],
                remedy=f'Set {name}="{reading.default}", as the official manifest does, or what is meant',
            )


def _stops(  # noqa: PLR0913, PLR0917 - the parts of a problem
    case: AwsNodeCase, holder: Container, name: str, value: str, one: Objection, beside: Evidence
) -> Problem:
    return Problem(
        path=holder.where(name),
        evidence=holder.evidence(name) + beside,
        level="deny",
        certain=one.sure and one.effect in FATAL and is_known(case),
        wrong=f'{name}="{value[:200]}" must be {one.wanted}',
        effect=_fatal_effect(one),
        remedy=_way_out(case, holder, name, one),
    )


def _fatal_effect(one: Objection) -> str:
    if one.to == "log":
        return "the plugin writes its log into its own answer, and every new pod fails"
    if one.effect == "harms":
        return "the files stay inside the container, and nodes get no CNI plugin or no CNI configuration"
    return (
        f"nodes cannot read the CNI's configuration file, and {_HARM[one.effect]}"
        if (one.to == "conflist" and one.effect == "breaks")
        else _HARM[one.effect]
    )


_KNOWS_STDERR = (1, 13, 3)


def _way_out(case: AwsNodeCase, holder: Container, name: str, one: Objection) -> str:
    reading = reading_of(case, holder, name)
    if (
        reading is not None
        and reading.log_of
        and one.to != "conflist"
        and (case.new.version or _KNOWS_STDERR) >= _KNOWS_STDERR
    ):
        return f'Set {name} to "stderr" or to a file, or remove it to take the default'
    return f"Correct {name}, or remove it to take the default"


def _is_mounted(holder: Container, folder: str) -> bool:
    """Whether a folder lies at or below a mount of the container; the whole of a list that is none is believed."""
    mounts = holder.raw.get("volumeMounts")
    if not isinstance(mounts, list):
        return mounts is not None
    paths = [text(mount.get("mountPath")).rstrip("/") for mount in mounts if isinstance(mount, dict)]
    return any(path and f"{folder.rstrip('/')}/".startswith(f"{path}/") for path in paths)


def _risky(case: AwsNodeCase) -> Iterator[Problem]:
    main = case.new.required
    cooldown = go_int(main.get("IP_COOLDOWN_PERIOD") or "")
    if cooldown is not None and 0 <= cooldown < _SHORT_COOLDOWN:
        yield warning(
            case, ("IP_COOLDOWN_PERIOD",), f"IP_COOLDOWN_PERIOD={cooldown} is very short",
            "a new pod can get the address of one that peers still talk to", "Leave it at 30 seconds",
        )  # fmt: skip
    pod, link = (go_int(main.get(name) or "") for name in ("POD_MTU", "AWS_VPC_ENI_MTU"))
    if pod is not None and link is not None and pod > link:
        yield warning(
            case, ("POD_MTU", "AWS_VPC_ENI_MTU"), f"POD_MTU={pod} is larger than AWS_VPC_ENI_MTU={link}",
            "large packets are split or lost, and nothing checks it", f"Lower POD_MTU to {link} at most",
        )  # fmt: skip


def _moved(case: AwsNodeCase) -> Iterator[Problem]:
    """Warn of a setting that running pods will not follow."""
    if case.old is None or case.old.main is None:
        return
    main = case.new.required
    for name in _LIVE:
        usual = case.tables.variables["aws-node"][name].default
        before, now = case.old.main.get(name) or usual, main.get(name) or usual
        if before != now:
            was, becomes = (named(value or "unset") for value in (before, now))
            yield warning(
                case, (name,), f"{name} changes from {was} to {becomes} on a live cluster",
                "pods that run keep what they have until they are made anew", "Replace the nodes after the roll-out",
                before=before,
            )  # fmt: skip
