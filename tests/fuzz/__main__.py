"""`make fuzz`: every target, or one, for a given time; findings are files, and make it exit 1."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.findings import Findings, shrink
from tests.fuzz.judging import ROOT, Fault, Limits, judge
from tests.fuzz.working import LastInput, Work, work_blind, work_guided


def main() -> int:
    arguments = _arguments()
    logging.disable(logging.CRITICAL)
    if arguments.command == "run":
        return _run(arguments)
    if arguments.command == "work":
        return _work(arguments)
    return _try(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="all targets, or those named, one after another")
    run.add_argument("names", nargs="*", metavar="TARGET")
    work = commands.add_parser("work", help="one target in this process")
    work.add_argument("names", nargs=1, metavar="TARGET")
    for each in (run, work):
        each.add_argument("--seconds", type=float, default=160.0, help="for all targets together")
        each.add_argument("--folder", type=Path, default=ROOT / ".fuzz")
        each.add_argument("--seed", type=int, default=int(time.time()))
        each.add_argument("--plain", action="store_true", help="without atheris")
    for name, text in (
        ("try", "one input: exit 1 when it is a finding"),
        ("shrink", "make a finding smaller"),
    ):
        one = commands.add_parser(name, help=text)
        one.add_argument("target")
        one.add_argument("file", type=Path)
    return parser.parse_args()


def _run(arguments: argparse.Namespace) -> int:
    """Give each target its share of the time, in a process of its own."""
    from tests.fuzz.targets import TARGETS

    unknown = set(arguments.names) - TARGETS.keys()
    if unknown:
        print(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    plain = arguments.plain or importlib.util.find_spec("atheris") is None
    print(
        "without atheris: mutations, no guidance by coverage" if plain else "guided by coverage", flush=True
    )
    findings = Findings(arguments.folder / "findings")
    before = len(findings.known)
    names = arguments.names or list(TARGETS)
    for name in names:
        share = max(1.0, arguments.seconds / len(names))
        _one_target(Work(name, share, arguments.folder, arguments.seed, plain=plain), findings)
    new = len(Findings(findings.folder).known) - before
    print(
        f"{new} new findings, {before} from before, in {findings.folder}"
        if new or before
        else "nothing found"
    )
    return 1 if new else 0


def _one_target(work: Work, findings: Findings) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "work", work.name, f"--seconds={work.seconds}"]
    command += [f"--folder={work.folder}", f"--seed={work.seed}", *(["--plain"] if work.plain else [])]
    work.folder.mkdir(parents=True, exist_ok=True)
    log = work.folder / f"log-{work.name}"
    work.last_input.unlink(missing_ok=True)
    try:
        # libFuzzer talks much: what it says is kept, for when the process dies.
        with log.open("wb") as file:
            code = subprocess.run(
                command, cwd=ROOT, check=False, timeout=work.seconds + 300, stderr=file
            ).returncode
    except subprocess.TimeoutExpired:
        code = -1
    if code != 0:
        fault = Fault("died", f"exit {code}", "the process ended, or hung, in the midst of an input")
        path = findings.keep(work.name, fault, LastInput.get(work.last_input))
        print(f"{work.name}: FOUND {fault.key}, see {log}\n  {path}", flush=True)


def _work(arguments: argparse.Namespace) -> int:
    work = Work(
        arguments.names[0], arguments.seconds, arguments.folder, arguments.seed, plain=arguments.plain
    )
    if work.plain:
        work_blind(work)
    else:
        work_guided(work)
    return 0


def _try(arguments: argparse.Namespace) -> int:
    from tests.fuzz.targets import TARGETS

    target, data = TARGETS[arguments.target], arguments.file.read_bytes()
    judge(target.run, b"", Limits())  # what is set up once is no cost of this input
    if arguments.command == "shrink":
        data = shrink(target, data, Limits())
        path = arguments.file.with_suffix(".small")
        path.write_bytes(data)
        print(f"{len(data)} bytes in {path}")
    trial = judge(target.run, data, Limits())
    print(f"{trial.cpu_s:.3f} s CPU for {len(data)} bytes")
    if trial.fault is None:
        print("nothing wrong")
        return 0
    print(f"{trial.fault.key}\n{trial.fault.detail}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
