"""A report and its formats: what is said, where, and that nothing an object carries does harm."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.changes import evaluated
from webhook.catalogue.examples import DaemonSet, Example, env
from webhook.cni.identity import change_of
from webhook.documents import Unread
from webhook.inputs import Build
from webhook.model import (
    Change,
    Finding,
    Level,
    Path,
    Position,
    Problem,
    RuleError,
    Skipped,
    Source,
    Verdict,
)
from webhook.printable import dotted
from webhook.report.diagnostic import of_error, of_finding
from webhook.report.formats import DEFAULT, FORMATS
from webhook.report.layout import Layout
from webhook.report.report import Counts, Report, ordered

ENV: Path = ("spec", "template", "spec", "containers", 0, "env", 3)
LINK = "https://example.com/x"


def change(file: str = "a.yaml", name: str = "aws-node") -> Change:
    """A DaemonSet of a file."""
    places = {(): Position(1, 1), ENV: Position(30, 15), (*ENV, "value"): Position(31, 22)}
    return change_of(
        "DaemonSet",
        {"metadata": {"name": name, "namespace": "kube-system"}},
        source=Source(file, places),
    )


def finding(level: Level = "deny", path: Path = (*ENV, "value"), of: Change | None = None, **words: str) -> Finding:
    """A finding of IPT-004."""
    said = {"wrong": "A is wrong", "effect": "B would happen", "remedy": "Set C"} | words
    wrong, effect, remedy = said.values()
    problem = Problem(path=path, evidence=(), level=level, wrong=wrong, effect=effect, remedy=remedy)
    return Finding(
        rule="IPT-004",
        level=level,
        enforced=level,
        introduced=True,
        change=of or change(),
        problem=problem,
        link=LINK,
    )


def report_of(findings: tuple[Finding, ...] = (), errors: tuple[RuleError, ...] = (), **named: Any) -> Report:
    """A report of these findings and failed rules, unlike `Report.of` without merging them."""
    return Report(ordered((*map(of_finding, findings), *map(of_error, errors))), **named)


def text(report: Report, **layout: Any) -> str:
    """The report as people get it."""
    return FORMATS["text"](report, Layout(**layout))


def as_json(report: Report) -> str:
    """The report as a program gets it."""
    return FORMATS["json"](report, Layout())


def parsed(report: Report) -> dict[str, Any]:
    """The report as machines get it."""
    shape: dict[str, Any] = json.loads(as_json(report))
    return shape


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ((), ""),
        ((*ENV, "value"), "spec.template.spec.containers[0].env[3].value"),
        (("metadata", "annotations", "a.b/c"), 'metadata.annotations["a.b/c"]'),
        (("data", 'x"\\'), 'data["x\\"\\\\"]'),
        (("a-b", "c"), "a-b.c"),
    ],
)
def test_dotted(path: Path, words: str) -> None:
    assert dotted(path) == words


def test_report_of_verdicts() -> None:
    one, two = change("a.yaml"), change("b.yaml")
    skipped = Skipped("VER-002", two, "unknown")
    error = RuleError("ENV-001", "deny", "deny", two, "KeyError: 'x'")
    report = Report.of(
        [Verdict(one, (finding(of=one),)), Verdict(two, (finding("warn", of=two),), (skipped,), (error,))],
        (Unread("c.yaml", "broken"), Unread("d.yaml", "broken", fatal=False)),
        Counts(4, 5, 2),
    )
    assert [diagnostic.file for diagnostic in report.diagnostics] == ["a.yaml", "b.yaml", "b.yaml"]
    assert [diagnostic.rule for diagnostic in report.diagnostics] == ["IPT-004", "ENV-001", "IPT-004"]
    assert (report.count("deny"), report.count("warn")) == (2, 1)
    assert [unread.file for unread in report.fatal] == ["c.yaml"]


def test_remarks_stand_in_the_order_of_lines_denials_first() -> None:
    report = report_of((finding("warn"), finding(path=()), finding("deny"), finding("warn", of=change("0.yaml"))))
    places = [(diagnostic.file, diagnostic.position.line, diagnostic.level) for diagnostic in report.diagnostics]
    assert places == [("a.yaml", 1, "deny"), ("a.yaml", 31, "deny"), ("a.yaml", 31, "warn"), ("0.yaml", 31, "warn")]


# JSON


def test_json_shape() -> None:
    report = report_of(
        findings=(finding(),),
        skipped=(Skipped("VER-002", change(), "the server's version is not known"),),
        unread=(Unread("c.yaml", "a TAB", 3, fatal=False),),
        counts=Counts(2, 7, 1),
        builds=(Build("k/kustomization.yaml", 3, 2, "kubectl kustomize k | cni-guard check -"),),
    )
    assert parsed(report) == {
        "findings": [
            {
                "rule": "IPT-004",
                "level": "deny",
                "enforced": "deny",
                "certain": False,
                "introduced": True,
                "message": f"IPT-004: A is wrong: B would happen. Set C. {LINK}",
                "file": "a.yaml",
                "line": 31,
                "column": 22,
                "path": "spec.template.spec.containers[0].env[3].value",
                "object": "DaemonSet kube-system/aws-node",
            }
        ],
        "skipped": [
            {
                "rule": "VER-002",
                "object": "DaemonSet kube-system/aws-node",
                "reason": "the server's version is not known",
            }
        ],
        "unread": [{"file": "c.yaml", "reason": "a TAB", "line": 3, "fatal": False}],
        "kustomizations": [
            {
                "file": "k/kustomization.yaml",
                "line": 3,
                "patches": 2,
                "command": "kubectl kustomize k | cni-guard check -",
            }
        ],
        "summary": {
            "mode": "enforce",
            "files": 2,
            "objects": 7,
            "guarded": 1,
            "deny": 1,
            "warn": 0,
            "enforced": 1,
            "certain": 0,
            "rule_errors": 0,
            "skipped": 1,
            "unread": 1,
            "fatal": 0,
            "patches": 2,
        },
    }


def test_crash_is_among_the_findings() -> None:
    report = report_of(errors=(RuleError("ENV-001", "deny", "deny", change(), "KeyError: 'x'"),))
    [said] = parsed(report)["findings"]
    assert (said["rule"], said["level"], said["path"], said["line"]) == ("ENV-001", "deny", "", 1)
    assert said["message"].startswith("ENV-001: the rule failed on this object (KeyError: 'x')")


def test_missing_field_has_the_place_of_its_parent() -> None:
    [said] = parsed(report_of((finding(path=(*ENV, "valueFrom", "x")),)))["findings"]
    assert (said["line"], said["column"]) == (30, 15)


def test_json_is_ascii() -> None:
    report = report_of((finding(of=change("\x1b[2Jé.yaml", name="\u202e\x9b")),))
    assert as_json(report).isascii()
    assert "\x1b" not in as_json(report)


@pytest.mark.parametrize("layout", [Layout(colors=True), Layout(width=60), Layout(detail="quiet", fail_on="warn")])
def test_json_is_complete_in_each_layout(layout: Layout) -> None:
    report = report_of((finding("warn"),), unread=(Unread("c.yaml", "x", fatal=False),))
    assert FORMATS["json"](report, layout) == as_json(report)


# Every format


def test_text_is_the_default() -> None:
    assert (DEFAULT, *FORMATS) == ("text", "text", "json")


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_tells_the_rule_the_place_and_each_clause(name: str) -> None:
    found = replace(finding(wrong="A1", effect="B1", remedy="C1"), excuse="excepted by net")
    error = RuleError("ENV-001", "deny", "deny", change("b.yaml"), "KeyError")
    said = FORMATS[name](report_of((found,), (error,)), Layout())
    for words in (
        "IPT-004",
        "A1",
        "B1",
        "C1",
        "excepted by net",
        LINK,
        "a.yaml",
        "31",
        "ENV-001",
        "KeyError",
        "b.yaml",
    ):
        assert words in said


def test_a_diagnostic_carries_the_clauses_of_its_message() -> None:
    error = RuleError("ENV-001", "deny", "deny", change(), "KeyError: 'x'")
    for one in report_of((finding(wrong="a\x1b"), replace(finding(), excuse="excepted")), (error,)).diagnostics:
        said = f"{one.rule}: {one.fault}. {one.remedy}"
        said += f". {one.link}" * bool(one.link) + f" ({one.excuse})" * bool(one.excuse)
        assert one.message == said


# Text


def test_text_of_a_finding() -> None:
    assert text(report_of((finding(),), counts=Counts(1, 6, 1))).split("\n") == [
        "a.yaml:31:22: deny IPT-004 DaemonSet kube-system/aws-node",
        "    at spec.template.spec.containers[0].env[3].value",
        "    A is wrong: B would happen.",
        "    Set C.",
        f"    {LINK}",
        "",
        "1 of 6 objects in 1 file guarded: 1 denial, no warnings",
    ]


def test_text_wraps_and_keeps_links_whole() -> None:
    lines = text(report_of((finding(wrong="word " * 50, remedy="x" * 150),)), width=70).split("\n")
    assert all(len(line) <= 70 for line in lines[1:] if "x" * 150 not in line)
    assert f"    {'x' * 150}." in lines
    assert all(line.startswith("    ") for line in lines[1:-2])


def test_text_of_a_failed_rule() -> None:
    report = report_of(errors=(RuleError("ENV-001", "deny", "deny", change(), "KeyError: 'x'"),))
    assert text(report, width=70).split("\n")[:-1] == [
        "a.yaml:1:1: deny ENV-001 DaemonSet kube-system/aws-node",
        "    the rule failed on this object (KeyError: 'x'), so it was not",
        "    evaluated.",
        "    Report this as a bug in cni-guard, with the object. To get",
        "    warnings instead of denials, set onCrash: warn in the policy.",
        "",
    ]


def test_quiet_text_is_only_what_fails_the_run() -> None:
    report = report_of(
        (finding("warn"),), unread=(Unread("c.yaml", "x"), Unread("d.yaml", "y", fatal=False)), counts=Counts(3, 1, 1)
    )
    assert text(report, detail="quiet") == "c.yaml:1: unread: x"
    assert text(report, detail="quiet", fail_on="warn").split("\n")[0].startswith("a.yaml:31:22: warn IPT-004")
    assert not text(report_of((finding("warn"),)), detail="quiet")


def test_text_of_skipped_and_unread() -> None:
    other = change(name="other")
    report = Report(
        skipped=tuple(Skipped(rule, of, "no facts") for of in (change(), other) for rule in ("A-1", "A-2")),
        unread=(Unread("c.yaml", "a TAB", 3), Unread("values.yaml", "no object", fatal=False)),
        counts=Counts(3, 1, 1),
    )
    assert text(report).split("\n") == [
        "c.yaml:3: unread: a TAB",
        "2 rules skipped: a cluster fact or a value that they need is unknown (-v lists them)",
        "1 of 1 object in 3 files guarded: no denials, no warnings, 1 unread, 1 unread, not an error (-v lists it)",
    ]
    assert text(report, detail="verbose").split("\n")[:-1] == [
        "c.yaml:3: unread: a TAB",
        "values.yaml:1: unread, not an error: no object",
        "a.yaml:1: skipped: A-1, A-2 DaemonSet kube-system/aws-node",
        "    no facts",
        "a.yaml:1: skipped: A-1, A-2 DaemonSet kube-system/other",
        "    no facts",
    ]


def test_text_of_patches() -> None:
    builds = (Build("a/kustomization.yaml", 2, 1, "x | y -"), Build("b\x1b/Kustomization", 1, 3, "x \n y"))
    assert text(Report(builds=builds)).split("\n")[:-1] == [
        "a/kustomization.yaml:2: 1 patch: `x | y -`",
        "b\\x1b/Kustomization:1: 3 patches: `x \\n y`",
    ]


def observed(*, certain: bool) -> Finding:
    """A denial that mode observe spares."""
    found = finding()
    return replace(found, level="warn", problem=replace(found.problem, certain=certain))


def test_observe_marks_what_would_be_denied() -> None:
    report = report_of((observed(certain=False), finding("warn")), counts=Counts(1, 1, 1), mode="observe")
    lines = text(report).split("\n")
    heads = [line for line in lines if line.startswith("a.yaml")]
    assert heads == [
        "a.yaml:31:22: warn IPT-004 DaemonSet kube-system/aws-node (enforced: deny)",
        "a.yaml:31:22: warn IPT-004 DaemonSet kube-system/aws-node",
    ]
    assert lines[-1] == (
        "mode observe: 1 of 1 object in 1 file guarded: no denials, 2 warnings, 1 would be denied in mode enforce"
    )
    assert [(one["level"], one["enforced"]) for one in parsed(report)["findings"]] == [
        ("warn", "deny"),
        ("warn", "warn"),
    ]
    assert (parsed(report)["summary"]["mode"], parsed(report)["summary"]["enforced"]) == ("observe", 1)


def test_observe_names_what_is_certain_to_fail() -> None:
    report = report_of((observed(certain=True), observed(certain=True)), mode="observe")
    assert text(report).endswith("2 would be denied in mode enforce, certain to fail: IPT-004 (a.yaml:31)")
    assert parsed(report)["summary"]["certain"] == 2


def test_observe_without_findings_is_ok() -> None:
    report = Report(counts=Counts(1, 1, 1), mode="observe")
    assert text(report) == "mode observe: ok: 1 of 1 object in 1 file guarded: no denials, no warnings"


def test_text_says_ok_only_where_something_was_judged() -> None:
    assert text(Report(counts=Counts(1, 6, 1))).startswith("ok: 1 of 6 objects")
    assert text(Report(counts=Counts(1, 6, 0))).startswith("0 of 6 objects")
    unbuilt = Report(counts=Counts(1, 6, 1), builds=(Build("kustomization.yaml", 1, 1, "x"),))
    assert text(unbuilt).split("\n")[-1].startswith("1 of 6 objects")


def test_text_shows_an_excuse() -> None:
    excused = Finding(
        rule="IPT-004",
        level="warn",
        enforced="warn",
        introduced=True,
        change=change(),
        problem=finding().problem,
        link=LINK,
        excuse="excepted until 2026-12-31 by net: reason",
    )
    assert "    (excepted until 2026-12-31 by net: reason)\n" in text(report_of((excused,)))


def test_colors_only_when_asked_for() -> None:
    report = report_of((finding(),), unread=(Unread("c.yaml", "x"),))
    assert "\x1b" not in text(report)
    assert "\x1b[1;31mdeny\x1b[0m IPT-004" in text(report, colors=True)


def test_nothing_of_an_object_steers_the_terminal() -> None:
    evil = "x\x1b[2J\x07\n::error::y\r\u202e\u2028\x9b"
    report = report_of(
        findings=(finding(of=change(evil, name=evil), path=("data", evil), wrong=evil, effect=evil, remedy=evil),),
        skipped=(Skipped("A-1", change(name=evil), evil),),
        unread=(Unread(evil, evil),),
        errors=(RuleError("A-2", "warn", "warn", change(evil), evil),),
    )
    lines = text(report).split("\n")
    assert all(line.isprintable() for line in lines)
    assert not any(line.lstrip().startswith("::") for line in lines)


def test_one_fault_at_one_place_is_one_finding_of_the_report() -> None:
    """As in the webhook's message: several things known against a release, in the line of its image."""
    verdict = evaluated(Example(DaemonSet(release="1.12.6")).change())
    report = Report.of([verdict], (), Counts())
    assert len([finding for finding in verdict.findings if finding.rule == "VER-002"]) > 1
    assert len([one for one in report.diagnostics if one.rule == "VER-002"]) == 1
    repeated = evaluated(env(MAX_ENI="x", WARM_IP_TARGET="x").change())
    assert len(Report.of([repeated], (), Counts()).diagnostics) == len(repeated.findings)
