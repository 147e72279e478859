"""ENV-002 to ENV-004: values, by what the CNI's own parsers make of them."""

from collections.abc import Iterator

import msgspec

from webhook.cni.container import Container, Unknown
from webhook.cni.values import go_bool, go_int, go_int_any_base
from webhook.cni.variables import Variable
from webhook.model import Evidence, Problem
from webhook.rules import links
from webhook.rules.examples import DaemonSet, Example, env
from webhook.rules.parts import warning
from webhook.rules.rule import AwsNodeCase, rule


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
    for holder in case.new.roles:
        for name, value in holder.known:
            row = case.tables.variables[holder.role].get(name)
            if row is not None and not value:
                yield _empty(case, holder, row)


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
    return case.new.required.evidence("ENABLE_POD_ENI") if row.only_with else ()


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
    for name, value in case.new.required.known:
        row = case.tables.variables["aws-node"].get(name)
        if row is not None and value and (limit := _limit(case, row, value)):
            yield _fatal(case, row, value, limit)
    yield from _risky(case)
    yield from _moved(case)


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
        evidence=main.evidence(row.name, *(("ENABLE_IPv6",) if row.minimum6 is not None else ())),
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
        yield warning(
            case, ("IP_COOLDOWN_PERIOD",), f"IP_COOLDOWN_PERIOD={cooldown} is very short",
            "a new pod can get the address of one that peers still talk to", "Leave it at 30 seconds",
        )  # fmt: skip
    pod, link = (go_int(main.get(name) or "") for name in ("POD_MTU", "AWS_VPC_ENI_MTU"))
    if pod is not None and link is not None and pod > link:
        yield warning(
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
            yield warning(
                case, (name,), f"{name} changes from {before} to {now} on a live cluster",
                "pods that run keep what they have until they are made anew", "Replace the nodes after the roll-out",
                before=before,
            )  # fmt: skip
