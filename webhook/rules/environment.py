"""ENV: names and values of environment variables, by what the CNI's own parsers make of them."""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import msgspec

from webhook.cni.aws_node import Container, Unknown, at
from webhook.cni.tables import CONTAINERS
from webhook.cni.values import go_bool, go_int, go_int_any_base
from webhook.cni.variables import NAME_TRAPS, SDK_NAMES, SDK_PREFIXES, Variable
from webhook.model import CouldNotCheckError, Evidence, Level, Path, Problem, text
from webhook.rules import links
from webhook.rules.examples import DaemonSet, Example, env
from webhook.rules.rule import AwsNodeCase, postponed, rule
from webhook.rules.spelling import distance
from webhook.rules.targets import fill

_TYPING_ERROR = 2
"""Letters by which a misspelled name may differ."""

_LONGEST_NAME = 80
_MANY = 100
"""Unknown names in one container beyond which it is refused as a whole, instead of each being looked up."""


def _holders(case: AwsNodeCase) -> Iterable[Container]:
    return case.new.roles


@rule(
    "ENV-001",
    "A variable that nobody reads",
    level="deny",
    link=links.VARIABLES,
    rests_on_releases=True,
    bad=(
        env(WARM_IP_TARGETS="5"),
        env(ENABLE_IPV6="true"),
        env(MIN_IP_TARGET="5"),
        env(DISABLE_TCP_EARLY_DEMUX="true"),
        Example(DaemonSet(init_env={"ENABLE_POD_ENI": "true"})),
        env(MY_COMPANY_SETTING="1"),
        Example(DaemonSet(env={"MAX_ENI": "3"}, init_env={"MAX_ENI": "3"})),
        env(**{f"NAME_{number}": "" for number in range(_MANY + 1)}),
    ),
    good=(env(AWS_REGION="eu-west-1", AWS_ENDPOINT_URL_EC2="https://ec2.eu-west-1.amazonaws.com"),),
)
def unread(case: AwsNodeCase) -> Iterator[Problem]:
    """Names are case-sensitive and the CNI reads none that it does not know: the setting has no effect.

    A name that is nearly right, or right in another container, is refused; a wholly unknown one may be of a private
    build and only warns (`environment` in the policy makes it known). So does a copy of what the right container has:
    `kubectl set env` without `-c` writes to all of them.
    """
    extra = {(variable.container, variable.name) for variable in case.policy.environment}
    for holder in _holders(case):
        known = case.tables.variables[holder.role]
        unknown = [
            name
            for name in sorted(holder.env.keys() - known.keys() - SDK_NAMES)
            if not name.startswith(SDK_PREFIXES)
            and (holder.role, name) not in extra
            and not _is_copy(case, holder, name)
        ]
        if len(unknown) > _MANY:
            yield _too_many(holder, len(unknown))
        else:
            for name in unknown:
                yield _unread(case, holder, name)
    yield from _copies(case)


def _readers(case: AwsNodeCase, name: str) -> list[str]:
    """The containers that read a variable."""
    return [container for container in CONTAINERS if name in case.tables.variables[container]]


def _is_copy(case: AwsNodeCase, holder: Container, name: str) -> bool:
    """Whether a container that reads the variable has it too, with the same value."""
    readers = _readers(case, name)
    return any(other.role in readers and other.env.get(name) == holder.env[name] for other in _holders(case))


def _copies(case: AwsNodeCase) -> Iterator[Problem]:
    """One warning for all copies: they are harmless, and many clusters are full of them."""
    found = {
        holder.name: names
        for holder in _holders(case)
        if (
            names := sorted(
                name
                for name in holder.env.keys() - case.tables.variables[holder.role].keys()
                if _is_copy(case, holder, name)
            )
        )
    }
    if not found:
        return
    names = sorted(set().union(*found.values()))
    readers = sorted({reader for name in names for reader in _readers(case, name)})
    first = next(holder for holder in _holders(case) if holder.name in found)
    yield Problem(
        path=first.where(found[first.name][0]),
        evidence=tuple((f"{container} env {name}", "copied") for container in found for name in found[container]),
        level="warn",
        wrong=f"{', '.join(names)} also stand{'s' if len(names) == 1 else ''} in {' and '.join(found)}, where nobody "
        "reads them",
        effect="that changes nothing, but whoever edits a copy edits the wrong place",
        remedy=f"Name the container: kubectl set env -c {readers[0]}",
    )


