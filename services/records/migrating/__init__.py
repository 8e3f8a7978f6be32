"""How tables follow the contract: what changes, in which order, and what is refused."""
