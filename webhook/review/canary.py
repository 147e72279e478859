"""The canary: both endpoints answer an annotation with a warning, which proves to the installer that they work."""

from webhook.model import at, text
from webhook.printable import shorten
from webhook.review.decision import Endpoint
from webhook.review.request import Request

CANARY = "cni-guard.dev/canary"
_NONCE_LENGTH = 64


def answer(endpoint: Endpoint, request: Request) -> tuple[str, ...]:
    """The warning that answers a canary; nothing for any other object."""
    nonce = text(at(request.change.object, "metadata", "annotations", CANARY))
    return (f"cni-guard canary {shorten(nonce, _NONCE_LENGTH)} answered at {endpoint}",) if nonce else ()
