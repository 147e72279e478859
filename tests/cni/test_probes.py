"""What a probe asks, in every spelling."""

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.rules.ask import grows_linearly
from webhook.cni.addresses import Asked, Flaw, Opaque
from webhook.cni.container import Container
from webhook.cni.probes import KINDS, ProbeTarget, asked
from webhook.cni.programs import read

SOCKET = "/var/run/aws-node/ipamd.sock"
PROBER = "/app/grpc-health-probe"


def answer(probe: Any, **fields: Any) -> ProbeTarget:
    return asked(Container("aws-node", {"livenessProbe": probe} | fields, ()), "livenessProbe")


def command(*words: Any, **fields: Any) -> ProbeTarget:
    return answer({"exec": {"command": list(words)}}, **fields)


SOCKETS = [
    f"unix://{SOCKET}",
    f"unix:{SOCKET}",
    f"UNIX:{SOCKET}",
    "unix:///var/run//aws-node/./ipamd.sock",
    "unix:///var/run/aws-node/../aws-node/ipamd.sock",
    "unix:///var/run/aws-node/ipamd%2Esock",
    f"passthrough:///unix://{SOCKET}",
    f"passthrough:unix:{SOCKET}",
]
PORTS = [
    ":50051",
    ":+50051",
    ":0050051",
    "127.0.0.1:50051",
    "127.1.2.3:50051",
    "localhost:50051",
    "LOCALHOST.:50051",
    "0.0.0.0:50051",
    "[::1]:50051",
    "[::1%lo]:50051",
    "[::]:50051",
    "[::ffff:127.0.0.1]:50051",
    "dns:///localhost:50051",
    "dns:localhost:50051",
    "dns://8.8.8.8/localhost:50051",
    "passthrough:///:50051",
    "passthrough:127.0.0.1:50051",
    "DNS:///127.0.0.1:50051",
]


@pytest.mark.parametrize("target", SOCKETS)
def test_all_spellings_of_the_socket_are_one(target: str) -> None:
    assert command(PROBER, f"-addr={target}") == Asked("health", socket=SOCKET)


@pytest.mark.parametrize("target", PORTS)
def test_all_spellings_of_the_port_are_one(target: str) -> None:
    assert command(PROBER, f"-addr={target}") == Asked("health", port=50051)


@pytest.mark.parametrize(
    ("target", "address"),
    [
        (f"unix://{SOCKET}.old", f"unix://{SOCKET}.old"),
        ("unix:///tmp/x", "unix:///tmp/x"),
        ("unix-abstract:x", "unix://@x"),
        ("10.0.0.1:50051", "10.0.0.1:50051"),
        ("example.com:50051", "example.com:50051"),
        ("[2001:db8::1]:50051", "2001:db8::1:50051"),
        (":61679", ":61679"),
    ],
)
def test_other_addresses_stay_others(target: str, address: str) -> None:
    found = command(PROBER, f"-addr={target}")
    assert isinstance(found, Asked)
    assert found.address == address


@pytest.mark.parametrize(
    "target",
    [
        "unix://var/run/aws-node/ipamd.sock",
        "unix:var/run/aws-node/ipamd.sock",
        "unix:///run/aws-node/ipamd.sock",
        "tcp://127.0.0.1:50051",
        "http://127.0.0.1:50051",
        "ipv4:127.0.0.1:50051",
        "localhost",
        "::1:50051",
        ":grpc",
        ":99999",
    ],
)
def test_what_cannot_be_read_is_said(target: str) -> None:
    assert isinstance(command(PROBER, f"-addr={target}"), Opaque)


def test_a_relative_socket_begins_at_the_working_folder() -> None:
    assert command(PROBER, "-addr=unix:aws-node/ipamd.sock", workingDir="/var/run") == Asked("health", socket=SOCKET)


FLAGS_OF_TIMEOUT = [
    ("-s", "9"),
    ("-s9",),
    ("-k", "1s"),
    ("-fs", "KILL"),
    ("-vk1", "-f"),
    ("--signal=KILL",),
    ("--signal", "KILL", "--foreground"),
    ("--kill", "1", "--verb"),
    ("--preserve-status", "--"),
    ("--",),
]


