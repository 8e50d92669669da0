"""What speaks for the author of a mail: a frozen value, kept with it as JSON, shown and explained."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from mailgate.auth.field import Finding
from mailgate.auth.signatures import Signature
from tracker.model import Trust

# What was signed before that may be a mail that was kept, and is sent again by somebody else.
_YOUNG_S: Final = 7 * 24 * 3600
_CLOCKS_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Authentication:
    """The evidence on one mail, of the From `domain`, and what it comes to.

    `why` is a sentence for people. `spf_aligned`: SPF passes for an aligned domain. `signatures` are as
    checked by us, `aligned` are the signers that speak for the author. `policy` is what the domain wants done
    with what fails: none, quarantine, reject, or "" where it says nothing. `source` is who found it: "" we
    ourselves, else an upstream, a sealer, or the operator.
    """

    trust: Trust
    why: str
    domain: str = ""
    spf: str = "none"
    spf_domain: str = ""
    spf_aligned: bool = False
    signatures: tuple[Signature, ...] = ()
    aligned: tuple[str, ...] = ()
    policy: str = ""
    dmarc: str = "none"
    arc: str = "none"
    sealers: tuple[str, ...] = ()
    source: str = ""

    def findings(self) -> tuple[Finding, ...]:
        """As they stand in Authentication-Results (RFC 8601 2.7)."""
        spf = Finding("spf", self.spf, (("smtp.mailfrom", self.spf_domain),) if self.spf_domain else ())
        dkim = (
            Finding("dkim", one.result, (("header.d", one.domain), ("header.s", one.selector)))
            for one in self.signatures
        )
        dmarc = Finding("dmarc", self.dmarc, (("header.from", self.domain),))
        return (spf, *dkim, dmarc, Finding("arc", self.arc))

    def may_command(self, places: Iterable[Collection[str]], fields: Collection[str], now: datetime) -> bool:
        """Whether it proves that its author asks this now, and is no copy of what they once wrote.

        `places` are the fields, to and cc, that name each address which is asked; `fields` those that decide
        what is asked. A signature must cover one of each, and all; SPF proves who sends just now.
        """
        if self.trust is not Trust.ALIGNED:
            return False
        if self.spf_aligned or self.source == OPERATOR:
            return True
        wanted = [set(names) for names in places]
        return any(
            one.holds
            and one.domain in self.aligned
            and one.at is not None
            and -_CLOCKS_S <= now.timestamp() - one.at <= _YOUNG_S
            and all(names & set(one.fields) for names in wanted)
            and set(fields) <= set(one.fields)
            for one in self.signatures
        )

    def to_json(self) -> str:
        return json.dumps({key: value for key, value in asdict(self).items() if value not in ("", ())})


OPERATOR: Final = "operator"


def said(trust: Trust) -> Authentication:
    """What an operator says of a mail that they hand in."""
    return Authentication(trust, "so says who handed it in", source=OPERATOR)


def from_json(text: str) -> Authentication:
    """What to_json() wrote."""
    values: dict[str, Any] = json.loads(text)
    values["trust"] = Trust(values["trust"])
    for name in ("aligned", "sealers"):
        values[name] = tuple(values.get(name, ()))
    values["signatures"] = tuple(
        Signature(**{**one, "fields": tuple(one["fields"])}) for one in values.get("signatures", ())
    )
    return Authentication(**values)
