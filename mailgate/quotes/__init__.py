"""What in a text is new, quoted, signed or passed on."""