def _too_many(holder: Container, count: int) -> Problem:
    return Problem(
        path=(*holder.path, "env"),
        evidence=((f"{holder.name} unknown variables", str(count)),),
        level="deny",
        wrong=f"container {holder.name} has {count} variables that the CNI does not know",
        effect="none of them has an effect, and they are too many to be told apart from typing errors",
        remedy="Remove them",
    )


def _unread(case: AwsNodeCase, holder: Container, name: str) -> Problem:
    level, meant, remedy = _meant(case, holder, name)
    return Problem(
        path=holder.where(name),
        evidence=holder.evidence(name),
        level=level,
        wrong=f"{name[:_LONGEST_NAME]} is not read by container {holder.name}{meant}",
        effect="the setting has no effect",
        remedy=remedy,
    )


def _meant(case: AwsNodeCase, holder: Container, name: str) -> tuple[Level, str, str]:
    """Level, what was probably meant, and the way out."""
    near = NAME_TRAPS.get(name) or _nearest(name, case.tables.variables[holder.role])
    if near:
        return "deny", f" (names are case-sensitive; did you mean {near}?)", f"Write {near}, or remove it"
    readers = _readers(case, name)
    if readers:
        return "deny", f", only by {readers[0]}", f"Move it to container {readers[0]}, or remove it"
    return "warn", "", "Remove it, or name it under `environment` in the policy if a private build reads it"


def _nearest(name: str, known: Iterable[str]) -> str | None:
    if len(name) > _LONGEST_NAME:
        return None
    folded = name.casefold()
    scored = [(distance(folded, right.casefold(), _TYPING_ERROR), right) for right in known]
    best = min(scored, default=None)
    return best[1] if best and best[0] <= _TYPING_ERROR else None


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
    for holder in _holders(case):
        for name, value in holder.env.items():
            row = case.tables.variables[holder.role].get(name)
            if isinstance(value, Unknown):
                if value.malformed:
                    yield _malformed(holder, name, value)
            elif row and value and (wanted := _wanted(row, value)):
                yield _replaced(holder, row, value, wanted)


def _malformed(holder: Container, name: str, value: Unknown) -> Problem:
    return Problem(
        path=(*holder.where(name), "value"),
        evidence=holder.evidence(name),
        level="deny",
        wrong=f"{name} in container {holder.name} {value.says}",
        effect="the API server refuses the manifest",
        remedy='Put the value in quotes: value: "5", value: "true"',
    )


def _replaced(holder: Container, row: Variable, value: str, wanted: str) -> Problem:
    silent = " without a log line" if row.on_bad == "default-silent" else ""
    usual = "no tags at all" if row.parser == "json" else f"the default ({row.default})"
    return Problem(
        path=holder.where(row.name),
        evidence=holder.evidence(row.name),
        level="deny",
        wrong=f'{row.name}="{value[:200]}" is not {wanted}',
        effect=f"the CNI takes {usual} instead{silent}",
        remedy=f"Write {wanted}, or remove {row.name}",
    )


def _wanted(row: Variable, value: str) -> str:
    """What a variable's value should be; empty where this one is accepted, or another rule speaks of it."""
    fits, wanted = True, ""
    if row.parser in {"bool", "bool-quiet"}:
        fits, wanted = go_bool(value) is not None, "true or false"
    elif row.parser in {"target", "mark"}:
        number = go_int(value) if row.parser == "target" else go_int_any_base(value)
        minimum, maximum = row.minimum or 0, row.maximum if row.maximum is not None else 2**63 - 1
        # A minus sign is refused even before a zero: whoever writes it means something else.
        fits = number is not None and minimum <= number <= maximum and not value.startswith("-")
        wanted = f"a whole number of at least {minimum}" + (
            f" and at most {maximum}" if row.maximum is not None else ""
        )
    elif row.parser == "json":
        fits, wanted = _is_tags(value), 'a JSON object of strings without "k8s.amazonaws.com" in a key'
    elif row.parser == "choice" and row.on_bad == "default-silent":
        fits, wanted = value.lower() in row.choices, f"one of {', '.join(row.choices)}"
    return "" if fits else wanted


