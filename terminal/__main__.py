"""`vaxdesk`: the command line."""

from __future__ import annotations

import sys
from multiprocessing import freeze_support

from drivers import reader_main
from terminal.commands.line import run


def main() -> None:
    """Run the command of sys.argv and leave with its exit code."""
    if sys.argv[1:] == [reader_main.FLAG]:  # the frozen program starts itself again to read the scanners
        sys.exit(reader_main.main())
    freeze_support()  # and to reckon many forecasts
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # GBK has no check mark
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
