"""Rules in, decisions out: who can help with a ticket, and why."""
