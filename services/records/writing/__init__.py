"""What is written: one record or many, each change one statement with its event and its request id."""