def _is_tags(value: str) -> bool:
    try:
        tags = msgspec.json.decode(value, type=dict[str, str])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return False
    return not any("k8s.amazonaws.com" in key for key in tags)


_HARM = {
    "exit": "aws-node exits at start on every node",
    "start-fails": "ipamd refuses to start on every node",
    "breaks": "the empty text is used as it stands, and nodes lose their network or their way to the API server",
}


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
    unknown: list[str] = []
    for holder in _holders(case):
        for name, value in holder.known:
            row = case.tables.variables[holder.role].get(name)
            if row is not None and not value:
                with postponed(unknown):
                    yield _empty(case, holder, row)
    if unknown:
        raise CouldNotCheckError("; ".join(unknown))


def _empty(case: AwsNodeCase, holder: Container, row: Variable) -> Problem:
    harm = _HARM.get(row.on_empty, "") if _counts(case, row, row.empty_from) else ""
    return Problem(
        path=holder.where(row.name),
        evidence=holder.evidence(row.name) + _feature(case, row),
        level="deny" if harm else "warn",
        certain=bool(harm) and row.on_empty != "breaks" and _since(case, row.empty_from or row.since),
        wrong=f"{row.name} in container {holder.name} is present with an empty value",
        effect=harm or "that is not the same as absent, and says nothing",
        remedy="Remove the entry, or give it a value",
    )


def _since(case: AwsNodeCase, first: tuple[int, int, int] | None) -> bool:
    return case.new.version is not None and (first is None or case.new.version >= first)


def _counts(case: AwsNodeCase, row: Variable, first: tuple[int, int, int] | None) -> bool:
    """Whether what the table says of bad values holds for this release and these features."""
    if first is not None and case.new.version is not None and case.new.version < first:
        return False
    return row.only_with != "security-groups-for-pods" or case.new.pod_eni


def _feature(case: AwsNodeCase, row: Variable) -> Evidence:
    return (("security groups for pods", "on" if case.new.pod_eni else "off"),) if row.only_with else ()


_SHORT_COOLDOWN = 10
_LIVE = ("AWS_VPC_K8S_CNI_VETHPREFIX", "AWS_VPC_ENI_MTU", "POD_MTU")
"""Variables whose change leaves interfaces of running pods as they were."""


@rule(
    "ENV-004",
    "A value that stops the entry point",
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
        Example(DaemonSet(env={"AWS_VPC_ENI_MTU": "1500"}), before=DaemonSet()),
    ),
    good=(env(AWS_VPC_ENI_MTU="1500", POD_MTU="1400", IP_COOLDOWN_PERIOD="30", AWS_VPC_K8S_CNI_VETHPREFIX="pod"),),
)
def fatal_value(case: AwsNodeCase) -> Iterator[Problem]:
    """The entry point validates a few values and exits with status 1 on a bad one; a quote breaks the conflist."""
    unknown: list[str] = []
    for name, value in case.new.required.known:
        row = case.tables.variables["aws-node"].get(name)
        if row is not None and value:
            with postponed(unknown):
                if limit := _limit(case, row, value):
                    yield _fatal(case, row, value, limit)
    with postponed(unknown):
        yield from _risky(case)
    with postponed(unknown):
        yield from _moved(case)
    if unknown:
        raise CouldNotCheckError("; ".join(unknown))


def _limit(case: AwsNodeCase, row: Variable, value: str) -> str:
    """Why a value is refused; empty where it is accepted, or another rule speaks of it."""
    if row.in_json and (set('"\\\n\r\t') & set(value)):
        return "contains a quote, a backslash or a line break, which breaks the CNI's configuration file"
    if row.on_bad != "exit" or row.parser not in {"integer", "text"}:
        return ""
    if row.parser == "integer":
        minimum = row.minimum6 if row.minimum6 is not None and case.new.ipv6 else row.minimum
        number = go_int(value)
        high = "" if row.maximum is None else f" to {row.maximum}"
        if number is None or number < (minimum or 0) or (row.maximum is not None and number > row.maximum):
            return f"is no whole number from {minimum or 0}{high or ' up'}"
    if row.longest is not None and len(value.encode("utf-8", "surrogatepass")) > row.longest:
        return f"has more than {row.longest} characters"
    return f"is reserved (so are {', '.join(row.forbidden)})" if value in row.forbidden else ""


