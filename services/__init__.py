"""What Tenon is made of: one package for each service, and four that are none."""
