"""The fuzzing harness finds what is planted, and every target holds on some hundred inputs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.exploring import Tried, explore
from tests.fuzz.findings import Findings, shrink
from tests.fuzz.judging import ROOT, Fault, Limits, judge
from tests.fuzz.seeding import seeds
from tests.fuzz.targets import TARGETS, Target
from tests.fuzz.working import LastInput

MAIL = b"From: ann@x.example\r\nSubject: Disk full\r\n\r\nIt is full.\r\n"


def whole(mail: bytes) -> Sequence[bytes]:
    return (mail,)


def first_fault(run: Callable[[bytes], None], inputs: int, limits: Limits) -> Tried | None:
    """The first finding of `inputs` tries that begin with one small mail."""
    numbers = count()
    tries = explore(Target("planted", run, whole), [MAIL], Random(7), limits, lambda: next(numbers) < inputs)
    return next((tried for tried in tries if tried.fault), None)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_seeds_and_their_mutations(name: str) -> None:
    target, numbers, rng = TARGETS[name], count(), Random(1)
    inputs = 40 if name == "gateway" else 200
    found = seeds(target, Random(0), shared=False)
    rng.shuffle(found)
    target.run(b"")  # what is set up once is no cost of the first input
    small = Limits(input_bytes=20_000)
    tries = explore(target, found[: inputs // 2], rng, small, lambda: next(numbers) < inputs)
    assert [(tried.fault, tried.data) for tried in tries if tried.fault] == []


def test_a_planted_crash_is_found_and_made_small() -> None:
    def crashes(data: bytes) -> None:
        if b"multipart/report" in data and data.count(b"\r\n") > 3:
            raise KeyError("planted")

    found = first_fault(crashes, 5000, Limits())
    assert found is not None
    assert found.fault is not None
    assert found.fault.kind == "exception"
    small = shrink(Target("planted", crashes, whole), found.data, Limits())
    assert b"multipart/report" in small
    assert len(small) == len(b"multipart/report" + b"\r\n" * 4)


def test_a_planted_quadratic_cost_is_found_by_its_cpu() -> None:
    def compares_all_lines(data: bytes) -> None:
        lines = data.split(b"\r\n")[:3000]
        sum(one == other for one in lines for other in lines)

    found = first_fault(compares_all_lines, 2000, Limits(cpu_s=0.1))
    assert found is not None
    assert found.fault is not None
    assert found.fault.kind == "cpu"
    assert found.fault.place.endswith("compares_all_lines") or "genexpr" in found.fault.place


def test_what_never_ends_is_ended() -> None:
    def spins(data: bytes) -> None:
        try:
            while data:
                pass
        except Exception:
            return

    trial = judge(spins, b"x", Limits(cpu_s=0.05, hang_s=0.05))
    assert trial.fault is not None
    assert trial.fault.kind == "cpu"


def test_a_broken_invariant_is_told_from_an_exception() -> None:
    def breaks(data: bytes) -> None:
        assert len(data) < 3, "planted"

    fault = judge(breaks, b"abc", Limits()).fault
    assert fault is not None
    assert fault.kind == "invariant"
    assert "planted" in fault.detail
    assert judge(breaks, b"a", Limits()).fault is None


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not tell")
def test_planted_memory_is_found_though_it_was_given_back() -> None:
    def fills(data: bytes) -> None:
        assert len(b"x" * 100 * 1024 * 1024) > len(data)

    fault = judge(fills, b"x", Limits()).fault
    assert fault is not None
    assert fault.kind == "memory"


def test_a_fault_is_kept_once_with_how_to_see_it_again(tmp_path: Path) -> None:
    findings = Findings(tmp_path)
    fault = Fault("exception", "KeyError mailgate/parse.py:_look", "KeyError: 'x'")
    path = findings.keep("parse", fault, b"one")
    findings.keep("parse", fault, b"another")
    assert path.read_bytes() == b"one"
    assert f"python -m tests.fuzz try parse {path}" in path.with_suffix(".txt").read_text()
    assert len(list(tmp_path.iterdir())) == 2
    assert Findings(tmp_path).is_known("parse", fault)


def test_the_last_input_outlives_its_process(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from tests.fuzz.working import LastInput; "
        "last = LastInput(Path(sys.argv[1]), 100); last.put(b'first input'); last.put(b'second'); os.abort()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "last")]
    assert subprocess.run(command, cwd=ROOT, check=False, stderr=subprocess.DEVNULL).returncode < 0
    assert LastInput.get(tmp_path / "last") == b"second"
    assert LastInput.get(tmp_path / "none") == b""


def test_the_command_runs_a_target_and_says_what_it_did(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "run", "--plain", "--seconds", "1", "--seed", "1"]
    command += ["--folder", str(tmp_path), "keys"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "keys: " in done.stdout
    assert "nothing found" in done.stdout
