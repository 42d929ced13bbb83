"""The table of subcommands and options, and what a command is handed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO


@dataclass(frozen=True, slots=True)
class Environment:
    """What a command may know of the process it runs in; handed in, so that tests choose it."""

    variables: Mapping[str, str]
    stdout: TextIO
    stderr: TextIO
    clock: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its flags, and what argparse is told of it."""

    flags: tuple[str, ...]
    given: Mapping[str, Any] = field(default_factory=dict)


def option(*flags: str, **given: Any) -> Option:  # noqa: ANN401 -- what argparse takes
    """Return an option row."""
    return Option(flags, given)


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One subcommand: a file of `tuimon.commands` with `run(options, environment) -> int`."""

    name: str
    module: str
    help: str
    options: tuple[Option, ...] = ()


# Adding an option or a subcommand is one row here. Options of the first group go with every
# subcommand that samples.
# fmt: off
SAMPLING: tuple[Option, ...] = (
    option("--interval", "-d",  type=float, default=1.0, metavar="S", help="seconds between ticks, 0.1 to 3600 (default: 1)"),
    option("--gpu",             default="", metavar="LIST", help="only these GPUs: indexes, UUIDs or PCI addresses, separated by commas"),
    option("--cuda-visible",    action="store_true", help="only the GPUs that CUDA_VISIBLE_DEVICES names"),
    option("--demo",            action="store_true", help="a simulated machine instead of this one"),
    option("--demo-gpus",       type=int, default=8, metavar="N", help="GPUs of the simulated machine, 1 to 16 (default: 8)"),
    option("--demo-kind",       default="h100", metavar="KIND", help="their product, such as h100, a100, l40s, t4 (default: h100)"),
    option("--seed",            type=int, default=0, help="what the simulated machine's chance begins with"),
)
LOOKS: tuple[Option, ...] = (
    option("--theme",           default="", metavar="NAME", help="colours: a file of themes/ without its ending (default: tuimon)"),
    option("--ascii",           action="store_true", help="draw with ASCII characters only"),
    option("--sort",            default="gmem", metavar="COLUMN", help="column that processes are sorted by (default: gmem)"),
)
SCREEN: tuple[Option, ...] = (
    *SAMPLING,
    *LOOKS,
    option("--jitter",          action="store_true", help="tick at a random phase of each interval, against aliasing with periodic work"),
    option("--replay",          default="", metavar="FILE", help="show a recording instead of this machine"),
    option("--speed",           type=float, default=1.0, metavar="X", help="of the replay (default: 1)"),
    option("--no-mouse",        action="store_true", help="leave the mouse to the terminal"),
)
SUBCOMMANDS: tuple[Subcommand, ...] = (
    Subcommand("snapshot",   "snapshot",   "print the state of the machine once, as text or JSON", (
        *SAMPLING,
        *LOOKS,
        option("--format",      choices=("text", "json"), default="text", help="what to print (default: text)"),
        option("--size",        default="", metavar="WxH", help="columns and rows of the text (default: the terminal's)"),
        option("--processes",   type=int, default=-1, metavar="N", help="in JSON, only the N processes that matter most (default: all)"),
        option("--replay",      default="", metavar="FILE", help="a recording instead of this machine"),
        option("--at",          default="", metavar="TIME", help="moment of the recording: 2026-11-22T03:12, 03:12:30, +90 (seconds from its start) or -10 (from its end; default: its end)"),
    )),
    Subcommand("record",     "record",     "append raw samples to a file, for replay", (
        *SAMPLING,
        option("--output", "-o", required=True, metavar="FILE", help="the file; an existing recording is continued"),
        option("--duration",    type=float, default=0.0, metavar="S", help="end after so many seconds (default: on Ctrl-C or SIGTERM)"),
        option("--processes",   type=int, default=64, metavar="N", help="processes to record, those that matter most (default: 64)"),
        option("--jitter",      action="store_true", help="tick at a random phase of each interval"),
    )),
    Subcommand("metrics",    "metrics",    "list every metric: name, unit, what it is, where it is read", (
        option("pattern",       nargs="?", default="", help="only names that contain this"),
        option("--format",      choices=("text", "json", "markdown"), default="text", help="what to print (default: text)"),
    )),
    Subcommand("doctor",     "doctor",     "say what works on this machine, and what to do about the rest", (
        option("--format",      choices=("text", "json"), default="text", help="what to print (default: text)"),
        option("--bundle",      default="", metavar="FILE", help="write a JSON file for a bug report, secrets masked"),
    )),
    Subcommand("completion", "completion", "print a completion script for a shell", (
        option("shell",         choices=("bash", "zsh", "fish"), help="which shell"),
    )),
)
# fmt: on
