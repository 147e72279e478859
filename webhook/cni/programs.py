"""The target of a probe's command: grpc-health-probe, possibly started by another program.

Sources: cmd/grpc-health-probe/main.go of aws/amazon-vpc-cni-k8s, the program in the CNI's images, the same from 1.6.0
on, and main.go of grpc-ecosystem/grpc-health-probe, from which it was made (flags); Go's packages flag (the last of two
wins) and time (durations); pkg/ipamd/rpc_handler.go of aws/amazon-vpc-cni-k8s (a server without TLS, and what its
health service knows); src/timeout.c of GNU coreutils.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Sequence
from dataclasses import replace

from webhook.cni.addresses import Asked, Flaw, Opaque, given, mentioned, target
from webhook.cni.remembered import remembered
from webhook.cni.values import FALSE, TRUE

_PROBER = re.compile(r"grpc[-_]health[-_]probe(?:-linux-[a-z0-9]+)?", re.ASCII)
_OF_THE_CNI = "/app/grpc-health-probe"
_SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh", "zsh"))
_LONGEST_SCRIPT = 4096
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=", re.ASCII)
_QUOTED = re.compile(r"""'[^']*'|"[^"$`\\]*\"""")
_SPECIAL = frozenset("$`;&|<>()*?{}~#!\n")
"""Characters with which a shell does more than run one program with these words."""


def read(words: Sequence[str], folder: str) -> Asked | Flaw | Opaque | None:
    """The target of a command, or why it exits before connecting; None if there is no command.

    Args:
        words: The command.
        folder: The working folder of the container; empty where its image tells.
    """
    return _read((folder, *words))


@remembered
def _read(folder_and_words: tuple[str, ...]) -> Asked | Flaw | Opaque | None:
    folder, *words = folder_and_words
    if not words:
        return None
    started = _started(words)
    program = posixpath.basename(started[0]) if started else ""
    if program in _SHELLS:
        return _shell(started, folder)
    if _PROBER.fullmatch(program):
        return _by_health_probe(started, folder)
    if not program:
        return Opaque("its command names no program")
    return _unread(f"it runs {program[:_LONGEST_NAME]}, which the guard does not know", program, started[1:])


_LONGEST_NAME = 60


def _unread(why: str, program: str, arguments: Sequence[str]) -> Opaque:
    """An unknown program: the addresses in its arguments, and in longer texts such as scripts."""
    plain = given(arguments)
    beside = tuple(one for one in mentioned(" ".join(arguments)) if one not in plain)
    return Opaque(why, program[:_LONGEST_NAME], plain, beside)


def _started(words: Sequence[str]) -> Sequence[str]:
    """The words without leading programs that only start another one."""
    index = 0
    while index < len(words):
        program = posixpath.basename(words[index])
        following = words[index + 1] if index + 1 < len(words) else "-"
        if program == "timeout" and (behind := _behind_timeout(words, index + 1)):
            index = behind
        elif (program in {"exec", "env", "nohup"} and not following.startswith("-")) or (
            index and _ASSIGNMENT.match(words[index])
        ):
            index += 1
        else:
            break
    return words[index:]


_OF_TIMEOUT = {"foreground": False, "kill-after": True, "preserve-status": False, "signal": True, "verbose": False}
"""The flags of timeout, and whether each has a value; the short form is the first letter."""


def _behind_timeout(words: Sequence[str], index: int) -> int:
    """The index of the program that `timeout` starts, after its flags and the duration; 0 if unknown."""
    while index < len(words) and words[index].startswith("-"):
        word, index = words[index], index + 1
        if word == "--":
            break
        takes = _takes_next(word)
        if takes is None:
            return 0
        index += takes
    return index + 1


def _takes_next(word: str) -> bool | None:
    """Whether the word after a flag of timeout is its value; None if the word is not a flag of timeout."""
    if word.startswith("--"):
        name, equals, _ = word[2:].partition("=")
        meant = [flag for flag in _OF_TIMEOUT if name and flag.startswith(name)]
        valued = len(meant) == 1 and _OF_TIMEOUT[meant[0]]
        return None if len(meant) != 1 or (equals and not valued) else valued and not equals
    valued_letters = {flag[0]: valued for flag, valued in _OF_TIMEOUT.items()}
    for place, letter in enumerate(word[1:], 1):
        if letter not in valued_letters:
            return None
        if valued_letters[letter]:
            return place == len(word) - 1
    return False if len(word) > 1 else None


# --- shells ----------------------------------------------------------------------------------------------------------


def _shell(words: Sequence[str], folder: str) -> Asked | Flaw | Opaque:
    """The target of a shell that runs a script given by ``-c``."""
    script = _script(words)
    if script is None:
        return _scripted("it runs a script", words)
    script = script.strip()
    if len(script) > _LONGEST_SCRIPT:
        return _scripted("its script is too long", words)
    if _SPECIAL & set(_QUOTED.sub("", script)):
        return _scripted("its shell command is more than one program with fixed words", words)
    try:
        inside = shlex.split(script)
    except ValueError:
        return _scripted("its shell command has a quote that does not end", words)
    first = next((place for place, word in enumerate(inside) if not _ASSIGNMENT.match(word)), len(inside))
    inner = _started(inside[first:])
    if inner and posixpath.basename(inner[0]) in _SHELLS:
        return _scripted("it runs a shell in a shell", words)
    return read(inner, folder) or Opaque("its command names no program")


