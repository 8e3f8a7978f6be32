"""Contract to tables and standard methods: a library that any service hosts."""
