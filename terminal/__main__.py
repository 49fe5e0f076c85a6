"""`vaxdesk`: the command line."""

from __future__ import annotations

import sys

from terminal.commands.line import run


def main() -> None:
    """Run the command of sys.argv and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
