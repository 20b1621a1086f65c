"""``python -m benchmarks [name...]``: run benchmarks, each in a fresh process, and show what they found.

Exit status 1 when a benchmark could not run or got a wrong answer. A missed bound is shown, and is not a failure: how fast
a busy machine is today decides nothing. ``--save 0.2.0`` keeps the results as those of a release, in ``benchmarks/results``; the
rows of ``tests/rows.toml`` that are about speed are judged by what is kept there.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from benchmarks import environment, report
from benchmarks.catalogue import Item, catalogue
from benchmarks.model import Settings
from benchmarks.topology import ROOT, python

# A benchmark that takes longer than this, on top of its rounds, is stuck.
SLACK_S = 240.0
SUBJECTS = 5
RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run, report; the exit status."""
    known = catalogue()
    options = _parser(known).parse_args(arguments)
    if options.list:
        for item in known.values():
            print(f"{item.name:<20} {item.kind}  {item.summary}")
        return 0
    settings = Settings(options.seed, options.repeat, options.seconds)
    described = environment.describe()  # before, since what is measured may be edited meanwhile
    results: dict[str, Any] = {}
    for item in known.values():
        if not options.names or item.name in options.names:
            results[item.name] = run_fresh(item, settings)
            if not options.json:
                print("\n".join(report.lines(item.name, results[item.name])), flush=True)
    document = {
        "environment": described,
        "settings": asdict(settings),
        "results": results,
    }
    text = json.dumps(document, indent=1)
    if options.json:
        print(text)
    if options.save is not None:
        RESULTS.joinpath(f"{options.save}.json").write_text(text + "\n", encoding="utf-8")
    return int(any("error" in result for result in results.values()))


def run_fresh(item: Item, settings: Settings) -> dict[str, Any]:
    """The result of one benchmark as plain data; ``{"error": text}`` when there is none."""
    command = python("-m", "benchmarks.one", item.name, str(settings.seed))
    command += [str(settings.repeat), str(settings.seconds)]
    limit_s = SLACK_S + SUBJECTS * settings.repeat * (settings.seconds + 5)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            out, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.terminate()  # it stops its servers, then itself
            process.communicate()
            return {"error": f"not done after {limit_s:.0f} s"}
        except KeyboardInterrupt:
            process.communicate()  # the terminal has interrupted it too
            raise
    if not out:
        return {"error": f"ended with status {process.returncode} and no result"}
    result: dict[str, Any] = json.loads(out)
    return result


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion as error:
        raise argparse.ArgumentTypeError(f"expected a version such as 0.2.0: {error}") from None


def _parser(known: dict[str, Item]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[*known, []], metavar="name", help="which; all if none is named"
    )
    parser.add_argument("--list", action="store_true", help="show what there is")
    parser.add_argument("--json", action="store_true", help="one JSON document at the end")
    parser.add_argument(
        "--save", type=_version, metavar="VERSION", help="keep them in benchmarks/results"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed asks the same questions")
    parser.add_argument("--repeat", type=int, default=5, help="rounds (default 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a window (default 1)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
