"""The addresses of what is on the web; "" where the instance has no web address."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Urls:
    """`base`: where the web endpoints are seen from outside, as "https://tickets.example.org"."""

    base: str = ""

    def confirm(self, path: str) -> str:
        """Where an act is confirmed; `path` as confirming.to_path() gives it."""
        return self._at(f"confirm/{path}")

    def leave(self, path: str) -> str:
        """Where one click leaves what a mail came for; `path` as leaving.to_path() gives it."""
        return self._at(f"leave/{path}")

    def hold(self, path: str) -> str:
        """Where a moderator looks at a held mail, and decides."""
        return self._at(f"hold/{path}")

    def login(self, path: str) -> str:
        """Where a browser becomes known as somebody's."""
        return self._at(f"login/{path}")

    @property
    def one_click(self) -> bool:
        """Whether clients may press the way out themselves: RFC 8058 3.1 wants HTTPS."""
        return self.base.startswith("https://")

    def ticket(self, number: int) -> str:
        """The page of a public ticket."""
        return self._at(f"t/{number}")

    def post(self, number: int, n: int) -> str:
        """The page of one post of a public ticket."""
        return self._at(f"t/{number}/{n}")

    def _at(self, path: str) -> str:
        return f"{self.base.rstrip('/')}/{path}" if self.base else ""
