"""The walk on the served HTTPS endpoint alone, asked as an API server would."""

import shlex
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.bench.served import GUARD, HOST, Served, Tls
from tests.controlplane.guard import POLICY
from tests.demo import files, reviews
from tests.demo.road import CI
from tests.demo.runner import Runner
from tests.demo.screen import say
from tests.demo.step import Step

ROAD = (
    Step(
        "The API server would ask: aws-node from 1.21.2 to 1.23.1, a minor version skipped.",
        "post validate upgrade-1.23.1.json",
        "refused",
        ("VER-004: the upgrade .* skips 1 minor version",),
    ),
    Step(
        "The next minor version instead.",
        "post validate upgrade-1.22.4.json",
        "passed",
        ('"allowed": true',),
    ),
    Step(
        "SNAT by the CNI switched off: this changes the data path of every node.",
        "post validate external-snat.json",
        "passed",
        ("SNAT-001",),
    ),
    Step(
        "WARM_ENI_TARGET=3 beside WARM_IP_TARGET=5, as a dry run.",
        "post validate conflict-dry-run.json",
        "refused",
        ("IPT-004",),
    ),
    Step("The same without the dry run.", "post validate conflict.json", "refused", ("IPT-004",)),
    Step(
        "MINIMUM_IP_TARGET=5 alone would cap the node: the mutating endpoint adds its companion.",
        "post mutate minimum.json",
        "passed",
        ("Added aws-node env WARM_IP_TARGET=2", '"patch": '),
    ),
    Step(
        "An ENIConfig with the subnet's addresses instead of its ID.",
        "post validate eniconfig-cidr.json",
        "refused",
        ("ENIC-001",),
    ),
    Step("The ENIConfig with the ID.", "post validate eniconfig.json", "passed", ('"allowed": true',)),
    Step("aws-node deleted.", "post validate delete.json", "refused", ("DEL-001",)),
    CI,
)


def walk(folder: Path, stack: ExitStack) -> Counter[str]:
    """Serve, and take the road."""
    say("So `cni-guard serve` is asked over HTTPS, with the AdmissionReviews that an API server would send it:")
    say("`post DOOR FILE` sends one, as curl would, and shows the answer with its patch decoded.")
    files.write(folder)
    reviews.write(folder)
    tls = Tls.made_in(folder)
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    served = stack.enter_context(Served(GUARD, tls, folder / "guard.log", "--policy", policy))
    say(f"It answers on https://{HOST}:{served.port}.")
    variables = {"DEMO_CA": str(tls.ca), "DEMO_PORT": str(served.port)}
    runner = Runner(folder, {"cni-guard": Path(GUARD[0]), "post": _post(folder)}, variables)
    runner.walk(ROAD)
    return runner.counts


def _post(folder: Path) -> Path:
    """Make a program of `post.py`."""
    program = folder / ".post"
    command = shlex.join([sys.executable, str(Path(__file__).with_name("post.py"))])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)
    return program
