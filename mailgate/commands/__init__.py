"""What people ask of a ticket in the words of a mail: done, refused, and answered."""
