"""The rules of OAuth 2.1 and OpenID Connect: who may be granted what, and how it is said."""
