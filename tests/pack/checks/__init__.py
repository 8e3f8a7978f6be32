"""All statements, by what they are about; to import this is to have them all."""

from tests.pack.checks import filtering, reading, searching, standard, writing

__all__ = ["filtering", "reading", "searching", "standard", "writing"]
