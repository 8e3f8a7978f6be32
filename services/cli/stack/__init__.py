"""What runs on one machine: each process, each step of a start, and their order."""
