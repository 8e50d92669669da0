"""Which ticket a mail continues, and by what evidence."""
