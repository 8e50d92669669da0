"""Mail in, mail out, the command line, and the composition root."""
