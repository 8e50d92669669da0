"""Our name under what we send: DKIM signatures (RFC 6376), and seals on what we pass on (ARC, RFC 8617)."""
