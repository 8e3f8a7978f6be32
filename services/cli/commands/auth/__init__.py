"""`tenon auth`: the usual administration of people, roles, clients, keys and organizations of the stack that runs."""
