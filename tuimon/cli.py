"""The command line: parsing, running, and the exit codes.

Exit codes: 0 fine, 1 failed, 2 misused. Output goes to stdout, talk to stderr. The table of
subcommands and options is `tuimon.commands.table`.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from tuimon import __version__
from tuimon.commands.table import SCREEN, SUBCOMMANDS, Environment
from tuimon.errors import TuimonError, UsageError
from tuimon.text import safe

FINE, FAILED, MISUSED = 0, 1, 2


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of ending the process."""

    def error(self, message: str) -> Any:  # noqa: ANN401 -- never returns
        """Raise what is wrong as a sentence for the user."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = _Parser(
        prog="tuimon",
        description="The terminal monitor for machines that train and serve AI models.",
        epilog="Without a command, the live screen is shown.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"tuimon {__version__}")
    for one in SCREEN:
        top.add_argument(*one.flags, **one.given)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    shared = {one.flags for one in SCREEN}
    for command in SUBCOMMANDS:
        sub = commands.add_parser(
            command.name, help=command.help, description=command.help, allow_abbrev=False
        )
        for one in command.options:
            # An option that also stands before the subcommand must not undo what was said there.
            unsaid = {"default": argparse.SUPPRESS} if one.flags in shared else {}
            sub.add_argument(*one.flags, **{**one.given, **unsaid})
    return top


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    environment = Environment(os.environ, sys.stdout, sys.stderr)
    try:
        options = parser().parse_args(arguments)
        module = next((one.module for one in SUBCOMMANDS if one.name == options.command), "screen")
        code: int = import_module(f"tuimon.commands.{module}").run(options, environment)
        environment.stdout.flush()
    except UsageError as error:
        return _told(environment, error, MISUSED)
    except TuimonError as error:
        return _told(environment, error, FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # no word at exit
        return FAILED
    except KeyboardInterrupt:
        return FAILED
    except Exception as error:
        if os.environ.get("TUIMON_DEBUG"):
            raise
        return _told(environment, _fault(error), FAILED)
    return code


def _told(environment: Environment, error: TuimonError, code: int) -> int:
    environment.stderr.write(f"tuimon: {safe(str(error))}\n")
    return code


def _fault(error: Exception) -> TuimonError:
    """Return what to say of an error that nobody expected, in one line."""
    words = safe(f"{type(error).__name__}: {error}".splitlines()[0][:200])
    return TuimonError(
        f"this is a fault of tuimon: {words}; run it with TUIMON_DEBUG=1 for details"
    )