def _fatal(case: AwsNodeCase, row: Variable, value: str, limit: str) -> Problem:
    main = case.new.required
    return Problem(
        path=main.where(row.name),
        evidence=main.evidence(row.name),
        level="deny",
        certain=_since(case, row.bad_from or row.since),
        wrong=f'{row.name}="{value[:200]}" {limit}',
        effect="aws-node exits at start on every node",
        remedy=f"Correct {row.name}, or remove it to take the default",
    )


def _risky(case: AwsNodeCase) -> Iterator[Problem]:
    main = case.new.required
    cooldown = go_int(main.get("IP_COOLDOWN_PERIOD") or "")
    if cooldown is not None and 0 <= cooldown < _SHORT_COOLDOWN:
        yield _warning(
            case, ("IP_COOLDOWN_PERIOD",), f"IP_COOLDOWN_PERIOD={cooldown} is very short",
            "a new pod can get the address of one that peers still talk to", "Leave it at 30 seconds",
        )  # fmt: skip
    pod, link = (go_int(main.get(name) or "") for name in ("POD_MTU", "AWS_VPC_ENI_MTU"))
    if pod is not None and link is not None and pod > link:
        yield _warning(
            case, ("POD_MTU", "AWS_VPC_ENI_MTU"), f"POD_MTU={pod} is larger than AWS_VPC_ENI_MTU={link}",
            "large packets are split or lost, and nothing checks it", "Set POD_MTU to AWS_VPC_ENI_MTU at most",
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
            yield _warning(
                case, (name,), f"{name} changes from {before} to {now} on a live cluster",
                "pods that run keep what they have until they are made anew", "Replace the nodes after the roll-out",
                before=before,
            )  # fmt: skip


def _warning(  # noqa: PLR0913, PLR0917 - the parts of a problem, in its order
    case: AwsNodeCase, names: tuple[str, ...], wrong: str, effect: str, remedy: str, before: str | None = None
) -> Problem:
    main = case.new.required
    past = ((f"{names[0]} before", before),) if before is not None else ()
    return Problem(
        path=main.where(names[0]),
        evidence=(*main.evidence(*names), *past),
        level="warn",
        wrong=wrong,
        effect=effect,
        remedy=remedy,
    )


@rule(
    "ENV-005",
    "A variable without effect",
    level="warn",
    link=links.VARIABLES,
    rests_on_releases=True,
    bad=(
        env(AWS_VPC_K8S_CNI_CONFIGURE_RPFILTER="false"),
        env(ENABLE_NFTABLES="true"),
        env(AWS_EC2_ENDPOINT="https://ec2.example.com"),
        env(ENABLE_V4_EGRESS="true"),
        env(ENABLE_IPv4="false", ENABLE_IPv6="true", DISABLE_LEAKED_ENI_CLEANUP="true"),
    ),
)
def dead_variable(case: AwsNodeCase) -> Iterator[Problem]:
    """Some variables lost their effect in a release, others have one in a single address family only."""
    version, main = case.new.known_version, case.new.required
    for name in main.env:
        row = case.tables.variables["aws-node"].get(name)
        if row and row.dead_in(version):
            yield _warning(
                case, (name,), f"{name} has no effect since CNI {row.until}", row.replacement or "nothing reads it",
                f"Remove {name}",
            )  # fmt: skip
    for name, family, idle in (
        ("DISABLE_LEAKED_ENI_CLEANUP", "IPv6", case.new.ipv6),
        ("ENABLE_V4_EGRESS", "IPv4", not case.new.ipv6),
    ):
        if name in main.env and idle:
            yield _warning(
                case, (name, "ENABLE_IPv6"), f"{name} has no effect in an {family} cluster",
                "it only matters in the other address family", f"Remove {name}",
            )  # fmt: skip


@rule(
    "ENV-006",
    "A value that can not be checked, stands twice, or names no API server",
    level="deny",
    link=links.variable("cluster_endpoint-v1121"),
    bad=(
        Example(DaemonSet(repeat=("WARM_ENI_TARGET",))),
        env(CLUSTER_ENDPOINT="EKS_CLUSTER_API_ENDPOINT"),
        env(WARM_IP_TARGET="$(TARGET)"),
        Example(DaemonSet(env={"WARM_IP_TARGET": {"valueFrom": {"configMapKeyRef": {"name": "cni", "key": "warm"}}}})),
    ),
    good=(env(CLUSTER_ENDPOINT="https://0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com"),),
)
def uncheckable(case: AwsNodeCase) -> Iterator[Problem]:
    """What comes from elsewhere can be changed there past every check, and a name that stands twice means two things.

    An endpoint that is no URL keeps ipamd from the API server; placeholders of templates have been seen there.
    """
    for holder in _holders(case):
        for path, wrong in holder.defects:
            yield _uncheckable(path, (("env defect", wrong),), "deny", wrong, "Write env as a list of name and value")
        for name in dict.fromkeys(holder.repeated):
            yield _uncheckable(
                holder.where(name), ((f"{holder.name} env {name} repeated", repr(holder.values_of(name))),), "deny",
                f"{name} is set twice in container {holder.name}", "Keep one of the two entries",
            )  # fmt: skip
        if holder.bulk:
            yield _uncheckable(
                (*holder.path, "envFrom"), ((f"{holder.name} envFrom", "present"),), "warn",
                f"container {holder.name} takes variables from envFrom", "Write the values into the manifest",
            )  # fmt: skip
        yield from _foreign_values(case, holder)
    yield from _identity(case)


def _foreign_values(case: AwsNodeCase, holder: Container) -> Iterator[Problem]:
    for name, value in holder.env.items():
        row = case.tables.variables[holder.role].get(name)
        if row is None or not isinstance(value, Unknown) or value.malformed:
            continue
        entry = at(holder.raw, "env", holder.index[name], "valueFrom", "fieldRef", "fieldPath")
        if row.parser != "field" or entry != row.field_path:
            yield _uncheckable(
                holder.where(name), holder.evidence(name), "warn",
                f"{name} in container {holder.name} {value.says}", "Write the value into the manifest",
            )  # fmt: skip


def _uncheckable(path: Path, evidence: Evidence, level: Level, wrong: str, remedy: str) -> Problem:
    return Problem(
        path=path,
        evidence=evidence,
        level=level,
        wrong=wrong,
        effect="the guard can not tell which value aws-node will use, and a later change elsewhere passes every check"
        if level == "warn"
        else "nobody can say which value aws-node will use",
        remedy=remedy,
    )


def _identity(case: AwsNodeCase) -> Iterator[Problem]:
    main = case.new.required
    endpoint = main.get("CLUSTER_ENDPOINT")
    if endpoint and not _is_https(endpoint):
        yield Problem(
            path=main.where("CLUSTER_ENDPOINT"),
            evidence=main.evidence("CLUSTER_ENDPOINT"),
            level="deny",
            wrong=f'CLUSTER_ENDPOINT="{endpoint[:200]}" is not an https:// URL',
            effect="ipamd can not reach the API server",
            remedy="Write the endpoint that `aws eks describe-cluster` shows, or remove the variable",
        )
    name = main.get("CLUSTER_NAME")
    before = case.old.main.get("CLUSTER_NAME") if case.old is not None and case.old.main is not None else name
    if case.policy.cluster.scoped_by_name and (not name or name != before):
        wrong = f"CLUSTER_NAME changes from {before} to {name}" if name else "CLUSTER_NAME is not set"
        yield _warning(
            case, ("CLUSTER_NAME",), wrong,
            "interfaces get no cluster tag, so an IAM policy or subnets that are scoped by it shut ipamd out",
            "Set CLUSTER_NAME to the name of the EKS cluster",
        )  # fmt: skip


def _is_https(endpoint: str) -> bool:
    """Whether it is an https URL with a host that can be one: a placeholder has no dot."""
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme == "https" and ("." in host or ":" in host) and not set("<>{}$ ") & set(endpoint)


_PROVISIONED = "cni-guard.dev/pre-provisioned"
_OFF = "DISABLE_NETWORK_RESOURCE_PROVISIONING"
_IMDS = "ENABLE_IMDS_ONLY_MODE"
_DISCOVERY = "ENABLE_SUBNET_DISCOVERY"


@rule(
    "ENV-008",
    "A node that can not provision addresses",
    level="deny",
    link=links.variable("enable_imds_only_mode-v1196"),
    bad=(
        env(DISABLE_NETWORK_RESOURCE_PROVISIONING="true"),
        env(DISABLE_NETWORK_RESOURCE_PROVISIONING="true", AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG="true"),
        env(ENABLE_IMDS_ONLY_MODE="true", ENABLE_SUBNET_DISCOVERY="true"),
        Example(DaemonSet(env={_IMDS: "true", _DISCOVERY: None}, annotations={_PROVISIONED: "true"})),
        env(ENABLE_IMDS_ONLY_MODE="true", ENABLE_SUBNET_DISCOVERY="false", ENABLE_POD_ENI="true"),
        env(
            ENABLE_IMDS_ONLY_MODE="true",
            ENABLE_SUBNET_DISCOVERY="false",
            ENABLE_IPv4="false",
            ENABLE_IPv6="true",
            ENABLE_PREFIX_DELEGATION="true",
        ),
    ),
    good=(Example(DaemonSet(env={_IMDS: "true", _DISCOVERY: "false"}, annotations={_PROVISIONED: "true"})),),
)
def no_provisioning(case: AwsNodeCase) -> Iterator[Problem]:
    """With provisioning off ipamd attaches no interface: pods get only addresses that somebody attached before.

    Whoever does that says so with the annotation cni-guard.dev/pre-provisioned: "true".
    """
    view = case.new
    causes = tuple(name for name in (_OFF, _IMDS) if view.flag(name))
    if not causes:
        return
    if text(at(view.raw, "metadata", "annotations", _PROVISIONED)) != "true":
        yield _unprovisioned(
            case, causes, "deny", "ipamd creates no interface, so pods get only addresses that were attached before",
            f'Remove it, or annotate the DaemonSet with {_PROVISIONED}: "true" where something else attaches them',
        )  # fmt: skip
    if view.custom_networking:
        yield _unprovisioned(
            case, (*causes, "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"), "deny",
            "pods may not use the primary interface and no other one is made: none gets an address",
            "Switch one of them off", certain=True,
        )  # fmt: skip
    if view.flag(_IMDS):
        yield from _imds_conflicts(case)


def _imds_conflicts(case: AwsNodeCase) -> Iterator[Problem]:
    view = case.new
    if view.flag(_DISCOVERY) and view.known_version >= (1, 22, 1):
        yield _unprovisioned(
            case, (_IMDS, _DISCOVERY), "deny", "subnet discovery calls EC2 all the same, and fails where EC2 can not "
            "be reached", f"Set {_DISCOVERY}=false as well", fixes=True,
        )  # fmt: skip
    if view.pod_eni:
        yield _unprovisioned(
            case, (_IMDS, "ENABLE_POD_ENI"), "deny", "no trunk interface is found, so pods with security groups fail",
            "Switch one of them off",
        )  # fmt: skip
    if view.ipv6:
        yield _unprovisioned(
            case, (_IMDS, "ENABLE_IPv6"), "warn", "assigning the IPv6 prefix calls EC2 all the same",
            "Make sure that nodes reach EC2",
        )  # fmt: skip


def _unprovisioned(  # noqa: PLR0913 - the parts of a problem, in its order
    case: AwsNodeCase,
    names: tuple[str, ...],
    level: Level,
    effect: str,
    remedy: str,
    *,
    certain: bool = False,
    fixes: bool = False,
) -> Problem:
    main = case.new.required
    values = " with ".join(f"{name}={main.get(name) or 'unset'}" for name in names)
    return Problem(
        path=main.where(names[0]),
        evidence=main.evidence(*names),
        level=level,
        certain=certain,
        wrong=values,
        effect=effect,
        remedy=remedy,
        fixes=fill(case, _DISCOVERY, "false") if fixes else (),
    )
