"""Templates: which tool renders a text, and how to pipe the result to cni-guard.

``$(NAME)`` is not a template: Kubernetes itself expands it. Whether a ``$`` in a value marks a template depends on the
field: in a shell script it is text, in an image it is a reference.
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
    "looks like a CloudFormation template (Fn::Sub): replace its references first and pipe the result, "
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
"""The content of a shell expansion: an uppercase name, or any name with a default or another operator."""

_ANY_NAME: Final = re.compile(r"[A-Za-z_]\w*")


def looks_like_template(text: str) -> bool:
    """Whether the text has an action of a Go or Jinja template, ``{{ … }}``."""
    start = text.find("{{")
    return start >= 0 and text.find("}}", start) >= 0


def has_references(text: str) -> bool:
    """Whether the text has ``${…}``, ``$NAME`` or ``%{…}``; a doubled sign escapes it."""
    return any(pattern.search(text) for pattern in (_DIRECTIVE, _INTERPOLATION, _NAME))


def way_out(value: str, whole: str) -> str:
    """Name the kind of template that a value is part of, and how to render it.

    Args:
        value: The value of a field.
        whole: The text of the file, which tells one kind of template from another.

    Returns:
        A message; empty if the value is not part of a template.
    """
    if looks_like_template(value):
        return _with_braces(whole)
    if not has_references(value):
        return ""
    return _with_references(value, whole)


def in_broken(row: str, part: str, whole: str) -> tuple[str, bool]:
    """Like `way_out`, for a document that is not valid YAML.

    Args:
        row: The line of the error.
        part: The document.
        whole: The text of the file.

    Returns:
        The message, and whether the template alone explains the error: braces on another line may be text, such as a
        dashboard in a ConfigMap.
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
    # A lowercase name is valid in both tools: the other references of the text decide.
    if all(_ANY_NAME.fullmatch(found) for found in inside) and (_NAME.search(value) or _is_for_a_shell(whole)):
        return ENVSUBST
    return TERRAFORM


@lru_cache(maxsize=1)
def _has_directives(whole: str) -> bool:
    return _DIRECTIVE.search(whole) is not None


# A text can have thousands of references: it is scanned only once.
@lru_cache(maxsize=1)
def _is_for_a_shell(whole: str) -> bool:
    """Whether all references of a text that are not just a lowercase name are shell expansions."""
    telling = [found for found in map(str.strip, _INTERPOLATION.findall(whole)) if not re.fullmatch(r"[a-z]\w*", found)]
    return bool(telling) and all(_SHELL.fullmatch(found) for found in telling)
