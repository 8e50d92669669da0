"""Taking over a Roundup tracker: its export read, its messages made mails, its issues made tickets."""
