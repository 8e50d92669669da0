"""What a mail is: a person's, or one of the many kinds of automatic mail."""
