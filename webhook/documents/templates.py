"""Text that another tool has yet to complete: which tool, and how its result reaches the guard.

``$(NAME)`` is not among them: Kubernetes itself expands it. Whether a ``$`` in a value means anything depends on the
field: in a shell script it is text, in an image it is not.
"""

import re
from functools import lru_cache
from typing import Final

HELM: Final = "looks like a Helm template: render it first, `helm template … | cni-guard check -`"
JINJA: Final = "looks like a Jinja template: render it first, `… | cni-guard check -`"
KOPS: Final = (
    "looks like a kOps template: render it first, "
    "`kops toolbox template --template FILE --values VALUES | cni-guard check -`, or check what kOps applied, "
    "`kubectl -n kube-system get daemonset aws-node -o yaml | cni-guard check -`"
)
TERRAFORM: Final = (
    "looks like a Terraform template: render it first, "
    "`terraform show -json PLAN | jq '.planned_values | .. | .manifest? // empty' | cni-guard check -`, "
    "or `terraform output -raw NAME | cni-guard check -` where an output holds templatefile(…)"
)
ENVSUBST: Final = "looks like an envsubst template: render it first, `envsubst < FILE | cni-guard check -`"
CLOUDFORMATION: Final = (
    "looks like a CloudFormation template (Fn::Sub): put its values in first and pipe the result, "
    "`… | cni-guard check -`"
)

_KOPS: Final = re.compile(
    r"kops\.k8s\.io|kops\.x-k8s\.io|\.Networking\.|AmazonVpcEnvVars|"
    r"\{\{-?\s*(?:ClusterName|Region|KopsVersion|KopsSystemEnv|IsIPv6Only)\b"
)
_HELM: Final = re.compile(r"\.(?:Values|Release|Chart|Capabilities|Files)\b|\{\{-?\s*(?:include|template|define)\b")
_JINJA: Final = re.compile(r"\{%|\{#|\bansible_|\{\{-?\s*lookup\(")
_JINJA_BLOCK: Final = re.compile(r"\{%[^%\n]*%\}")
_DIRECTIVE: Final = re.compile(r"(?<!%)%\{[^}%\n]*\}")
_INTERPOLATION: Final = re.compile(r"(?<!\$)\$\{([^}$\n]*)\}")
_NAME: Final = re.compile(r"(?<!\$)\$[A-Za-z_]\w*")
_SHELL: Final = re.compile(r"[A-Z_][A-Z0-9_]*|[A-Za-z_]\w*(?::?[-=+?]|[%#/^,@]).*")
"""What a shell's braces hold: a name in capitals, as the environment has it, or a name with a default or a cut."""

_ANY_NAME: Final = re.compile(r"[A-Za-z_]\w*")


def looks_like_template(text: str) -> bool:
    """Whether it has an action of Go's templates or of Jinja, ``{{ … }}``."""
    start = text.find("{{")
    return start >= 0 and text.find("}}", start) >= 0


def has_references(text: str) -> bool:
    """Whether it has ``${…}``, ``$NAME`` or ``%{…}``; a doubled sign stands for the sign itself."""
    return any(pattern.search(text) for pattern in (_DIRECTIVE, _INTERPOLATION, _NAME))


def way_out(value: str, whole: str) -> str:
    """Which template a value is a part of, and how to render it; `whole` is the text around it.

    Empty where the value is not a part of a template.
    """
    if looks_like_template(value):
        return _with_braces(whole)
    if not has_references(value):
        return ""
    return _with_references(value, whole)


def in_broken(row: str, part: str, whole: str) -> tuple[str, bool]:
    """The same for a document that is not YAML as it is.

    Args:
        row: the line of the error.
        part: the document.
        whole: the text that it is a part of.

    Returns:
        The way out, and whether the template alone explains the error: braces elsewhere may be text, such as those of
        a dashboard in a ConfigMap.
    """
    if looks_like_template(part):
        return _with_braces(whole), "{{" in row
    if _JINJA_BLOCK.search(part):
        return JINJA, True
    if _DIRECTIVE.search(part) or _INTERPOLATION.search(row):
        return _with_references(row, whole), True
    return "", False


@lru_cache(maxsize=1)
def _with_braces(whole: str) -> str:
    if _HELM.search(whole):
        return HELM
    if _KOPS.search(whole):
        return KOPS
    return JINJA if _JINJA.search(whole) else HELM


def _with_references(value: str, whole: str) -> str:
    if _has_directives(whole):
        return TERRAFORM
    inside = [found.strip() for found in _INTERPOLATION.findall(value)]
    if any("::" in found for found in inside):
        return CLOUDFORMATION
    if all(_SHELL.fullmatch(found) for found in inside):
        return ENVSUBST
    # A plain name in small letters may be either's: the other references of the text tell.
    if all(_ANY_NAME.fullmatch(found) for found in inside) and (_NAME.search(value) or _is_for_a_shell(whole)):
        return ENVSUBST
    return TERRAFORM


@lru_cache(maxsize=1)
def _has_directives(whole: str) -> bool:
    return _DIRECTIVE.search(whole) is not None


# One text may hold thousands of references: what it tells as a whole is read once.
@lru_cache(maxsize=1)
def _is_for_a_shell(whole: str) -> bool:
    """Whether each reference of a text that tells at all is a shell's."""
    telling = [found for found in map(str.strip, _INTERPOLATION.findall(whole)) if not re.fullmatch(r"[a-z]\w*", found)]
    return bool(telling) and all(_SHELL.fullmatch(found) for found in telling)
