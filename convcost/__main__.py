"""`python -m convcost`, and the command `convcost`."""

from __future__ import annotations

import os
import signal
import sys

from convcost import _startup


def main() -> None:
    """Run the command line and exit, with 130 and nothing else where it is interrupted."""
    ours = _startup.is_ours()
    if ours:
        signal.signal(signal.SIGINT, _startup.leave)
    _fill_streams()
    try:
        from convcost.cli.app import main as run

        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # what is begun from here on is put back
        run()
    except KeyboardInterrupt:
        sys.exit(_startup.INTERRUPTED)
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done


def _fill_streams() -> None:
    """Open the standard streams that are closed, so that no file takes their places."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free


if __name__ == "__main__":
    main()
