"""`post DOOR FILE`: send an AdmissionReview to the served endpoint as an API server does, and show the answer."""

import base64
import http.client
import json
import os
import ssl
import sys
from pathlib import Path
from typing import Any


def main(door: str, file: str) -> int:
    """Show status and answer; end with 1 where the change is refused, as kubectl would."""
    context = ssl.create_default_context(cafile=os.environ["DEMO_CA"])
    connection = http.client.HTTPSConnection("127.0.0.1", int(os.environ["DEMO_PORT"]), context=context, timeout=10)
    connection.request("POST", f"/{door}", Path(file).read_bytes(), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body: dict[str, Any] = json.loads(answer.read())
    connection.close()
    response = _readable(body.get("response", {}))
    said = json.dumps(response or body, indent=2, ensure_ascii=False)
    sys.stdout.write(f"HTTP {answer.status} {said}\n")
    if not response:
        return 2
    return 0 if response["allowed"] else 1


def _readable(response: dict[str, Any]) -> dict[str, Any]:
    """Decode the patch, which travels as base64."""
    if "patch" not in response:
        return response
    return response | {"patch": json.loads(base64.b64decode(response["patch"]))}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
