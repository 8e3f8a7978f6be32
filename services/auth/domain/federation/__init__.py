"""Signing in by somebody else's identity provider: which there are, what they say, and whose identities those are."""
