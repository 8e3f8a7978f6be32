"""What is read: by name, by page, by search; and what a caller is shown of it."""
