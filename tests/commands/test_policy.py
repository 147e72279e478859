"""`cni-guard policy check` and `cni-guard policy show`."""

import json
from pathlib import Path
from typing import Any

import pytest

from webhook.cli import main
from webhook.policy import BUILT_IN, load
from webhook.rules import CATALOGUE

CLEAN = "mode: enforce\nrules: {SNAT-001: deny}\n"
IN_VAIN = "mode: enforce\nrules:\n  PFX-001: warn\n"
BROKEN = "mode: audit\nrulez: {}\n"


@pytest.fixture(autouse=True)
def _in_a_directory_with_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNI_GUARD_POLICY", raising=False)
    for name, text in (("clean", CLEAN), ("vain", IN_VAIN), ("broken", BROKEN)):
        Path(f"{name}.yaml").write_text(text)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["clean.yaml"], 0),
        (["vain.yaml"], 0),
        (["--strict", "clean.yaml"], 0),
        (["--strict", "vain.yaml"], 1),
        (["broken.yaml"], 2),
        (["--strict", "vain.yaml", "broken.yaml"], 2),
        (["clean.yaml", "none.yaml"], 2),
    ],
)
@pytest.mark.parametrize("output", ["text", "json"])
def test_the_exit_code_tells_errors_from_warnings(arguments: list[str], code: int, output: str) -> None:
    assert main(["policy", "check", "-o", output, *arguments]) == code


def test_check_prints_each_diagnostic_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    main(["policy", "check", "clean.yaml", "vain.yaml", "broken.yaml", "none.yaml"])
    warning, mode, key, unread, summary = capsys.readouterr().out.splitlines()
    assert warning.startswith("vain.yaml:3:3: warning: the level warn of PFX-001 has no effect")
    assert mode == 'broken.yaml:1:1: error: mode is "audit"; use one of enforce, observe'
    assert key == "broken.yaml:2:1: error: unknown key rulez; did you mean rules?"
    assert unread == "none.yaml:1:1: error: no such file or directory"
    assert summary == "4 files, 3 errors, 1 warning"


def test_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["policy", "check", "-o", "json", "broken.yaml"])
    said: Any = json.loads(capsys.readouterr().out)
    assert said["summary"] == {"files": 1, "errors": 2, "warnings": 0}
    found = said["diagnostics"][1]
    assert (found["file"], found["line"], found["column"], found["path"]) == ("broken.yaml", 2, 1, "rulez")
    assert (found["severity"], found["found"], found["nearest"]) == ("error", "unknown key rulez", "rules")
    assert found["message"] == "unknown key rulez; did you mean rules?"


def test_check_counts_the_errors_that_it_does_not_list(capsys: pytest.CaptureFixture[str]) -> None:
    Path("many.yaml").write_text("mode: enforce\n" + "".join(f"none{number}: 1\n" for number in range(25)))
    assert main(["policy", "check", "many.yaml"]) == 2
    *listed, more, summary = capsys.readouterr().out.splitlines()
    assert len(listed) == 20
    assert (more, summary) == ("5 more errors are not listed", "1 file, 25 errors, 0 warnings")


def test_show_prints_a_policy_with_the_origin_of_each_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "show", "clean.yaml"]) == 0
    out = capsys.readouterr().out
    assert "  SNAT-001: deny  # clean.yaml:2\n" in out
    assert "  maxUnavailable: 25  # built-in\n" in out
    again = load(out, "shown.yaml", CATALOGUE.ids)
    assert again.rules == {"SNAT-001": "deny"}
    assert set(again.acknowledge or ()) == {rule.id for rule in CATALOGUE if rule.acknowledgeable}


def test_show_without_a_file_is_the_built_in_policy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["policy", "show"]) == 0
    out = capsys.readouterr().out
    assert load(out, "shown.yaml", CATALOGUE.ids).mode == BUILT_IN.mode
    assert all(line.endswith(("# built-in", ":")) for line in out.splitlines())
    monkeypatch.setenv("CNI_GUARD_POLICY", "clean.yaml")
    main(["policy", "show"])
    assert "# clean.yaml:2" in capsys.readouterr().out


def test_show_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "show", "-o", "json", "clean.yaml"]) == 0
    said: Any = json.loads(capsys.readouterr().out)
    assert said["policy"]["rules"] == {"SNAT-001": "deny"}
    assert said["origins"]["rules.SNAT-001"] == "clean.yaml:2"
    assert said["origins"]["rollout.maxUnavailable"] == "built-in"


def test_show_of_a_broken_policy_prints_its_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "show", "broken.yaml"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[0] == 'cni-guard: broken.yaml:1:1: mode is "audit"; use one of enforce, observe'
