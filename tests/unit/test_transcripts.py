"""The runner of pages: a page that lies does not agree with what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.transcripts import Step, agrees, run, steps

PAGE = """# A page

```console
$ cat > note <<'END'
> first line
> second line
> END
$ cat note
first line
second line
```

Not a console:

```
$ rm -r /
```

```console
$ true
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    file = tmp_path / "page.md"
    file.write_text(PAGE)
    return file


def test_commands_are_taken_from_consoles_alone_and_in_order(page: Path) -> None:
    assert [step.command.splitlines()[0] for step in steps(page)] == [
        "cat > note <<'END'",
        "cat note",
        "true",
    ]


def test_a_true_page_agrees(page: Path, tmp_path: Path) -> None:
    assert all(agrees(step, run(step, tmp_path)) for step in steps(page))


def test_both_streams_and_refusals_are_seen(tmp_path: Path) -> None:
    assert run(Step("echo out; echo err >&2; exit 1"), tmp_path) == "out\nerr\n"


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        (["done"], "done\n"),
        ([], ""),
        (["at 2026-11-27T07:06:28"], "at 2030-01-02T03:04:05\n"),
        (
            ["*    3  2026-11-27 07:06Z  operator root  why"],
            "*    3  2027-01-01 00:00Z  operator someone-else  why\n",
        ),
        (["A   B"], "A B\n"),
        (["...", "last"], "first\nsecond\nlast\n"),
        (["...", "last"], "last\n"),
        (["made ... there"], "made /tmp/x/y there\n"),
    ],
)
def test_what_differs_from_run_to_run_does_not_count(expected: list[str], printed: str) -> None:
    assert agrees(Step("x", expected), printed)


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        (["done"], ""),
        ([], "Error: no\n"),
        (["done"], "done\nand more\n"),
        (["rules rev 2"], "rules rev 3\n"),
        (["a.c"], "abc\n"),
        (["...", "last"], "first\n"),
        (["first", "..."], "second\n"),
        (["at 2026-11-27T07:06:28"], "at noon\n"),
    ],
)
def test_what_is_otherwise_does(expected: list[str], printed: str) -> None:
    assert not agrees(Step("x", expected), printed)
