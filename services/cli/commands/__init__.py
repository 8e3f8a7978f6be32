"""One module for each command that one types: `tenon up`, `tenon down` and so on."""
