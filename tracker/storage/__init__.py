"""All SQL of the tracker: tables, the database behind a URL, the group-commit writer."""
