"""The report for machines: one JSON object with a stable shape.

ASCII alone, so that nothing an object carries can steer a terminal or break a reader.
"""

import json
from typing import Any

from webhook.documents import Unread
from webhook.report.report import Remark, Report


def render(report: Report) -> str:
    """The whole report; `cni-guard check -o json` documents its keys."""
    return json.dumps(_shape(report), indent=2)


def _shape(report: Report) -> dict[str, Any]:
    return {
        "findings": [_finding(remark) for remark in report.remarks],
        "skipped": [
            {"rule": skipped.rule, "resource": str(skipped.resource), "reason": skipped.reason}
            for skipped in report.skipped
        ],
        "unread": [_unread(unread) for unread in report.unread],
        "summary": {
            "files": report.counts.files,
            "objects": report.counts.objects,
            "guarded": report.counts.guarded,
            "deny": report.count("deny"),
            "warn": report.count("warn"),
            "crashes": len(report.crashes),
            "skipped": len(report.skipped),
            "unread": len(report.unread),
            "unchecked": len(report.unchecked),
        },
    }


def _finding(remark: Remark) -> dict[str, Any]:
    return {
        "rule": remark.rule,
        "level": remark.level,
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
