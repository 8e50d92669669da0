"""format=flowed (RFC 3676): paragraphs that were broken for the way made whole again."""

from __future__ import annotations


def unflow(text: str, delete_space: bool) -> str:
    """`text` of format=flowed with its paragraphs on one line each (RFC 3676 4)."""
    # A paragraph in pieces: to lengthen a string by each of its lines would be quadratic.
    paragraphs: list[list[str]] = []
    flowing, depth = False, 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        level = len(line) - len(content)
        content = content.removeprefix(" ")
        # Section 4.3: a signature separator never flows, though it ends in a blank.
        flows = content.endswith(" ") and content != "-- "
        shown = content[:-1] if flows and delete_space else content
        if flowing and level == depth and content != "-- ":
            paragraphs[-1].append(shown)
        else:
            paragraphs.append([f"{'>' * level} {shown}" if level and shown else ">" * level + shown])
        flowing, depth = flows, level
    return "\n".join("".join(pieces) for pieces in paragraphs)
