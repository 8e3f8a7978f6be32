"""Who may do what with which object: a model of types and relations, the relations themselves, and what follows."""
