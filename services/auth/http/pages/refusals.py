"""Why a page is not shown or a form is not taken. They are told to people, so that no contract lists them."""

from __future__ import annotations

from services.chassis.errors import InvalidArgument, NotFound, PermissionDenied


class FormOutdated(PermissionDenied):
    """The form was made for another browser or another session."""

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("This form is out of date. Go back, reload the page and try again.")


class FormForeign(PermissionDenied):
    """Another site has sent the form."""

    def __init__(self) -> None:
        """Say what was refused."""
        super().__init__("This form was not sent from one of our own pages, so nothing was done.")


class FormUnreadable(InvalidArgument):
    """What was sent is no form of ours."""

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("What was sent is not a form of ours. Go back, reload the page and try again.")


class FormTooLarge(InvalidArgument):
    """More was sent than any form of ours holds."""

    def __init__(self) -> None:
        """Say what was refused."""
        super().__init__("More was sent than this form holds.")


class PageMissing(NotFound):
    """There is no such page."""

    def __init__(self) -> None:
        """Say how to go on."""
        super().__init__("There is no such page, or it has expired. Check the address, or start again.")
