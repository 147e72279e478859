"""The report for machines: one JSON object with a stable shape.

It is ASCII only, so that no value of an object can control a terminal or break a parser.
"""

import json
from typing import Any

from webhook.documents import Unread
from webhook.files import Build
from webhook.report.report import Remark, Report


def render(report: Report) -> str:
    """Render the report; `cni-guard check --help` documents the keys."""
    return json.dumps(_shape(report), indent=2)


def _shape(report: Report) -> dict[str, Any]:
    return {
        "findings": [_finding(remark) for remark in report.remarks],
        "skipped": [
            {"rule": skipped.rule, "resource": str(skipped.resource), "reason": skipped.reason}
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


def _finding(remark: Remark) -> dict[str, Any]:
    return {
        "rule": remark.rule,
        "level": remark.level,
        "enforced": remark.enforced,
        "certain": remark.certain,
        "introduced": remark.introduced,
        "message": remark.message,
        "file": remark.file,
        "line": remark.position.line,
        "column": remark.position.column,
        "path": remark.path,
        "resource": remark.resource,
    }


def _unread(unread: Unread) -> dict[str, Any]:
    return {"file": unread.file, "reason": unread.reason, "line": unread.line, "fatal": unread.fatal}


def _build(build: Build) -> dict[str, Any]:
    return {"file": build.file, "line": build.line, "patches": build.patches, "command": build.command}
