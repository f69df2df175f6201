"""All of it together: one lock, one clock, and the services on one server."""

import threading

from .bigquery import BigQuery
from .clock import Clock
from .compute import Compute
from .control import Control
from .entries import Logging
from .misbehaviour import Misbehaviour
from .permissions import Permissions
from .server import Server
from .storage import Storage
from .tokens import Tokens

PROJECT = "example-project"
PROJECT_NUMBER = "123456789012"


class World:
    """`docker`: the socket of the engine on which VMs run containers; None: they have none."""

    def __init__(self, project=PROJECT, docker=None, folder=None, has_guests=True):
        self.project, self.docker, self.folder, self.has_guests = project, docker, folder, has_guests
        self.project_number = PROJECT_NUMBER
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.clock = Clock(self.changed)
        self.misbehaviour = Misbehaviour()
        self.requests = []
        self.violations = []  # what a client must not do, and did
        self.guest_variables = {}
        self.guest_mounts = []
        self.is_ended = False
        self.leaving = []  # threads that take away what there was of VMs
        with self.lock:
            self.tokens = Tokens(self)
            self.permissions = Permissions(self)
            self.storage = Storage(self)
            self.bigquery = BigQuery(self)
            self.compute = Compute(self)
            self.logging = Logging(self)
        self.server = Server(self, [Control(self), self.storage, self.bigquery, self.compute, self.logging, self.permissions,
                                    self.tokens])
        self.ticker = threading.Thread(target=self.clock.tick, args=(lambda: self.is_ended,), daemon=True)
        self.ticker.start()

    def places(self):
        """Where what is, in the words that Google's clients have for it."""
        url = f"http://{self.server.place}"
        return {"url": url, "project": self.project, "storage": url, "bigquery": url, "compute": f"{url}/compute/v1",
                "logging": url, "token_uri": f"{url}/token", "sts": f"{url}/v1/token", "iamcredentials": url,
                "control": f"{url}/_control"}

    def unheard(self, request):
        """The answer to it was not heard by who asked."""
        self.storage.unheard(request)

    def note(self, violation):
        self.violations.append(violation)

    def wait(self, condition, seconds):
        """Under the lock, which is free meanwhile. Seconds are real ones."""
        return self.changed.wait_for(condition, seconds)

    def close(self):
        with self.changed:
            self.is_ended = True
            self.changed.notify_all()
        self.server.close()
        self.compute.close()
        for thread in self.leaving:
            thread.join(60)