def _scripted(why: str, words: Sequence[str]) -> Opaque:
    """A script that cannot be fully parsed: what it does with the addresses in it is unknown."""
    return Opaque(why, posixpath.basename(words[0]), mentioned=mentioned(" ".join(words[1:])))


def _script(words: Sequence[str]) -> str | None:
    """The script after ``-c`` in the options of a shell."""
    given_as_text, index = False, 1
    while index < len(words) and words[index][:1] in {"-", "+"} and words[index] != "--":
        letters = "" if words[index].startswith("--") else words[index][1:]
        given_as_text = given_as_text or "c" in letters
        index += 2 if "o" in letters else 1
    index += index < len(words) and words[index] == "--"
    return words[index] if given_as_text and index < len(words) else None


# --- grpc-health-probe -----------------------------------------------------------------------------------------------

_DURATIONS = frozenset(("connect-timeout", "rpc-timeout"))
_OF_TLS = frozenset(("tls-ca-cert", "tls-client-cert", "tls-client-key", "tls-server-name"))
_VALUED = frozenset(("addr", "service", "user-agent")) | _DURATIONS | _OF_TLS
_ENCRYPTS = frozenset(("tls", "tls-no-verify", "alts", "spiffe"))
"""Flags that turn on TLS in the probe of grpc-ecosystem; the probe of the CNI exits on each of them."""

_SERVICES = frozenset(("", "grpc.health.v1.aws-node"))
"""The service names that ipamd's health service knows: the whole server, and the name that ipamd sets."""

_DURATION = re.compile(r"\+?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+", re.ASCII)

_PLAINTEXT = "ipamd serves plaintext, and the grpc-health-probe of the CNI does not know this flag"


def _by_health_probe(words: Sequence[str], folder: str) -> Asked | Flaw | Opaque:
    """The target of grpc-health-probe, or why it exits at once. If a flag is given twice, the last one counts."""
    flags: list[tuple[str, str]] = []
    index = 1
    while index < len(words) and words[index].startswith("-") and words[index] not in {"-", "--"}:
        name, equals, value = words[index].removeprefix("-").removeprefix("-").partition("=")
        index += 1
        if name in _VALUED and not equals:
            if index == len(words):
                return Flaw(f"with -{name} without a value", _ENDS)
            value = words[index]
            index += 1
        elif not _is_known(name, value):
            return _unknown(name, words)
        flags.append((name, value if equals or name in _VALUED else "true"))
    last = dict(flags)
    if not last.get("addr"):
        return Flaw("without an address", _ENDS)
    found = target(last["addr"], folder)
    # A value that cannot be read ends the program wherever it is, a service counts where it is the last.
    standing = [(name, value) for name, value in flags if name != "service" or value == last[name]]
    flaw = next((flaw for name, value in standing if (flaw := _flaw(name, value))), None)
    return replace(found, flaw=flaw) if flaw and isinstance(found, Asked) else found


_ENDS = "it ends at once with an error"
_HELP = frozenset(("h", "help"))
"""Flags on which the probe of the CNI exits with success, whatever ipamd does."""


def _unknown(name: str, words: Sequence[str]) -> Flaw | Opaque:
    """A flag that the probe of the CNI does not have; another probe may."""
    name = name[:_LONGEST_NAME]
    if words[0] == _OF_THE_CNI and name not in _HELP:
        return Flaw(f"with -{name}, which the program of the CNI does not know", _ENDS)
    return _unread(f"the guard does not know its flag {name}", "grpc-health-probe", words[1:])


def _is_known(name: str, value: str) -> bool:
    """Whether the effect of a flag is known; only the probe of grpc-ecosystem has one that turns TLS off."""
    return name in _VALUED | {"v"} or (name in _ENCRYPTS and value not in FALSE)


def _flaw(name: str, value: str) -> Flaw | None:
    """Why a probe with this flag always fails; None if nothing proves it."""
    if name in _ENCRYPTS or (name in _OF_TLS and value):
        return Flaw(f"with -{name}", _PLAINTEXT)
    if name == "service" and value not in _SERVICES:
        return Flaw(f'for service "{value[:_LONGEST_NAME]}"', "ipamd knows no such service")
    if name == "v" and value not in TRUE | FALSE:
        return Flaw(f'with -{name}="{value[:_LONGEST_NAME]}"', "that is neither true nor false")
    if name in _DURATIONS and not (_DURATION.fullmatch(value) and re.search("[1-9]", value)):
        return Flaw(f'with -{name}="{value[:_LONGEST_NAME]}"', "that is not a duration above zero, as 5s is")
    return None
