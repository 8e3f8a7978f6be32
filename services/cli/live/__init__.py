"""Contracts that follow their files: `tenon up --watch` runs this beside the stack, as a process of its own."""