@pytest.mark.parametrize(
    "words",
    [
        (PROBER, "-addr=:50051"),
        (PROBER, "--addr=:50051"),
        (PROBER, "-addr", ":50051"),
        (PROBER, "--addr", ":50051", "-v"),
        (PROBER, "-v=false", "-v=1", "-addr=:50051"),
        (PROBER, "-v", "-connect-timeout", "5s", "-addr=:50051", "-rpc-timeout=1m0.5s"),
        (PROBER, f"-addr=unix://{SOCKET}", "-addr=:50051"),
        (PROBER, f"-addr=unix://{SOCKET}", "--addr", ":50051"),
        (PROBER, "-user-agent", "-addr=x", "-addr=:50051"),
        (PROBER, "-service=x", "-service", "", "-addr=:50051"),
        (PROBER, "-service=grpc.health.v1.aws-node", "-addr=:50051"),
        (PROBER, "-addr=:50051", "--", "-addr=:1"),
        (PROBER, "-addr=:50051", "x", "-addr=:1"),
        ("grpc_health_probe", "-addr=:50051"),
        ("/bin/grpc_health_probe-linux-amd64", "-addr=:50051"),
        ("/usr/bin/env", "A=b", PROBER, "-addr=:50051"),
        ("timeout", "5", PROBER, "-addr=:50051"),
        *(("timeout", *flags, "5", PROBER, "-addr=:50051") for flags in FLAGS_OF_TIMEOUT),
        ("timeout", "-s", "9", "5", "timeout", "-k1", "5", PROBER, "-addr=:50051"),
        ("sh", "-c", f"exec timeout --signal KILL 5 {PROBER} -addr=:50051"),
        ("sh", "-c", f"{PROBER} -addr=:50051"),
        ("/bin/sh", "-ec", f"exec {PROBER} -addr=:50051\n"),
        ("/bin/bash", "-o", "pipefail", "-c", f"{PROBER} '-addr=:50051'"),
        ("bash", "-c", "--", f'A=b {PROBER} -addr ":50051"'),
        ("bash", "--norc", "-lc", f"timeout 5 {PROBER} -addr=[::1]:50051"),
        ("bash", "-c", f"""{PROBER} -user-agent "a;b|c" -user-agent '$x' -addr=:50051""", "name"),
        ("sh", "-c", f"{PROBER} \\-addr=:5'00'51"),
        (PROBER, "-addr=$(ADDRESS)"),
        (PROBER, "-addr=:$(PORT)"),
    ],
)
def test_a_command_is_read_as_go_and_a_shell_read_it(words: tuple[str, ...]) -> None:
    env = [{"name": "ADDRESS", "value": ":50051"}, {"name": "PORT", "value": "50051"}]
    assert command(*words, env=env) == Asked("health", port=50051)


