"""The one ordered chain that every call passes, host of nothing but its order."""
