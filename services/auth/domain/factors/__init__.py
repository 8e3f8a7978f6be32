"""What people prove themselves by, one module for each kind of factor."""
