"""winmail.dat files written for tests (MS-OXTNEF 2.1)."""

from __future__ import annotations

import struct

HEAD = struct.pack("<IH", 0x223E9F78, 1)


def attribute(tag: int, value: bytes) -> bytes:
    """One attribute with its checksum."""
    level = 2 if tag & 0xFFFF in (0x9002, 0x8010, 0x800F, 0x9005) else 1
    return struct.pack("<BII", level, tag, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def renders() -> bytes:
    """The attribute that begins a file."""
    return attribute(0x00069002, bytes(14))


def properties(*each: bytes) -> bytes:
    """The value of an attribute that holds properties."""
    return struct.pack("<I", len(each)) + b"".join(each)


def prop(number: int, kind: int, value: bytes, name: int | str = "") -> bytes:
    """One property; `name` for those from 0x8000 on."""
    head = struct.pack("<HH", kind, number)
    if isinstance(name, int):
        head += bytes(16) + struct.pack("<II", 0, name)
    elif name:
        encoded = (name + "\0").encode("utf-16-le")
        head += bytes(16) + struct.pack("<II", 1, len(encoded)) + _padded(encoded)
    if kind in (0x1E, 0x1F, 0x0D, 0x102):
        return head + struct.pack("<II", 1, len(value)) + _padded(value)
    return head + value


def _padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)
