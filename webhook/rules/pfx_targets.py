"""PFX-001: targets of prefix delegation."""

from collections.abc import Iterator

from webhook.catalogue import links
from webhook.catalogue.examples import env
from webhook.catalogue.parts import default_env
from webhook.catalogue.rule import AwsNodeCase, rule
from webhook.catalogue.standing import is_known, reading_of, takes_as_true
from webhook.cni.values import beyond_zero
from webhook.model import Problem

_PREFIX_TARGETS = ("WARM_PREFIX_TARGET", "WARM_IP_TARGET", "MINIMUM_IP_TARGET")


@rule(
    "PFX-001",
    "Prefix delegation without any target",
    since="ENABLE_PREFIX_DELEGATION",
    level="deny",
    link=links.PREFIX_TARGETS,
    bad=(
        env(ENABLE_PREFIX_DELEGATION="true", WARM_PREFIX_TARGET="0", certain=True),
        env(ENABLE_PREFIX_DELEGATION="true", WARM_PREFIX_TARGET=None, certain=True, adds={"WARM_PREFIX_TARGET": "1"}),
        env(
            ENABLE_PREFIX_DELEGATION="true",
            WARM_PREFIX_TARGET=None,
            WARM_IP_TARGET="+5",
            MINIMUM_IP_TARGET="+2",
            certain=True,
            adds={"WARM_PREFIX_TARGET": "1"},
        ),
    ),
    good=(
        env(ENABLE_PREFIX_DELEGATION="true"),
        env(ENABLE_PREFIX_DELEGATION="true", WARM_PREFIX_TARGET="0", WARM_IP_TARGET="5", MINIMUM_IP_TARGET="16"),
    ),
)
def prefixes_without_target(case: AwsNodeCase) -> Iterator[Problem]:
    """The entry point exits where prefix delegation is on and all three targets are zero.

    It compares them as text, so that "+5" counts as zero there although ipamd would read it as 5. The shell script up
    to 1.12.0 compared numbers, and up to 1.12.6 nothing but "true" switched the check on.
    """
    main, version = case.new.required, case.new.version
    switch = "ENABLE_PREFIX_DELEGATION"
    if reading_of(case, main, switch) is None or not takes_as_true(case, switch):
        return
    if any(beyond_zero(main.get(name), version) for name in _PREFIX_TARGETS):
        return
    yield Problem(
        path=main.where("ENABLE_PREFIX_DELEGATION"),
        evidence=(
            *main.as_read("ENABLE_PREFIX_DELEGATION"),
            *((f"{main.name} env {name}", "counts as zero") for name in _PREFIX_TARGETS),
        ),
        level="deny",
        certain=is_known(case),
        wrong=f"ENABLE_PREFIX_DELEGATION is on, but {', '.join(_PREFIX_TARGETS[:2])} and {_PREFIX_TARGETS[2]} are all "
        "zero, unset or written with a sign",
        effect="aws-node exits at start on every node",
        remedy="Set WARM_PREFIX_TARGET=1",
        fixes=default_env(case, "WARM_PREFIX_TARGET", "1"),
    )
