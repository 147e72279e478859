"""ENV-004: values that stop aws-node or every new pod."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import HARM, evidence, is_known, is_plain, reading_of, standing
from webhook.cni.container import Container
from webhook.cni.objections import Objection
from webhook.cni.reading import FATAL, Reading
from webhook.model import Evidence, Problem, text


@rule(
    "ENV-004",
    "A value that stops aws-node or every new pod",
    level="deny",
    link=links.VARIABLES,
    bad=(
        env(AWS_VPC_ENI_MTU="9002", certain=True),
        env(AWS_VPC_ENI_MTU="jumbo", certain=True),
        env(POD_MTU="500", certain=True),
        env(IP_COOLDOWN_PERIOD="-1", certain=True),
        env(AWS_VPC_K8S_CNI_VETHPREFIX="eth", certain=True),
        env(AWS_VPC_K8S_CNI_VETHPREFIX="pods5", certain=True),
        env(AWS_VPC_K8S_PLUGIN_LOG_FILE="stdout", certain=True),
        env(AWS_VPC_K8S_PLUGIN_LOG_LEVEL='"DEBUG"', certain=True),
        Example(DaemonSet(release="1.12.0", env={"ENABLE_IPv6": None}), certain=True),
        env(NETWORK_POLICY_ENFORCING_MODE="foo", certain=True),
        env(ENABLE_POD_ENI="true", POD_SECURITY_GROUP_ENFORCING_MODE="Standard", certain=True),
        env(AWS_VPC_K8S_PLUGIN_LOG_FILE="STDOUT", certain=True),
        env(AWS_VPC_K8S_EGRESS_V6_PLUGIN_LOG_FILE="stdout", certain=True),
        env(HOST_CNI_CONFDIR_PATH="/host/etc/elsewhere"),
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


def _fatal(case: AwsNodeCase, holder: Container, reading: Reading, name: str, value: str) -> Iterator[Problem]:
    if reading.parser == "folder" and not _is_mounted(holder, value):
        yield _stops(case, holder, name, value, Objection("harms", "a folder below a mount of the container"), ())
    one = standing(case, reading, value)
    if one is not None and one.effect in FATAL:
        yield _stops(case, holder, name, value, one, evidence(case, reading, one))


def _missing(case: AwsNodeCase) -> Iterator[Problem]:
    """Variables without which the release does not start; of an unknown one nothing is asked."""
    main = case.new.main
    for name in case.tables.required if main is not None and not main.defects and is_known(case) else ():
        reading = reading_of(case, case.new.required, name)
        if reading is not None and reading.on_absent in FATAL and case.new.required.lacks(name):
            yield Problem(
                path=case.new.required.where(name),
                evidence=(*case.new.required.evidence(name), ("CNI version", str(case.new.version))),
                level="deny",
                certain=True,
                wrong=f"{name} is absent, and the start script of CNI {case.new.version} has no default for it",
                effect=HARM[reading.on_absent],
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
        f"nodes cannot read the CNI's configuration file, and {HARM[one.effect]}"
        if (one.to == "conflist" and one.effect == "breaks")
        else HARM[one.effect]
    )


def _way_out(case: AwsNodeCase, holder: Container, name: str, one: Objection) -> str:
    reading = reading_of(case, holder, name)
    if (
        reading is not None
        and reading.log_of
        and one.to != "conflist"
        and case.tables.behaves(case.new.version, "logs-to-stderr")
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
