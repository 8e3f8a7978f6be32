"""Keeps what federation needs in Postgres, and speaks OpenID Connect and SAML to providers."""