@pytest.mark.parametrize(
    "words",
    [
        ("sh", "-c", f"{PROBER} -addr=$ADDRESS"),
        ("sh", "-c", f"{PROBER} -addr=`cat /x`"),
        ("sh", "-c", f'{PROBER} -addr="$(cat /x)"'),
        ("sh", "-c", f"{PROBER} -addr=:1; true"),
        ("sh", "-c", f"{PROBER} -addr=:1 || true"),
        ("sh", "-c", f"{PROBER} -addr=:1 &"),
        ("sh", "-c", f"{PROBER} -addr=:1 | cat"),
        ("sh", "-c", f"{PROBER} -addr=:1 > /dev/null"),
        ("sh", "-c", f"({PROBER} -addr=:1)"),
        ("sh", "-c", f"true\n{PROBER} -addr=:1"),
        ("sh", "-c", f"{PROBER} -addr=:1 # x"),
        ("sh", "-c", f"{PROBER} '-addr=:1"),
        ("sh", "-c", f"sh -c '{PROBER} -addr=:1'"),
        ("sh", "-c", f"eval '{PROBER} -addr=:1'"),
        ("sh", "-c", "x" * 5_000),
        ("sh", "/probe.sh"),
        ("sh",),
        ("env", "-i", PROBER, "-addr=:1"),
        ("strace", PROBER, "-addr=:1"),
        ("busybox", "sh", "-c", f"{PROBER} -addr=:1"),
        (PROBER, "-addr=$(UNKNOWN)"),
        ("grpc_health_probe", "-addr=:1", "-unknown"),
        ("grpc_health_probe", "-addr=:1", "-tls=false"),
        ("/usr/bin/grpc-health-probe", "-addr=:1", "-gzip"),
        (PROBER, "-addr=:1", "-h"),
        (PROBER, "--help"),
        ("/app/grpc-health-probe.sh", "-addr=:1"),
        ("/app/my-grpc-health-probe", "-addr=:1"),
        ("timeout", "-x", "5", PROBER, "-addr=:1"),
        ("timeout", "--s9", "5", PROBER, "-addr=:1"),
        ("timeout", "--foreground=1", "5", PROBER, "-addr=:1"),
        ("timeout", "-", "5", PROBER, "-addr=:1"),
        ("timeout", "5"),
        ("timeout",),
        ("sh", "-c", ""),
        ("cat", "/app/ok"),
        ("sh", "-c", "test -e /app/ok"),
        ("/bin/false",),
        (PROBER, 5),
    ],
)
def test_a_command_that_cannot_be_read_whole_is_said(words: tuple[Any, ...]) -> None:
    env = [{"name": "UNKNOWN", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "y"}}}]
    assert isinstance(command(*words, env=env), Opaque)


def test_a_probe_without_a_command_asks_nothing() -> None:
    assert command() is None


@pytest.mark.parametrize(
    "words",
    [
        (PROBER,),
        (PROBER, "-addr"),
        (PROBER, "-addr="),
        (PROBER, "-addr", ""),
        (PROBER, ":50051"),
        (PROBER, "-v", "true", "-addr=:50051"),
        (PROBER, "--", "-addr=:50051"),
        (PROBER, "-addr=:50051", "-service"),
        ("grpc_health_probe", "-addr=:50051", "-user-agent"),
        ("grpc_health_probe-linux-amd64",),
        (PROBER, "-addr=:50051", "-unknown"),
        (PROBER, "-address=:50051"),
        (PROBER, "---addr=:50051"),
        (PROBER, "-=x", "-addr=:50051"),
        (PROBER, "-unknown", "-h", "-addr=:50051"),
        (PROBER, "-addr=:50051", "-tls=false"),
        (PROBER, "-addr=:50051", "-gzip"),
        (PROBER, "-addr=:50051", "-rpc-header=a:b"),
        (PROBER, "-addr=:50051", "-version"),
        ("sh", "-c", f"exec {PROBER} -addr=:50051 -unknown"),
        ("timeout", "5", PROBER),
    ],
)
def test_what_grpc_health_probe_ends_at_before_it_asks(words: tuple[str, ...]) -> None:
    assert isinstance(command(*words), Flaw)


@pytest.mark.parametrize(
    ("words", "how"),
    [
        (("-v=maybe",), 'with -v="maybe"'),
        (("-v=", "-v"), 'with -v=""'),
        (("-tls",), "with -tls"),
        (("--tls=true",), "with -tls"),
        (("-v", "-tls", "-tls-no-verify"), "with -tls"),
        (("-alts",), "with -alts"),
        (("-spiffe",), "with -spiffe"),
        (("-tls-ca-cert", "/ca.crt"), "with -tls-ca-cert"),
        (("-tls-server-name=x",), "with -tls-server-name"),
        (("-service", "aws-node"), 'for service "aws-node"'),
        (("-service=", "-service=x"), 'for service "x"'),
        (("-service=0",), 'for service "0"'),
        (("-connect-timeout=5",), 'with -connect-timeout="5"'),
        (("-connect-timeout=5", "-connect-timeout=5s"), 'with -connect-timeout="5"'),
        (("-rpc-timeout", "0s"), 'with -rpc-timeout="0s"'),
        (("-rpc-timeout", "-1s"), 'with -rpc-timeout="-1s"'),
        (("-rpc-timeout=5 s",), 'with -rpc-timeout="5 s"'),
    ],
)
def test_what_ipamd_never_answers_is_told_apart(words: tuple[str, ...], how: str) -> None:
    for around in ((*words, "-addr=:50051"), ("-addr=:50051", *words)):
        found = command(PROBER, *around)
        assert isinstance(found, Asked)
        assert found.address == ":50051"
        assert found.flaw is not None
        assert found.flaw.how == how


