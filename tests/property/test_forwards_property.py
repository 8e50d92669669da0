"""Whatever a text holds, what it forwards is found without fail, and is one line where it is to be one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailgate.quotes.forwards import find_forwarded

_PIECES = st.sampled_from(
    [
        "---------- Forwarded message ---------",
        "Begin forwarded message:",
        "----- Forwarded message from Ann <ann@x.example> -----",
        "From: Ann Lee <ann@x.example>",
        "*Von:* Ann [mailto:ann@x.example]",
        "From:",
        "Sent: Monday",
        "Subject: \tFwd: x\x0b\u2028y",
        "To: a@x.example; b@y.example",
        "> ",
        "",
        " <bob@y.example>",
    ]
)
_LINES = st.lists(st.one_of(_PIECES, st.text(max_size=60)), max_size=40)


@given(lines=_LINES, subject=st.sampled_from(["Fwd: x", "Re: x", ""]))
def test_what_a_text_forwards_is_found_without_fail(lines: list[str], subject: str) -> None:
    found = find_forwarded("\n".join(lines), subject)
    while found is not None:
        sender = found.sender
        assert sender.address == "" or sender.address.count("@") == 1
        for shown in (sender.address, sender.name, found.subject, found.date):
            assert len(shown.splitlines()) < 2
            assert shown == shown.strip()
        found = found.inner
