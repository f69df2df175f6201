"""What people do beside runs is on record, whatever is killed in the middle: no live pointer has moved, no delivery
is undone, no token or secret has changed that the record knows nothing of."""

import json
import os
import sqlite3
import subprocess
import tempfile
import unittest

import kill_at_call
import workshop
from workshop import Service

EVERY = 4  # call is killed at, each verb from another on


class Deeds(unittest.TestCase):
    def setUp(self):
        self.shop = Service()
        self.addCleanup(self.shop.close)
        config = tempfile.TemporaryDirectory(prefix="busker-test-config-")
        self.addCleanup(config.cleanup)
        before = os.environ.get("XDG_CONFIG_HOME")
        os.environ["XDG_CONFIG_HOME"] = config.name
        self.addCleanup(lambda: os.environ.pop("XDG_CONFIG_HOME") if before is None
                        else os.environ.update(XDG_CONFIG_HOME=before))
        self.secret = self.shop.write("secret.txt", "hunter2-hunter2")

    def busker(self, *words, stdin="/dev/null"):
        with open(stdin) as given:
            return subprocess.run([str(workshop.BUSKER), *words, "-C", str(self.shop.folder)], stdin=given,
                                  capture_output=True, text=True, timeout=60)

    def events(self):
        record = sqlite3.connect(f"file:{self.shop.home / 'busker.db'}?mode=ro", uri=True)
        try:
            return record.execute("SELECT what, detail FROM events WHERE run = '' ORDER BY number").fetchall()
        finally:
            record.close()

    def kept(self, name):
        path = self.shop.home / name
        return {one["name"] for one in json.loads(path.read_text())[name.split(".")[0]]} if path.exists() else set()

    def live(self):
        path = self.shop.home / "artifacts/shop/1/live.json"
        return json.loads(path.read_text())["version"]

    def killed(self, call, *words, stdin="/dev/null"):
        """Whether busker was killed at that call; False: it got through."""
        words = [str(workshop.BUSKER), *words, "-C", str(self.shop.folder)]
        return kill_at_call.run(words, call, self.shop.folder / "traced.out", stdin=stdin) is not None

    def each(self, first, trial):
        """trial(call) for every EVERY-th call, until one gets through; the last has to have done it."""
        call = first
        while trial(call):
            call += EVERY
        self.assertGreater(call, EVERY, "it makes some calls")

    # The event was written behind the deed: who was killed in between had done it, and nobody knew.
    def test_no_token_and_no_secret_changes_without_an_event(self):
        self.shop.must("run", "training", "--quiet")

        def change(name, kept, requested, words, stdin="/dev/null"):
            def trial(call):
                before = self.kept(kept), len(self.events())
                killed = self.killed(call, *words, stdin=stdin)
                new = [(what, detail.split(",")[0]) for what, detail in self.events()[before[1]:]]
                if self.kept(kept) != before[0]:
                    self.assertIn((requested, name), new, f"killed at call {call}")
                if not killed:
                    self.assertNotEqual(self.kept(kept), before[0])
                    self.assertEqual(len(new), 2, new)
                return killed and self.kept(kept) == before[0]
            return trial

        self.each(1, change("a", "tokens.json", "token create requested",
                            ("token", "create", "a", "--scope", "viewer")))
        self.each(2, change("a", "tokens.json", "token revoke requested", ("token", "revoke", "a")))
        self.each(3, change("x", "secrets.json", "secret set requested", ("secret", "set", "x"),
                            stdin=str(self.secret)))
        self.each(4, change("x", "secrets.json", "secret remove requested", ("secret", "remove", "x")))
        self.shop.must("audit", "--verify")

    def test_no_live_pointer_moves_without_an_event(self):
        self.shop.must("run", "training", "--quiet")
        first = self.live()
        self.shop.must("run", "training", "--quiet")
        second = self.live()
        self.assertNotEqual(first, second)

        def move(requested, words):
            def trial(call):
                before = self.live(), len(self.events())
                killed = self.killed(call, *words)
                new = self.events()[before[1]:]
                if self.live() != before[0]:
                    self.assertIn(requested, [what for what, _ in new], f"killed at call {call}")
                return killed and self.live() == before[0]
            return trial

        self.each(3, move("rollback requested", ("rollback",)))
        self.assertEqual(self.live(), first)
        self.each(2, move("promote requested", ("promote", second.rsplit("/", 1)[1])))
        self.assertEqual(self.live(), second)
        self.shop.must("audit", "--verify")

    def test_no_delivery_is_undone_without_an_event(self):
        self.shop.must("run", "training", "--quiet")
        self.shop.must("run", "application", "--quiet")
        delivery = self.shop.facts("deliveries")[0]["id"]

        def undone():
            return self.shop.facts("deliveries")[0]["undone_at"] is not None

        call = 5
        while not undone():
            before = len(self.events())
            killed = self.killed(call, "undo", delivery)
            if undone():
                self.assertIn(("undo requested", delivery), self.events()[before:], f"killed at call {call}")
            self.assertTrue(killed or undone())
            call += 2 * EVERY

    # A deed that the record could not take was done all the same, and told on standard error at best.
    def test_nothing_is_done_that_the_record_does_not_take(self):
        self.shop.must("run", "training", "--quiet")
        self.shop.must("run", "training", "--quiet")
        self.shop.must("run", "application", "--quiet")
        delivery = self.shop.facts("deliveries")[0]["id"]
        self.assertEqual(self.busker("token", "create", "old", "--scope", "viewer").returncode, 0)
        self.assertEqual(self.busker("secret", "set", "old", stdin=self.secret).returncode, 0)
        live, tokens, secrets = self.live(), self.kept("tokens.json"), self.kept("secrets.json")
        record = sqlite3.connect(self.shop.home / "busker.db")
        record.execute("DELETE FROM chain")  # the end of the chain of events: it takes no more of them
        record.commit()
        record.close()
        events = self.events()
        for words in (("token", "create", "new", "--scope", "viewer"), ("token", "revoke", "old"),
                      ("secret", "remove", "old"), ("rollback",), ("undo", delivery)):
            done = self.busker(*words)
            self.assertEqual(done.returncode, 78, f"{words}: {done.stdout}{done.stderr}")
            self.assertIn("nothing was done, as it could not be noted in the record first", done.stderr)
        self.assertEqual((live, tokens, secrets, events),
                         (self.live(), self.kept("tokens.json"), self.kept("secrets.json"), self.events()))
        self.assertIsNone(self.shop.facts("deliveries")[0]["undone_at"])


if __name__ == "__main__":
    unittest.main()
