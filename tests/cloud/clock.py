"""The cloud's own time: it goes with this machine's, and can be put forward, so that two hours pass in a moment."""

import heapq
import itertools
import time
import traceback
from datetime import datetime, timezone


class Clock:
    """All under the cloud's lock; `changed` is its condition."""

    def __init__(self, changed):
        self.changed = changed
        self.ahead_s = 0.0
        self.timers = []
        self.order = itertools.count()

    def now(self):
        return time.time() + self.ahead_s

    def after(self, seconds, deed):
        heapq.heappush(self.timers, (self.now() + seconds, next(self.order), deed))
        self.changed.notify_all()

    def advance(self, seconds):
        """Everything that is due meanwhile is done in its order, each at its instant."""
        end = self.now() + seconds
        while self.timers and self.timers[0][0] <= end:
            self.ahead_s = max(self.ahead_s, self.timers[0][0] - time.time())
            self.run_due()
        self.ahead_s = max(self.ahead_s, end - time.time())
        self.changed.notify_all()

    def run_due(self):
        while self.timers and self.timers[0][0] <= self.now():
            deed = heapq.heappop(self.timers)[2]
            try:
                deed()
            except Exception:  # a fault of the stand-in's own: time goes on, and who reads the test sees it
                traceback.print_exc()
            self.changed.notify_all()

    def tick(self, ended):
        """The thread that does what is due, until `ended` says so."""
        with self.changed:
            while not ended():
                self.run_due()
                wait = self.timers[0][0] - self.now() if self.timers else 0.5
                self.changed.wait(max(0.001, min(wait, 0.5)))


def rfc3339(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant_of(text):
    """The seconds of an RFC 3339 instant; ValueError when it is none."""
    when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if when.tzinfo is None:
        raise ValueError("an instant without an offset")
    return when.timestamp()
