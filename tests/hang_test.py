"""A store that does not answer, as one on a disk that is away: it delays its own service, and nothing else."""

import ctypes
import datetime
import json
import os
import signal
import subprocess
import unittest

import workshop
from workshop import SERVICE_FILE, Service

GRAPH = {"graph": {"dag_id": "hello"}, "tasks": [{"name": "greet", "code": "echo hello"}], "dependencies": []}
# Due as soon as somebody keeps its schedule.
SCHEDULED = SERVICE_FILE.replace(
    '[actions.application]\n',
    '[actions.application]\nschedule = "0 0 * * *"\ncatch_up = "latest"\nstart = "{day}"\n')


class Frozen:
    """Whoever opens a file in the folder waits in the kernel, until this ends (fanotify)."""

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        content, mark_add, open_permission, on_child, here = 0x4, 0x1, 0x10000, 0x08000000, -100
        self.group = libc.fanotify_init(content, os.O_RDONLY)
        if self.group < 0:
            raise unittest.SkipTest(f"fanotify: {os.strerror(ctypes.get_errno())} (it needs root)")
        if libc.fanotify_mark(self.group, mark_add, ctypes.c_uint64(open_permission | on_child), here,
                              os.fsencode(folder)) != 0:
            reason = os.strerror(ctypes.get_errno())
            self.end()
            raise unittest.SkipTest(f"fanotify: {reason}")

    def end(self):
        if self.group >= 0:
            os.close(self.group)
            self.group = -1


class Hang(unittest.TestCase):
    def setUp(self):
        self.shop = Service()
        self.addCleanup(self.shop.close)
        self.shop.write("graphs/configs/hello.json", json.dumps(GRAPH))
        self.shop.must("run", "training")
        day = datetime.date.today() - datetime.timedelta(days=3)
        self.shop.write("busker.toml", SCHEDULED.replace("{day}", str(day)))
        self.frozen = Frozen(self.shop.home / "artifacts" / "shop" / "1")
        self.addCleanup(self.frozen.end)

    def up(self):
        log = self.shop.folder / "up.out"
        with open(log, "w") as output:
            up = subprocess.Popen([str(workshop.BUSKER), "up", str(self.shop.folder), str(self.shop.folder / "graphs"),
                                   "--home", str(self.shop.home)], stdout=output, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL)
        self.addCleanup(up.wait)
        self.addCleanup(up.kill)
        workshop.wait_until(lambda: " is up: " in log.read_text(), "busker is up")
        return up

    def busker(self, *words, **options):
        return subprocess.run([str(workshop.BUSKER), *words, "--home", str(self.shop.home)], capture_output=True,
                              text=True, timeout=60, **options)

    def application(self):
        """The run of the application that has been caught up; None: there is none yet."""
        runs = json.loads(self.busker("runs", "shop/application", "--json").stdout or "[]")
        return runs[0] if runs else None

    def hangs(self):
        """Waits until it is being prepared, for longer than usual; its id."""
        workshop.wait_until(self.application, "the application is caught up")
        run = self.application()["id"]
        workshop.wait_until(lambda: "longer than usual" in self.busker("explain", run).stdout, "it hangs")
        return run

    # The engine waited for the store, and so did every schedule, start and question.
    def test_a_store_that_does_not_answer_delays_its_own_service_alone(self):
        self.up()
        run = self.hangs()
        started = self.busker("start", "hello")
        self.assertEqual(started.returncode, 0, started.stderr)
        waited = self.busker("wait", "hello", "--run", started.stdout.strip())
        self.assertEqual(waited.returncode, 0, waited.stdout + waited.stderr)
        self.assertEqual(self.application()["state"], "queued")
        self.frozen.end()
        workshop.wait_until(lambda: self.application()["state"] == "succeeded", "it goes on")
        self.assertEqual(self.application()["id"], run)

    # Whoever asked for a run of it kept a thread of the daemon, which did not end any more.
    def test_a_run_of_it_can_be_asked_for_and_the_daemon_ends_all_the_same(self):
        up = self.up()
        self.hangs()
        started = self.busker("start", "shop/application")
        self.assertEqual(started.returncode, 0, started.stderr)
        foreseen = self.busker("backfill", "shop/application", "--from", "2019-01-01", "--to", "2019-01-03",
                               "--dry-run")
        self.assertEqual(foreseen.returncode, 75, foreseen.stdout + foreseen.stderr)
        self.assertIn("does not answer", foreseen.stderr)
        up.send_signal(signal.SIGTERM)
        self.assertEqual(up.wait(20), 0)

    def test_it_can_be_cancelled(self):
        self.up()
        run = self.hangs()
        self.assertEqual(self.busker("cancel", run).returncode, 0)
        workshop.wait_until(lambda: self.application()["state"] == "cancelled", "it is cancelled")

    def test_it_does_not_keep_the_daemon_from_ending(self):
        up = self.up()
        self.hangs()
        up.send_signal(signal.SIGTERM)
        self.assertEqual(up.wait(20), 0)

    def test_it_is_prepared_by_the_next_daemon_when_this_one_is_killed(self):
        up = self.up()
        run = self.hangs()
        up.send_signal(signal.SIGKILL)
        self.frozen.end()
        up.wait(20)
        self.up()
        workshop.wait_until(lambda: self.application()["state"] == "succeeded", "it goes on")
        self.assertEqual(self.application()["id"], run)
        self.assertEqual(self.busker("fsck").returncode, 0)


if __name__ == "__main__":
    unittest.main()