@pytest.mark.parametrize(
    ("words", "given", "mentioned"),
    [
        (("nc", "-z", "localhost", "50051"), [":50051"], []),
        (("nc", "-zv", "-w", "5", "127.0.0.1", "61679"), [":61679"], []),
        (("nc", "-z", "10.0.0.1", "50051"), [], [":50051"]),
        (("sh", "-c", "nc -z localhost 50051"), [":50051"], []),
        (("timeout", "-s", "9", "5", "nc", "-z", "::1", "50051"), [":50051"], []),
        (("sleep", "50051"), [], [":50051"]),
        (("sleep", "5"), [], []),
        (("curl", "http://localhost:61679/v1/enis"), [":61679"], []),
        (("curl", "-f", "HTTP://u:p@127.0.0.1:61678"), [":61678"], []),
        (("curl", "localhost:61679/v1/enis"), [":61679"], []),
        (("curl", "http://[::1]:61679/"), [":61679"], []),
        (("curl", "https://example.com:443/healthz"), ["example.com:443"], []),
        (("curl", "http://localhost/"), [], []),
        (("curl", "--unix-socket", SOCKET, "http://x"), [f"unix://{SOCKET}"], []),
        (("curl", f"--unix-socket={SOCKET}"), [f"unix://{SOCKET}"], []),
        (("grpcurl", "-plaintext", f"unix:{SOCKET}", "x/Check"), [f"unix://{SOCKET}"], []),
        (("grpcurl", "-plaintext", f"unix://{SOCKET}", "x/Check"), [f"unix://{SOCKET}"], []),
        (("test", "-S", "/var/run//aws-node/./ipamd.sock"), [f"unix://{SOCKET}"], []),
        (("test", "-S", f"{SOCKET}.bak"), [], []),
        (("strace", PROBER, "-addr=:50051"), [":50051"], []),
        (("lsof", "-i:50051"), [], [":50051"]),
        (("date", "+%H:%M"), [], []),
        (("echo", "12:30", "name:1"), [], []),
        (("python3", "-c", "import socket; socket.create_connection(('localhost', 50051))"), [], [":50051"]),
        (("python3", "-c", f"s.connect('{SOCKET}')"), [], [f"unix://{SOCKET}"]),
        (("python3", "-c", "urlopen('http://localhost:8080/x')"), [], [":8080"]),
        (("python3", "-c", "urlopen('http://example.com:50051/x')"), [], []),
        (("bash", "-c", "</dev/tcp/localhost/50051"), [], [":50051"]),
        (("bash", "-c", "</dev/tcp/10.0.0.1/50051"), [], []),
        (("sh", "-c", "nc -z localhost 50051 || exit 1"), [], [":50051"]),
        (("sh", "-c", "curl -s 127.0.0.1:61679/v1/enis | grep -q eni"), [], [":61679"]),
        (("sh", "/probe.sh", ":50051"), [], [":50051"]),
        (("/bin/false",), [], []),
    ],
)
def test_the_addresses_in_the_words_of_any_other_program(
    words: tuple[str, ...], given: list[str], mentioned: list[str]
) -> None:
    found = command(*words)
    assert isinstance(found, Opaque)
    assert [one.address for one in found.given] == given
    assert [one.address for one in found.mentioned] == mentioned


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        ({"tcpSocket": {"port": 50051}}, Asked("tcp", port=50051, loopback=False)),
        ({"tcpSocket": {"port": "50051"}}, Asked("tcp", port=50051, loopback=False)),
        ({"tcpSocket": {"port": "rpc", "host": "127.0.0.1"}}, Asked("tcp", port=50051)),
        ({"tcpSocket": {"port": 50051, "host": "10.0.0.1"}}, Asked("tcp", port=50051, host="10.0.0.1")),
        ({"tcpSocket": {"port": "none"}}, Asked("tcp", loopback=False)),
        ({"grpc": {"port": 50051, "service": "x"}}, Asked("grpc", port=50051, loopback=False)),
        ({"httpGet": {"port": "metrics"}}, Asked("http", port=61678, loopback=False)),
        ({"httpGet": {"port": True}}, Asked("http", loopback=False)),
        ({"httpGet": {"port": 9**9999}}, Asked("http", loopback=False)),
        ({"exec": None, "grpc": {"port": 1}}, Asked("grpc", port=1, loopback=False)),
        ({}, None),
        (None, None),
        ("x", None),
    ],
)
def test_the_kubelet_s_own_probes(probe: Any, expected: ProbeTarget) -> None:
    ports = ["x", {"name": "metrics", "containerPort": 61678}, {"name": "rpc", "containerPort": 50051}]
    assert answer(probe, ports=ports) == expected


