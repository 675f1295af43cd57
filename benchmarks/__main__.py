"""Run the benchmarks that are named, or the usual ones."""

from __future__ import annotations

import argparse
import sys

from benchmarks.listed import BENCHMARKS, STOPPED, USUAL, apart


def main() -> int:
    """The exit status: 1 where a benchmark failed."""
    failed = []
    try:
        for name in arguments():
            print(f"== {name}", flush=True)
            failed += [name] if apart(name) else []
            print(flush=True)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return STOPPED
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


def arguments() -> list[str]:
    """The names; for one that there is not, a sentence and all that there are."""
    lines = "\n".join(f"  {name:14} {words}" for name, (_, words) in BENCHMARKS.items())
    listed = f"benchmarks:\n{lines}\n\nthe usual ones: {', '.join(USUAL)}\n"
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=listed,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    names: list[str] = parser.parse_args().names or USUAL
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.exit(2, f"There is no benchmark {', '.join(unknown)}.\n\n{listed}")
    return names


if __name__ == "__main__":
    sys.exit(main())
