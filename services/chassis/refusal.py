"""Why a process does not start, where it is for a person to mend."""

EXIT_REFUSED = 78
"""The exit code that says so (sysexits.h, EX_CONFIG): trying again does not help."""


class StartRefused(Exception):
    """Something in the environment, the contract, a file or a table has to be mended; the message says what and how.

    It is printed without a traceback, and the process ends with a code that says that a restart will not help.
    """