words = st.text() | st.sampled_from(
    ["sh", "-c", "-o", "--", PROBER, "-addr", "-addr=:50051", "env", "timeout", "5", "exec", f"{PROBER} -addr=:1"]
)


@given(st.lists(words | st.none() | st.integers(), max_size=6))
@example(["sh", "-c", "'" * 4_000])
@example([PROBER, "-addr=[" + ":" * 100_000])
@example([PROBER, "-addr=unix:" + "../" * 100_000, "-addr=" + "%" * 100_000])
@example([PROBER, "-addr=" + "$(" * 300_000])
@example(["nc", ":1" * 8_000])
@example(["nc", "a" * 16_000])
@example(["nc", "50051 " * 2_500])
def test_a_command_can_be_anything(listed: list[Any]) -> None:
    assert isinstance(command(*listed), Asked | Flaw | Opaque) == bool(listed)


@given(st.lists(st.sampled_from(SOCKETS + PORTS), min_size=1, max_size=5), st.data())
def test_of_an_address_given_twice_the_last_counts(targets: list[str], data: st.DataObject) -> None:
    forms: list[str] = []
    for target in targets:
        flag = data.draw(st.sampled_from(["-addr", "--addr"]))
        forms += data.draw(st.sampled_from([[f"{flag}={target}"], [flag, target]]))
    last = Asked("health", socket=SOCKET) if targets[-1] in SOCKETS else Asked("health", port=50051)
    assert command(PROBER, *forms) == last
    assert command("sh", "-c", f"{PROBER} {' '.join(forms)}") == last


def cost(size: int) -> float:
    raw: dict[str, Any] = {kind: {"exec": {"command": [PROBER, *["-addr=$(X)"] * size]}} for kind in KINDS}
    raw["ports"] = [{"name": f"p{n}"} for n in range(size)]
    raw["startupProbe"] = {"tcpSocket": {"port": "none"}}
    holder = Container("aws-node", raw, ())
    started = time.process_time()
    assert all(asked(holder, kind) for kind in KINDS)
    return time.process_time() - started


def cost_of_words(size: int) -> float:
    found = 0.0
    for word in ("localhost:1", "50051 ", "a", "/", "unix:", "[", "-"):
        started = time.process_time()
        assert isinstance(read(["nc", word * size, *[word] * 80], ""), Opaque)
        found = max(found, time.process_time() - started)
    return found


def test_long_words_cost_in_proportion() -> None:
    assert grows_linearly(cost_of_words, 20_000)


def test_a_long_command_costs_in_proportion() -> None:
    assert grows_linearly(cost, 5_000)
