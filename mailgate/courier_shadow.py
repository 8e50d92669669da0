"""The courier of a shadow: it hands on what is for those on a list, and keeps all else to itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailgate.courier import Copy, Courier, Outcome, Result
from mailgate.settings import Names


@dataclass(frozen=True, slots=True)
class ShadowCourier:
    """Sends to the addresses and domains in `allowed` through another courier, and to nobody else."""

    courier: Courier
    allowed: Names

    def send(self, copies: Sequence[Copy]) -> Iterator[Outcome]:
        """Send what may go, and say of the rest that it did not."""
        yield from self.courier.send([copy for copy in copies if self._may_have(copy)])
        for copy in copies:
            if not self._may_have(copy):
                yield Outcome(copy.delivery, Result.SHADOWED, "not sent: this is a shadow")

    def _may_have(self, copy: Copy) -> bool:
        address = copy.recipient.lower()
        return address in self.allowed or address.rpartition("@")[2] in self.allowed

    def close(self) -> None:
        self.courier.close()
