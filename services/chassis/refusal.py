"""Why a process does not start, where it is for a person to mend."""


class StartRefused(Exception):
    """Something in the environment, the contract, a file or a table has to be mended; the message says what and how.

    It is printed without a traceback, and the process ends with a code that says that a restart will not help.
    """
