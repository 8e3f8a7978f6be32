"""Watch: a stream per resource of what is there and of all that happens to it, which may be broken off and resumed.

Where the truth is: the outbox, one per service schema. Ids are given before a commit, so `id > last` would miss what
commits late. A reader's place is what it has *seen*, a snapshot of Postgres' transactions (`snapshots.py`). Its next
piece is what a later snapshot sees and the earlier does not, in the order of ids. That misses and doubles nothing,
and waits for nobody: a transaction that stays open delays its own events alone. Of one record the order is right, since
its events get their ids while its row is locked: the later is seen by no snapshot that does not see the earlier, and
of two in one piece the later has the greater id.

Where a watch begins: pages of records in the order of their names, each as its own snapshot sees it, with no
transaction open while one is sent. After each page come the changes between its snapshot and the one before, for the
names of all earlier pages; then everything up to the page's last name is as that one snapshot has it (`place.py`).
So what has to be known is one name and one snapshot, however many pages there were.

How many are served: one tailer per process and outbox reads what is new into a bounded ring (`tailer.py`, `ring.py`),
and a watcher is a place in it. Nobody has a queue. Whoever falls behind the ring reads from the outbox by itself, and
whoever asks for the same with the same rights gets the same bytes (`views.py`).
"""

from services.records.watching.bell import Bell, Rung
from services.records.watching.hub import Hub, TooManyWatches, watched_types
from services.records.watching.limits import WatchLimits
from services.records.watching.pruning import EVENT_DAYS, prune_outbox
from services.records.watching.stream import Watch
from services.records.watching.tokens import ResumeTokenInvalid, ResumeTokens
from services.records.watching.watcher import WatchExpired

__all__ = [
    "EVENT_DAYS",
    "Bell",
    "Hub",
    "ResumeTokenInvalid",
    "ResumeTokens",
    "Rung",
    "TooManyWatches",
    "Watch",
    "WatchExpired",
    "WatchLimits",
    "prune_outbox",
    "watched_types",
]
