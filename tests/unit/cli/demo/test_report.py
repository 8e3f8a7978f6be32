"""What the demo tells: the progress while it loads, and the report at the end."""

from __future__ import annotations

import io

from services.cli.demo.flights import write_report
from services.cli.demo.load import Tally
from services.cli.demo.progress import Progress
from services.cli.demo.rows import Census


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar_that_ends_full() -> None:
    stream = Terminal()
    progress = Progress("flights", 2000, stream, clock=lambda: 0.0)
    progress(1000)
    progress(2000)
    assert stream.getvalue().count("\r") == 2
    assert "█" * 30 in stream.getvalue()
    assert stream.getvalue().endswith("\n")


def test_elsewhere_a_line_is_written_for_each_tenth() -> None:
    stream = io.StringIO()
    progress = Progress("flights", 1000, stream, clock=lambda: 0.0)
    for done in range(1, 1001):
        progress(done)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "flights: 100 of 1,000"
    assert "\r" not in stream.getvalue()


def test_the_report_counts_every_gap() -> None:
    census = Census(
        flights=336_776,
        without_aircraft=52_606,
        without_tail_number=2_512,
        unknown_tail_numbers={str(i) for i in range(721)},
        without_destination=7_602,
        unknown_destinations={"STT", "BQN", "SJU", "PSE"},
        never_left=8_255,
        without_arrival=458,
    )
    report = write_report({"flights": Tally(created=1000, found=335_776)}, census, 61.4)
    for figure in ("336,776", "52,606", "2,512", "721", "7,602", "BQN, PSE, SJU, STT", "8,255", "458", "335,776 there"):
        assert figure in report
