"""The domain's ports, kept in Postgres, Redis and memory."""
