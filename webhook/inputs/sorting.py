"""Separates what is evaluated from what is unread, and adds to the reasons what to do about it."""

from collections.abc import Collection, Iterable

from webhook.documents import DocumentError, Unread
from webhook.inputs.contents import name_of
from webhook.inputs.kustomizations import command, nearest
from webhook.inputs.listing import Listing
from webhook.inputs.parts import Found
from webhook.inputs.paths import identity
from webhook.inputs.walk import File
from webhook.model import Change


def separated(found: Iterable[Found | Unread], listing: Listing) -> tuple[tuple[Change, ...], tuple[Unread, ...]]:
    """The changes to evaluate and what is unread; patches listed in a kustomization are in neither."""
    changes: list[Change] = []
    unread: list[Unread] = []
    for one in found:
        if isinstance(one, Unread):
            unread.append(one)
        elif not _is_broken(one) and listing.lists(one.text.file):
            if one.concerns:
                listing.concerns_the_cni(one.text.file)
        elif isinstance(one.what, DocumentError):
            unread.append(_unread(one, one.what, listing.folders))
        elif one.what is not None:
            changes.append(one.what)
    return tuple(changes), tuple(unread)


def _is_broken(found: Found) -> bool:
    return isinstance(found.what, DocumentError) and found.what.unfit == "broken"


def _unread(found: Found, error: DocumentError, kustomized: Collection[str]) -> Unread:
    reason, file = error.reason, found.text.file
    if error.unfit == "patch":
        reason += _of_a_patch(file, kustomized)
    if error.unfit == "foreign" and found.concerns:
        reason += ", but it mentions the CNI: check the rendered output, `helm template … | cni-guard check -`"
    broken = error.unfit == "broken" and file.named and file.is_manifest
    return Unread(found.text.label, reason, error.line, fatal=found.concerns or file.is_stdin or broken)


def _of_a_patch(file: File, kustomized: Collection[str]) -> str:
    """What to do about a patch that is not listed in a kustomization of the run."""
    folder = nearest(file)
    if identity(folder) in kustomized:
        return f": the kustomization in {name_of(folder)} does not list it. Add it to patches, or delete it"
    return f": check the build output instead, `{command(folder)}`, or pass its kustomization.yaml as well"
