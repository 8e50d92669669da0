"""Parts of a mail, from transfer encodings to text and files."""
