"""The program's entry: `tuimon` and `python -m tuimon`."""

import sys


def main() -> int:
    """Run tuimon with the arguments of this process and return its exit code."""
    from tuimon.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
