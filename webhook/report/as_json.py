"""The report for machines: one JSON object with a stable shape.

It is ASCII only, so that no value of an object can control a terminal or break a parser.
"""

import json
from typing import Any

from webhook.documents import Unread
from webhook.inputs import Build
from webhook.report.diagnostic import Diagnostic
from webhook.report.layout import Layout
from webhook.report.report import Report


def render(report: Report, _: Layout) -> str:
    """Render the report; `cni-guard check --help` documents the keys."""
    return json.dumps(_shape(report), indent=2)


def _shape(report: Report) -> dict[str, Any]:
    return {
        "findings": [_finding(diagnostic) for diagnostic in report.diagnostics],
        "skipped": [
            {"rule": skipped.rule, "object": str(skipped.change), "reason": skipped.reason}
            for skipped in report.skipped
        ],
        "unread": [_unread(unread) for unread in report.unread],
        "kustomizations": [_build(build) for build in report.builds],
        "summary": {
            "mode": report.mode,
            "files": report.counts.files,
            "objects": report.counts.objects,
            "guarded": report.counts.guarded,
            "deny": report.count("deny"),
            "warn": report.count("warn"),
            "enforced": len(report.enforced),
            "certain": len(report.certain),
            "rule_errors": len(report.errors),
            "skipped": len(report.skipped),
            "unread": len(report.unread),
            "fatal": len(report.fatal),
            "patches": sum(build.patches for build in report.builds),
        },
    }


def _finding(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "rule": diagnostic.rule,
        "level": diagnostic.level,
        "enforced": diagnostic.enforced,
        "certain": diagnostic.certain,
        "introduced": diagnostic.introduced,
        "message": diagnostic.message,
        "file": diagnostic.file,
        "line": diagnostic.position.line,
        "column": diagnostic.position.column,
        "path": diagnostic.path,
        "object": diagnostic.object,
    }


def _unread(unread: Unread) -> dict[str, Any]:
    return {"file": unread.file, "reason": unread.reason, "line": unread.line, "fatal": unread.fatal}


def _build(build: Build) -> dict[str, Any]:
    return {"file": build.file, "line": build.line, "patches": build.patches, "command": build.command}
