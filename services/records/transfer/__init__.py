"""Import and export: long-running operations that carry records in and out of files."""
