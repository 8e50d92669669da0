"""Who wrote a mail, as far as anything speaks for it: SPF, DKIM, DMARC, ARC, and the word of an upstream."""
