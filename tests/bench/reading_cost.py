"""What reading a mail costs beside mail-parser alone: `python -m tests.bench.reading_cost`.

The same mails of a real archive, read by us (looked over, every part parsed, quotes separated, classified)
and by mail-parser alone, in turns; CPU, the median of the rounds. Ends with 1 above what we promise.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import mailparser

from mailgate.envelope import Client, Envelope
from mailgate.importing import split_mbox
from mailgate.kinds.classify import understood
from mailgate.parse import parse_message
from mailgate.scan import ScanLimits, scan, to_crlf
from tests.bench.archive import Archive, NoArchive

_MOST = 2.0
_ENVELOPE = Envelope(
    Client("192.0.2.1", "mx.example", "ESMTP", "s1"), "ann@x.example", ("osg-general@lists.example.org",)
)


def ours(raw: bytes) -> None:
    scan(raw, ScanLimits())
    understood(_ENVELOPE, parse_message(raw))


def bare(raw: bytes) -> None:
    mailparser.parse_from_bytes(raw)


def cpu_ms(read: Callable[[bytes], None], mails: Sequence[bytes]) -> float:
    """CPU milliseconds a mail."""
    begin = time.process_time()
    for raw in mails:
        read(raw)
    return (time.process_time() - begin) * 1000 / len(mails)


def main() -> int:
    parser = argparse.ArgumentParser(description="CPU of reading a mail beside mail-parser alone.")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    try:
        with gzip.open(Archive.find().mbox) as packed:
            mails = [to_crlf(mail) for mail in split_mbox(packed.read())]
    except NoArchive as error:
        print(f"reading_cost: {error}", file=sys.stderr)
        return 1
    for read in (ours, bare):
        cpu_ms(read, mails[:100])
    rounds = [(cpu_ms(ours, mails), cpu_ms(bare, mails)) for _ in range(options.rounds)]
    ratio = statistics.median(one / other for one, other in rounds)
    own, other = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"{len(mails)} mails: ours {own:.2f} ms, mail-parser {other:.2f} ms, {ratio:.2f} x (aim {_MOST} x)")
    return int(ratio > _MOST)


if __name__ == "__main__":
    sys.exit(main())
