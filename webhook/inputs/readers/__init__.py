"""The readers: each module reads one format. The first reader that recognizes a part of a file reads it."""

from webhook.inputs.parts import Part
from webhook.inputs.reader import Reader
from webhook.inputs.readers import kustomize, lists, manifests, others, patches, templates

READERS: tuple[Reader, ...] = (
    lists.READER,
    kustomize.READER,
    # A patch with a reference is a patch: kustomize applies it before another tool renders the result.
    patches.READER,
    templates.READER,
    manifests.READER,
    others.READER,
)
"""In order of precedence: a format of certain objects comes before `manifests`, any other one before `others`."""


def reader_of(part: Part) -> Reader:
    """The reader for a part of a file; there is always one, since `others` recognizes everything."""
    return next(reader for reader in READERS if reader.recognizes(part))
