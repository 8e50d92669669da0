"""Whether a list copy under its author's own name would be refused: DMARC (RFC 7489) on what we send.

Our servers are not in the author's SPF, so only a signature of theirs that still holds can speak for it.
"""

from __future__ import annotations

from mailgate.auth.alignment import is_aligned, policy_of
from mailgate.auth.dns import DnsTrouble, Texts
from mailgate.auth.signatures import signers


def would_fail(copy: bytes, domain: str, texts: Texts) -> bool:
    """Whether a copy of a mail from `domain`, as it would go out, fails under a policy that has it refused.

    Where the DNS does not answer, it may: a copy under the list's name is read by everybody.
    """
    try:
        policy = policy_of(domain, texts)
        return policy.refuses and not any(
            is_aligned(signer, domain, strict=policy.strict) for signer in signers(copy, texts)
        )
    except DnsTrouble:
        return True
