"""The real command: exit codes, what stands on stdout and stderr, and that no input gives a traceback."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT.parent / "shared" / "fixtures" / "aws-node"
NEWEST = FIXTURES / "v1.23.1.yaml"

_INSTALLED = Path(sys.executable).with_name("cni-guard")
COMMAND = [str(_INSTALLED)] if _INSTALLED.exists() else [sys.executable, "-m", "webhook.cli"]

ENICONFIG = """\
apiVersion: crd.k8s.amazonaws.com/v1alpha1
kind: ENIConfig
metadata:
  name: eu-west-1a
spec:
  subnet: {subnet}
  securityGroups: [sg-0123456789abcdef0]
"""
GOOD = ENICONFIG.format(subnet="subnet-0123456789abcdef0")
BAD = ENICONFIG.format(subnet="none")

pytestmark = pytest.mark.usefixtures("here")

needs_fixtures = pytest.mark.skipif(not NEWEST.exists(), reason="the fixtures folder is not beside this checkout")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with a good and a bad manifest."""
    monkeypatch.chdir(tmp_path)
    Path("good.yaml").write_text(GOOD)
    Path("bad.yaml").write_text(BAD)
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    """The tests' own, without what changes the command."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CNI_GUARD_", "NO_COLOR"))}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "TERM": "xterm"} | more


def call(*arguments: str, stdin: str | bytes = b"", **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [*COMMAND, *arguments], input=given, capture_output=True, timeout=60, check=False, env=environment(**more)
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def said(code: int, *arguments: str, stdin: str | bytes = b"") -> str:
    """What the command says on stdout, with this exit code and nothing on stderr."""
    done = call(*arguments, stdin=stdin)
    assert (done.returncode, done.stderr) == (code, ""), done.stdout
    return done.stdout


def complained(*arguments: str, stdin: str | bytes = b"", **more: str) -> str:
    """The one line of an error, with exit code 2 and nothing on stdout."""
    done = call(*arguments, stdin=stdin, **more)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("cni-guard: ")
    return line.removeprefix("cni-guard: ")


def checked(code: int, *arguments: str, stdin: str | bytes = b"") -> dict[str, Any]:
    """What `check -o json` reports."""
    report: dict[str, Any] = json.loads(said(code, "check", "-o", "json", *arguments, stdin=stdin))
    return report


# check


def test_clean_file() -> None:
    assert said(0, "check", "good.yaml") == "ok: 1 of 1 object in 1 file guarded: no denials, no warnings\n"


def test_denial_names_file_line_rule_and_object() -> None:
    output = said(1, "check", "bad.yaml")
    assert output.startswith("bad.yaml:6:11: deny ENIC-001 ENIConfig eu-west-1a\n")
    assert output.endswith("1 denial, no warnings\n")


def test_json_names_the_same() -> None:
    report = checked(1, "bad.yaml", "good.yaml")
    [finding] = report["findings"]
    assert finding["rule"] == "ENIC-001"
    assert finding["message"].startswith("ENIC-001: ")
    assert (finding["file"], finding["line"], finding["column"]) == ("bad.yaml", 6, 11)
    assert (finding["path"], finding["object"]) == ("spec.subnet", "ENIConfig eu-west-1a")
    assert (finding["level"], finding["introduced"]) == ("deny", True)
    assert (report["skipped"], report["unread"]) == ([], [])
    assert report["summary"]["deny"] == 1


def test_folder_stdin_and_lists() -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(BAD), yaml.safe_load(GOOD)]}
    report = checked(1, "-", ".", stdin=json.dumps(listed))
    assert [finding["file"] for finding in report["findings"]] == ["<stdin>", "bad.yaml"]
    assert report["summary"]["guarded"] == 4


def test_warnings_fail_only_on_request() -> None:
    Path("policy.yaml").write_text("mode: observe\n")
    assert "warn ENIC-001" in said(0, "check", "--policy", "policy.yaml", "bad.yaml")
    said(1, "check", "--policy", "policy.yaml", "--fail-on", "warn", "bad.yaml")
    said(0, "check", "--fail-on", "warn", "good.yaml")


def test_observe_exits_zero_unless_asked() -> None:
    Path("policy.yaml").write_text("mode: observe\n")
    observe = ("--policy", "policy.yaml")
    output = said(0, "check", *observe, "bad.yaml")
    assert "warn ENIC-001 ENIConfig eu-west-1a (enforced: deny)" in output
    assert output.splitlines()[-1].startswith("mode observe: ")
    said(1, "check", *observe, "--fail-on", "deny", "bad.yaml")
    said(1, "check", "--fail-on", "deny", "bad.yaml")
    said(0, "check", *observe, "--fail-on", "deny", "good.yaml")
    assert checked(0, *observe, "bad.yaml")["findings"][0]["enforced"] == "deny"
    said(2, "check", *observe, "bad.yaml", "none.yaml")


def prefixes_without_target() -> str:
    """A manifest whose one fault is certain, and cured by a default."""
    text = NEWEST.read_text()
    for old, new in (
        (
            '- name: ENABLE_PREFIX_DELEGATION\n              value: "false"',
            '- name: ENABLE_PREFIX_DELEGATION\n              value: "true"',
        ),
        ('            - name: WARM_PREFIX_TARGET\n              value: "1"\n', ""),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


@needs_fixtures
def test_certain_fault_that_a_default_cures_is_a_denial() -> None:
    Path("a.yaml").write_text(prefixes_without_target())
    [finding] = checked(1, "a.yaml")["findings"]
    assert (finding["rule"], finding["level"], finding["certain"]) == ("PFX-001", "deny", True)
    crash, _, default = finding["message"].partition(": aws-node exits at start on every node. ")
    assert crash.startswith("PFX-001: ENABLE_PREFIX_DELEGATION is on")
    assert "the webhook would add aws-node env WARM_PREFIX_TARGET=1" in default


@needs_fixtures
def test_observe_names_certain_faults_and_exits_zero() -> None:
    Path("policy.yaml").write_text("mode: observe\n")
    Path("a.yaml").write_text(prefixes_without_target())
    summary = said(0, "check", "--policy", "policy.yaml", "a.yaml").splitlines()[-1]
    assert "certain to fail: PFX-001 (a.yaml:" in summary


def test_skipped_rules_are_one_line() -> None:
    Path("a.yaml").write_text(GOOD.replace("[sg-0123456789abcdef0]", "[]"))
    skipped = "1 rule skipped: a cluster fact or a value that it needs is unknown (-v lists it)\n"
    assert skipped in said(0, "check", "a.yaml", "good.yaml")
    assert "a.yaml:1: skipped: ENIC-002 ENIConfig eu-west-1a\n" in said(0, "check", "-v", "a.yaml", "good.yaml")
    assert [one["rule"] for one in checked(0, "a.yaml")["skipped"]] == ["ENIC-002"]


def test_files_that_a_hook_names() -> None:
    """Every changed file of a commit, as pre-commit names them."""
    Path("empty.yaml").touch()
    Path("comment.yaml").write_text("# nothing yet\n")
    Path("compose.yaml").write_text("services: {web: {image: nginx}}\n")
    Path("Chart.yaml").write_text("apiVersion: v2\nname: x\n")
    Path("t.yaml").write_text("a: {{ .Values.a }}\n")
    given = ("empty.yaml", "comment.yaml", "compose.yaml", "Chart.yaml", "t.yaml", "good.yaml")
    report = checked(0, *given)
    assert (report["summary"]["files"], report["summary"]["unread"], report["summary"]["fatal"]) == (6, 3, 0)
    assert said(0, "check", *given).count("\n") == 1
    assert said(0, "check", "-v", *given).count("unread, not an error: ") == 3


def test_patches_of_a_kustomization_are_one_line() -> None:
    Path("prod").mkdir()
    Path("prod/kustomization.yaml").write_text("patches: [{path: a.yaml}]\nresources: [../base]\n")
    patch = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: aws-node}\nspec: {template: {}}\n"
    Path("prod/a.yaml").write_text(patch)
    line = "prod/kustomization.yaml:1: 1 patch: `kubectl kustomize prod | cni-guard check -`\n"
    assert line in said(0, "check", "prod")
    assert line in said(0, "check", "prod/a.yaml", "prod/kustomization.yaml")
    assert "prod/a.yaml:1: unread: a kustomize patch" in said(2, "check", "prod/a.yaml")
    assert checked(0, "prod")["summary"]["patches"] == 1


def test_unread_wins_over_denials_where_it_had_to_be_read() -> None:
    Path("broken.yaml").write_text("a:\n\tb: 1\n")
    report = checked(2, "bad.yaml", "broken.yaml")
    assert report["summary"]["deny"] == 1
    [unread] = report["unread"]
    assert (unread["file"], unread["line"], unread["fatal"]) == ("broken.yaml", 2, True)
    assert "indented with a tab" in unread["reason"]
    assert "broken.yaml:2: unread: this line is indented with a tab" in said(2, "check", "broken.yaml")


def test_other_files_of_a_folder_do_no_harm() -> None:
    Path("chart/templates").mkdir(parents=True)
    Path("chart/values.yaml").write_text("replicas: 1\n")
    Path("chart/templates/x.yaml").write_text("a: {{ .Values.replicas }}\n")
    Path("chart/good.yaml").write_text(GOOD)
    assert len(checked(0, "chart")["unread"]) == 2
    Path("chart/templates/y.yaml").write_text("image: {{ .Values.image }} # amazon-k8s-cni\n")
    report = checked(2, "chart")
    assert [unread["file"] for unread in report["unread"] if unread["fatal"]] == ["chart/templates/y.yaml"]


def test_empty_stdin_is_no_success() -> None:
    assert "unread: empty" in said(2, "check", "-")


@needs_fixtures
@pytest.mark.parametrize("manifest", sorted(FIXTURES.glob("*.yaml")), ids=lambda path: path.stem)
def test_official_manifests_have_no_denial(manifest: Path) -> None:
    report = checked(0, str(manifest))
    assert report["summary"]["guarded"] == 1 + ("kind: ConfigMap" in manifest.read_text())
    assert {one["rule"] for one in report["findings"]} <= {"VER-002"}


@needs_fixtures
def test_line_of_a_variable() -> None:
    text = NEWEST.read_text()
    anchor = "            - name: WARM_ENI_TARGET\n"
    assert text.count(anchor) == 1
    Path("a.yaml").write_text(text.replace(anchor, "            - {name: MINIMUM_IP_TARGET, value: soon}\n" + anchor))
    line = text[: text.index(anchor)].count("\n") + 1
    findings = checked(1, "a.yaml")["findings"]
    assert any(one["line"] == line and ".env[" in one["path"] for one in findings if one["level"] == "deny")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b"\xff\xfe\x00",
        b"[" * 10_000,
        b"a: &a [*a]",
        b"apiVersion: crd.k8s.amazonaws.com/v1alpha1\nkind: ENIConfig\nmetadata: 5\nspec: none\n",
        b"apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: aws-node}\nspec: []\n",
        b"apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: aws-node}\nspec: {template: {spec: {containers: 1}}}",
        b"apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: [aws-node], namespace: {}, labels: 1}\n",
        b"apiVersion: v1\nkind: List\nitems: [[[]]]\n",
        b'{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "aws-node\\u0000\\u001b[2J"}}',
    ],
)
def test_no_content_gives_a_traceback(content: bytes) -> None:
    done = call("check", "-", stdin=content)
    assert done.returncode in {0, 1, 2}
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_missing_file_is_named() -> None:
    assert "none.yaml:1: unread: no such file or directory" in said(2, "check", "none.yaml")


def test_all_errors_of_a_policy_are_printed() -> None:
    Path("policy.yaml").write_text("mode: audit\nrulez: {}\n")
    done = call("check", "--policy", "policy.yaml", "good.yaml")
    assert done.returncode == 2
    assert [line.partition(" is ")[0].partition(";")[0] for line in done.stderr.splitlines()] == [
        "cni-guard: --policy policy.yaml:1:1: mode",
        "cni-guard: --policy policy.yaml:2:1: unknown key rulez",
    ]


def test_what_a_policy_says_in_vain_is_a_warning_of_check() -> None:
    Path("policy.yaml").write_text("mode: enforce\nrules:\n  PFX-001: warn\n")
    done = call("check", "--policy", "policy.yaml", "good.yaml")
    assert done.returncode == 0
    assert done.stderr.startswith("cni-guard: --policy policy.yaml:3:3: the level warn of PFX-001 has no effect")


def test_policy_that_is_broken_names_file_line_and_way_out() -> None:
    Path("policy.yaml").write_text("mode: enforce\nrulez: {}\n")
    line = complained("check", "--policy", "policy.yaml", "good.yaml")
    assert line.startswith("--policy policy.yaml:2:")
    assert "did you mean rules?" in line
    assert complained("check", "good.yaml", CNI_GUARD_POLICY="policy.yaml") == line
    assert complained("check", "--policy", "none.yaml", "good.yaml") == "--policy none.yaml: no such file or directory"


# review


def review(new: str | None, uid: str = "u-1", operation: str = "CREATE", old: str | None = None) -> str:
    """A recorded AdmissionReview of an ENIConfig, on one line."""
    kind = {"group": "crd.k8s.amazonaws.com", "version": "v1alpha1", "kind": "ENIConfig"}
    request = {
        "uid": uid,
        "kind": kind,
        "resource": {"group": kind["group"], "version": kind["version"], "resource": "eniconfigs"},
        "name": "eu-west-1a",
        "operation": operation,
        "userInfo": {"username": "me"},
        "object": yaml.safe_load(new) if new else None,
        "oldObject": yaml.safe_load(old) if old else None,
        "dryRun": False,
    }
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})


def responses(output: str) -> list[dict[str, Any]]:
    """The responses, one a line."""
    return [json.loads(line)["response"] for line in output.splitlines()]


def test_reviews_are_answered_in_order() -> None:
    Path("one.json").write_text(json.dumps(json.loads(review(BAD, "u-1")), indent=2))
    lines = "\n".join((review(GOOD, "u-2"), "", review(BAD, "u-3", "UPDATE", BAD)))
    answers = responses(said(0, "review", "one.json", "-", stdin=lines))
    assert [(answer["uid"], answer["allowed"]) for answer in answers] == [("u-1", False), ("u-2", True), ("u-3", True)]
    assert answers[0]["status"]["message"].startswith("ENIC-001: ")
    assert answers[2]["warnings"][0].startswith("ENIC-001: ")


def test_mutating_endpoint() -> None:
    [answer] = responses(said(0, "review", "--endpoint", "mutate", "-", stdin=review(BAD)))
    assert answer["allowed"] is True


def test_the_recorded_review_of_the_readme_is_denied() -> None:
    recorded = Path(__file__).parent / "demo" / "review.json"
    [answer] = responses(said(0, "review", str(recorded)))
    assert answer["status"]["message"].startswith("ENIC-001: ")


def test_what_is_no_review_is_named_and_the_others_are_answered() -> None:
    Path("a.json").write_text("\n".join((review(GOOD, "u-1"), '{"kind": "Pod"}', "{", review(GOOD, "u-2"))))
    Path("b.json").write_text("nonsense")
    done = call("review", "a.json", "b.json", "none.json", "a.json")
    assert done.returncode == 2
    assert [answer["uid"] for answer in responses(done.stdout)] == ["u-1", "u-2", "u-1", "u-2"]
    places = [line.split(": ")[1:4] for line in done.stderr.splitlines()]
    assert [place[0] for place in places] == ["a.json:2", "a.json:3", "b.json:1", "none.json", "a.json:2", "a.json:3"]
    assert places[0][1:] == ["not answered", "HTTP 400"]


# rules, explain, version, help


def test_rules() -> None:
    lines = said(0, "rules").splitlines()
    assert any(line.split()[:2] == ["IPT-004", "deny"] for line in lines)
    assert said(0, "rules", "--markdown").startswith("# ")


def test_explain_in_any_case() -> None:
    assert said(0, "explain", "ipt-004").startswith("IPT-004")
    assert "did you mean" in complained("explain", "IPT-04")
    assert "`cni-guard rules` lists all rules" in complained("explain", "\x1b[2J")


def test_version() -> None:
    assert said(0, "version").startswith("cni-guard 0.1.0 (knows the Amazon VPC CNI up to ")


@pytest.mark.parametrize("command", ["check", "review", "rules", "explain", "serve", "completion", "version"])
def test_help(command: str) -> None:
    assert command in said(0, "--help")
    assert said(0, command, "--help").startswith(f"usage: cni-guard {command}")


@pytest.mark.parametrize(
    "arguments", [("chek",), ("check",), ("check", "--polcy", "x", "a"), ("check", "-o", "xml", "a"), ("review",)]
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    done = call(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("cni-guard")


# The terminal around it


def test_broken_pipe_is_silent() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as gone:
        done = subprocess.run(
            [*COMMAND, "rules", "--markdown"],
            stdout=gone,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
            env=environment(),
        )
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "rules"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60, env=environment()
        )
    assert (done.returncode, done.stderr) == (2, b"cni-guard: output: No space left on device\n")


def test_interrupt() -> None:
    def listen() -> None:
        # A test run in the background of a shell ignores it, and hands that on.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    with subprocess.Popen(
        [*COMMAND, "check", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        preexec_fn=listen,  # noqa: PLW1509 - no thread runs here
    ) as process:
        assert process.stdin
        # More than a pipe holds: once it is written, the command is reading.
        process.stdin.write(b"# waiting\n" * 100_000)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stdout
        assert process.stderr
        assert (process.stdout.read(), process.stderr.read()) == (b"", b"")


def on_terminal(more: Mapping[str, str]) -> str:
    """What `check` prints to a terminal."""
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb", buffering=0) as screen:
        with os.fdopen(follower, "wb", buffering=0) as terminal:
            command = [*COMMAND, "check", "bad.yaml"]
            subprocess.run(command, stdout=terminal, check=False, timeout=60, env=environment(**more))
        return screen.read(100_000).decode()


def test_colors_only_at_a_terminal() -> None:
    assert "\x1b[1;31mdeny" in on_terminal({})
    assert "\x1b" not in on_terminal({"NO_COLOR": "1"})
    assert "\x1b" not in on_terminal({"TERM": "dumb"})
    assert "\x1b" not in said(1, "check", "bad.yaml")


def test_colors_as_they_are_asked_for() -> None:
    assert "\x1b[1;31mdeny" in said(1, "check", "--color", "always", "bad.yaml")
    assert "\x1b[1;31mdeny" in said(1, "check", "-q", "--color", "always", "bad.yaml")
    assert "\x1b" not in said(1, "check", "--color", "never", "bad.yaml")


def test_quiet_prints_what_the_exit_code_is_for() -> None:
    assert said(0, "check", "-q", "good.yaml") == ""
    quiet, normal = said(1, "check", "-q", "bad.yaml"), said(1, "check", "bad.yaml")
    assert quiet.startswith("bad.yaml:6:11: deny ENIC-001")
    assert normal.startswith(quiet.rstrip("\n"))
    assert " guarded: " not in quiet
    done = call("check", "-q", "none.yaml")
    assert (done.returncode, done.stdout) == (2, "none.yaml:1: unread: no such file or directory\n")
    assert call("check", "-q", "-v", "bad.yaml").returncode == 2


def test_a_bare_call_shows_the_help_and_is_wrong_usage() -> None:
    assert said(2).startswith("usage: cni-guard")
    assert "check" in said(2)


def test_the_version_is_a_flag_too() -> None:
    assert said(0, "--version") == said(0, "version")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_every_command_and_flag(shell: str) -> None:
    script = said(0, "completion", shell)
    assert all(
        word in script for word in ("check", "review", "explain", "fail-on", "endpoint", "policy", "strict", "show")
    )
    if shell == "bash":
        assert subprocess.run(["bash", "-n"], input=script, text=True, check=False, timeout=60).returncode == 0


def test_terminal_that_knows_only_ascii() -> None:
    Path("é.yaml").write_text(BAD)
    done = call("check", "é.yaml", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("\\xe9.yaml:6:11: deny")


def test_closed_streams() -> None:
    shell = '"$@" <&- >&- 2>&-'
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *COMMAND, "check", "-", "bad.yaml"], check=False, timeout=60, env=environment()
    )
    assert done.returncode == 2


def test_only_the_called_command_is_imported() -> None:
    heavy = ("flask", "gunicorn", "gevent", "kubernetes", "prometheus_client", "cryptography")
    code = (
        "import sys; from webhook.cli import main; main(['check', 'good.yaml']); "
        f"sys.exit([name for name in {heavy} if name in sys.modules] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60, env=environment())
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("kind", "meant"), [("Daemonset", "DaemonSet"), ("daemonset", "DaemonSet")])
def test_a_misspelled_kind_is_named(tmp_path: Path, kind: str, meant: str) -> None:
    file = tmp_path / "aws-node.yaml"
    file.write_text(f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: aws-node, namespace: kube-system}}\n")
    done = subprocess.run([_INSTALLED, "check", file], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"did you mean {meant}?" in done.stdout
