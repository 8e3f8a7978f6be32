"""What a record is made of in Postgres: its table, columns, indexes and names, and how values get into them."""
