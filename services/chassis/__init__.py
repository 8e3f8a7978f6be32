"""The frame that every service is bolted to."""
