"""What auth serves over HTTP because the standard is HTTP, one module or package for each standard."""
