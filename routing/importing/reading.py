"""What is read of a registry, and what is wrong with it, by file and entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from routing.registry import Registry

# The largest file of the public registry has 600 kB, all of it 2 MB in some 700 files.
MOST_BYTES: Final = 20 * 2**20
_MOST_FAULTS: Final = 1000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an entry ("": with the file as a whole)."""

    file: str
    entry: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.entry}" if self.entry else self.file
        return f"{where}: {self.text}"


class Unreadable(Exception):
    """A file that gives nothing; the text says why, and the line where the format tells it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A registry as read, what of it is wrong, and what is odd but does not keep it out."""

    registry: Registry
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


@dataclass(slots=True)
class Faults:
    """The faults of one import, as they are found; of very many the first."""

    found: list[Fault] = field(default_factory=list)

    def add(self, file: str, entry: str, text: str) -> None:
        if len(self.found) < _MOST_FAULTS:
            self.found.append(Fault(file, entry, text))


@dataclass(frozen=True, slots=True)
class Entry:
    """A mapping out of a file, asked for values of a type; what is of another is a fault, and its default."""

    file: str
    name: str
    values: dict[str, Any]
    faults: Faults

    def text(self, key: str, default: str = "") -> str:
        """A text on one line."""
        value = self.values.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.fault(f"{key} is {kind_of(value)}, not a text")
            return default
        return " ".join(str(value).split())

    def optional(self, key: str) -> str | None:
        return self.text(key) or None

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            self.fault(f"{key} is {kind_of(value)}, not true or false")
            return default
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, each once."""
        value = self.values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(one, str | int) for one in value):
            self.fault(f"{key} is {kind_of(value)}, not a list of texts")
            return ()
        return tuple(dict.fromkeys(" ".join(str(one).split()) for one in value))

    def entries(self, key: str, word: str) -> Iterator[Entry]:
        """The entries of a list of mappings, each called by its `word`."""
        for number, value in enumerate(self.items(key)):
            yield from entry_of(self.file, value, word, f"{key} {number + 1} of {self.name}", self.faults)

    def items(self, key: str) -> list[Any]:
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(f"{key} is {kind_of(value)}, not a list")
            return []
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        value = self.values.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.fault(f"{key} is {kind_of(value)}, not a mapping")
            return {}
        return {str(name): one for name, one in value.items()}

    def fault(self, text: str) -> None:
        self.faults.add(self.file, self.name, text)


def entry_of(file: str, value: Any, word: str, place: str, faults: Faults) -> Iterator[Entry]:
    """A mapping with a name, as an entry; nothing where it is none, which is a fault."""
    if not isinstance(value, dict):
        faults.add(file, place, f"is {kind_of(value)}, not a mapping")
        return
    name = value.get(word)
    if not isinstance(name, str) or not name.strip():
        faults.add(file, place, f"has no {word}")
        return
    yield Entry(file, " ".join(name.split()), value, faults)


def kind_of(value: Any) -> str:
    """What a value is, in words."""
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)


def read_bytes(path: Path, shown: str) -> bytes:
    """A file's bytes; raises Unreadable where it is none, or too large to be a registry's."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Unreadable(f"{shown}: has over {MOST_BYTES // 2**20} MiB, which is no registry")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{shown}: {error.strerror or 'cannot be read'}") from None
