"""The `tenon` command."""
