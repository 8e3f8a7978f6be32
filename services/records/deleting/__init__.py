"""What is deleted: softly or for good, with what refers to it, and what is purged in time."""
