"""The catalogue for people: one rule explained, and the page of all rules that stands beside this file."""

from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from webhook.catalogue import Catalogue
from webhook.catalogue.examples import DaemonSet, ENIConfig, Example, Variables
from webhook.catalogue.rule import Rule

_HEAD = """# The rules

Made from the code by `make rules`; a test keeps it fresh. `cni-guard explain RULE` prints one of them.

A finding **denies** or **warns**; what a request does not bring itself is only warned about. The policy lowers,
raises or silences a rule by its id, except what is certain to break every node.

| Rule | About | Highest level | What it finds |
| --- | --- | --- | --- |
"""


def markdown(catalogue: Catalogue) -> str:
    """The page of all rules."""
    rows = "".join(
        f"| [{rule.id}](#{_anchor(rule)}) | {rule.target} | {rule.level} | {rule.title} |\n" for rule in catalogue
    )
    return _HEAD + rows + "".join(f"\n{_section(rule)}" for rule in catalogue)


def _anchor(rule: Rule) -> str:
    letters = f"{rule.id} {rule.title}".lower().replace(" ", "-")
    return "".join(letter for letter in letters if letter.isalnum() or letter in "-_")


def _section(rule: Rule) -> str:
    return "\n".join((f"## {rule.id} {rule.title}", "", rule.why, "", *_examples(rule), f"Read on: <{rule.link}>", ""))


def _examples(rule: Rule) -> Iterator[str]:
    for title, examples in (("Bad", rule.bad), ("Good", rule.good)):
        if examples:
            yield f"{title}:"
            yield ""
            yield "```yaml"
            yield from _shown(examples[:2])
            yield "```"
            yield ""


def _shown(examples: Iterable[Example]) -> Iterator[str]:
    for index, example in enumerate(examples):
        if index:
            yield "---"
        if example.before is not None:
            yield f"# before: {_describe(example.before)}"
        if example.now is None:
            yield f"# deleted{f' by {example.user.name}' if example.user else ''}"
        elif isinstance(example.now, ENIConfig):
            yield yaml.safe_dump(example.now.build(), sort_keys=False, width=110).rstrip()
        else:
            yield _describe(example.now)


def _describe(example: DaemonSet | ENIConfig) -> str:
    """What differs from the official manifest of the release, on one line of flow-style YAML."""
    if isinstance(example, ENIConfig):
        return f"ENIConfig {example.name}: {_flow(example.spec)}"
    differences = {
        "aws-node env": _some(example.env),
        "aws-vpc-cni-init env": _some(example.init_env),
        "images": dict(example.images),
        "arguments of aws-eks-nodeagent": list(example.arguments),
        "left out of aws-node": list(example.without),
        "address of the probes": example.probe_address,
        "annotations": dict(example.annotations),
        "written twice": list(example.repeat),
        "one more container": {"image": example.sidecar, **example.sidecar_fields} if example.sidecar else "",
        "fields of aws-node": dict(example.fields),
        "renamed": dict(example.renamed),
        "metadata": example.metadata,
    }
    said = {key: value for key, value in differences.items() if value}
    return _flow({f"aws-node {example.release}": said or "as it is released"})


_SHOWN = 12
"""Variables of an example that are shown."""


def _some(env: Variables) -> dict[str, Any]:
    """The first variables, and how many more there are."""
    more = len(env) - _SHOWN
    return dict(list(env.items())[:_SHOWN]) | ({"...": f"{more} more"} if more > 0 else {})


def _flow(value: object) -> str:
    dumped: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000)
    return dumped.strip()


def explain(rule: Rule) -> str:
    """One rule, for a terminal."""
    return "\n".join(
        (
            f"{rule.id}  {rule.title}",
            f"about {rule.target}, on {', '.join(rule.operations)}; highest level: {rule.level}",
            "",
            rule.why,
            "",
            *(line for line in _examples(rule) if not line.startswith("```")),
            f"Read on: {rule.link}",
            "",
        )
    )
