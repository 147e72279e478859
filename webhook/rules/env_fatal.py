"""ENV-004: values that stop aws-node or every new pod."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.bad_values import MODES, stopping
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import HARM, evidence, is_known, is_plain, reading_of, standing
from webhook.cni.container import Container
from webhook.cni.objections import Objection
from webhook.cni.reading import FATAL, Reading
from webhook.model import Problem, text


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
            if not value or name in MODES or is_plain(case, holder, name, value):
                continue
            reading = reading_of(case, holder, name)
            if reading is not None:
                yield from _fatal(case, holder, reading, name, value)
    yield from _missing(case)


def _fatal(case: AwsNodeCase, holder: Container, reading: Reading, name: str, value: str) -> Iterator[Problem]:
    if reading.parser == "folder" and not _is_mounted(holder, value):
        yield stopping(case, holder, name, value, Objection("harms", "a folder below a mount of the container"), ())
    one = standing(case, reading, value)
    if one is not None and one.effect in FATAL:
        yield stopping(case, holder, name, value, one, evidence(case, reading, one))


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


def _is_mounted(holder: Container, folder: str) -> bool:
    """Whether a folder lies at or below a mount of the container; the whole of a list that is none is believed."""
    mounts = holder.raw.get("volumeMounts")
    if not isinstance(mounts, list):
        return mounts is not None
    paths = [text(mount.get("mountPath")).rstrip("/") for mount in mounts if isinstance(mount, dict)]
    return any(path and f"{folder.rstrip('/')}/".startswith(f"{path}/") for path in paths)
