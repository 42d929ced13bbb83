"""`tuimon completion`: scripts that complete commands and options, made from the table."""

import argparse
from collections.abc import Sequence

from tuimon.commands.table import SCREEN, SUBCOMMANDS, Environment, Option


def run(options: argparse.Namespace, environment: Environment) -> int:
    """Print the script of one shell."""
    commands = {one.name: (one.help, one.options) for one in SUBCOMMANDS}
    write = {"bash": _bash, "zsh": _zsh, "fish": _fish}[options.shell]
    environment.stdout.write(write(SCREEN, commands))
    return 0


Commands = dict[str, tuple[str, tuple[Option, ...]]]


def _words(options: Sequence[Option]) -> str:
    """Return all flags and choices of positional arguments, separated by blanks."""
    flags = [flag for one in options for flag in one.flags if flag.startswith("-")]
    choices = [
        choice
        for one in options
        if not one.flags[0].startswith("-")
        for choice in one.given.get("choices", ())
    ]
    return " ".join([*flags, "--help", *choices])


def _cases(options: Sequence[Option]) -> list[tuple[str, str]]:
    """Return for each option with choices its flags and them."""
    return [
        ("|".join(one.flags), " ".join(map(str, one.given["choices"])))
        for one in options
        if "choices" in one.given and one.flags[0].startswith("-")
    ]


BASH = """\
_tuimon() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  local words=""
  case "$before" in
    --output|-o|--replay|--bundle) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  case "${{COMP_WORDS[1]}}:$before" in
{choices}
  esac
  if [ -z "$words" ]; then
    case "${{COMP_WORDS[1]}}" in
{commands}
      *) words="{top}" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F _tuimon tuimon
"""


def _bash(screen: Sequence[Option], commands: Commands) -> str:
    choices = [
        f'    {name}:{flag}) words="{words}" ;;'
        for name, (_, options) in commands.items()
        for flags, words in _cases(options)
        for flag in flags.split("|")
    ]
    each = [f'      {name}) words="{_words(one[1])}" ;;' for name, one in commands.items()]
    top = f"{' '.join(commands)} --version {_words(screen)}"
    return BASH.format(choices="\n".join(choices), commands="\n".join(each), top=top)


def _zsh(screen: Sequence[Option], commands: Commands) -> str:
    return "#compdef tuimon\nautoload -Uz bashcompinit && bashcompinit\n" + _bash(screen, commands)


def _fish(screen: Sequence[Option], commands: Commands) -> str:
    lines = ["complete -c tuimon -f"]
    for name, (text, options) in commands.items():
        lines.append(f"complete -c tuimon -n __fish_use_subcommand -a {name} -d {_quoted(text)}")
        condition = f"-n '__fish_seen_subcommand_from {name}'"
        lines += [_fish_option(condition, one) for one in options]
    lines += [_fish_option("-n __fish_use_subcommand", one) for one in screen]
    return "\n".join([*lines, ""])


def _fish_option(condition: str, one: Option) -> str:
    words = [f"complete -c tuimon {condition}"]
    choices = " ".join(map(str, one.given.get("choices", ())))
    for flag in one.flags:
        if flag.startswith("--"):
            words.append(f"-l {flag[2:]}")
        elif flag.startswith("-"):
            words.append(f"-s {flag[1:]}")
    if choices:
        words.append(f"-x -a {_quoted(choices)}" if len(words) > 1 else f"-a {_quoted(choices)}")
    elif one.given.get("metavar") == "FILE":
        words.append("-r -F")
    elif one.given.get("action") != "store_true":
        words.append("-x")
    words.append(f"-d {_quoted(one.given.get('help', ''))}")
    return " ".join(words)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
