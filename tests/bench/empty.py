"""The least that a webhook can do: read the body, find its uid, say yes. Served exactly as the guard is.

`python -m tests.bench.empty` takes the flags of `cni-guard serve`, and has its settings, worker and TLS context.
"""

import argparse
import os
import re
import sys
from pathlib import Path
from typing import NoReturn

from flask import Flask, Response, request

from webhook import tls
from webhook.commands import serve
from webhook.live import Settings

COMMAND = (sys.executable, "-m", "tests.bench.empty")

_UID = re.compile(rb'"uid":"([^"]+)"')
_ANSWER = b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"%s","allowed":true}}'
_SETTINGS = Path(serve.__file__).parents[1] / "gunicorn.conf.py"


def application() -> Flask:
    """Make the application that gunicorn loads."""
    app = Flask(__name__, static_folder=None)
    for door in ("validate", "mutate"):
        app.add_url_rule(f"/{door}", door, _yes, methods=["POST"])
    app.add_url_rule("/healthz", "healthz", lambda: Response("ok\n"))
    return app


def _yes() -> Response:
    uid = _UID.search(request.get_data(cache=False))
    return Response(_ANSWER % (uid[1] if uid else b""), content_type="application/json")


def main() -> NoReturn:
    """Become gunicorn, as `cni-guard serve` does, with this application."""
    parser = argparse.ArgumentParser()
    serve.add(parser)
    arguments = parser.parse_args()
    settings = Settings(arguments.bind, tls.Files(Path(arguments.tls_cert), Path(arguments.tls_key)))
    # An application named here comes before the one that the settings name.
    command = [sys.executable, "-P", "-m", "gunicorn", "-c", str(_SETTINGS), "tests.bench.empty:application()"]
    os.execve(sys.executable, command, os.environ | settings.environment())


if __name__ == "__main__":
    main()
