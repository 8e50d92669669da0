"""What the mutations begin with: the corpus, generated mails, and real and nasty mails where they are."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from mailgate.importing import split_mbox
from mailgate.scan import to_crlf
from tests.fuzz.generating import mail
from tests.fuzz.judging import ROOT
from tests.fuzz.targets import Target

_CORPUS = ROOT / "tests" / "corpus"
_MOST_SEED = 100_000


def seeds(target: Target, rng: Random, *, shared: bool) -> list[bytes]:
    """The seeds of `target`, in an order that is always the same; `shared`: also what is not ours."""
    mails = [path.read_bytes() for path in sorted(_CORPUS.rglob("*.eml"))]
    mails += [mail(rng) for _ in range(100)]
    if shared:
        mails += _shared_mails(Path(os.environ.get("MAILGATE_SHARED") or ROOT.parent / "shared"))
    pieces = [piece for each in mails for piece in target.cut(each)]
    pieces += _stories(target.joint) if target.joint else []
    return list(dict.fromkeys(piece for piece in pieces if len(piece) <= _MOST_SEED)) or [b""]


def _stories(joint: bytes) -> Iterator[bytes]:
    """The mails of each story of the corpus as one input."""
    for folder in sorted((_CORPUS / "gateway").iterdir()):
        yield joint.join(to_crlf(path.read_bytes()) for path in sorted(folder.glob("*.eml")))


def _shared_mails(folder: Path) -> Iterator[bytes]:
    archive = folder / "data" / "mail" / "dev.mbox.gz"
    if archive.exists():
        yield from list(split_mbox(gzip.decompress(archive.read_bytes())))[::5]
    maker = folder / "data" / "nasty" / "make.py"
    if maker.exists():
        with tempfile.TemporaryDirectory() as made:
            subprocess.run([sys.executable, str(maker), made], check=True, stdout=subprocess.DEVNULL)
            yield from [path.read_bytes() for path in sorted(Path(made).glob("*.eml"))]
