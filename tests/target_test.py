"""Targets: the places that --target names are the places that are used, whoever owns the home."""

import pathlib
import unittest

import workshop
from workshop import Service, kill, wait_until

OTHER_VERBS = [["start", "training"], ["pause", "training"], ["resume", "training"], ["cancel", "RUN"], ["retry", "RUN"],
               ["skip", "RUN", "promote"], ["backfill", "training", "--from", "2026-01-01", "--to", "2026-01-02"],
               ["explain", "training"], ["status"]]


class TargetTest(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)
        self.prod = self.service.folder / "prod"
        self.service.write("busker.toml", workshop.SERVICE_FILE + f"""
[targets.prod]
artifacts = "file://{self.prod}/artifacts"
warehouse = "embedded://{self.prod}/warehouse"
""")

    def up(self, *words):
        self.service.write(".busker/daemon.toml", '[http]\nlisten = "off"\n')
        daemon = self.service.start("up", *words)
        self.addCleanup(daemon.wait, 30)
        self.addCleanup(kill, daemon.pid)
        self.addCleanup(daemon.stdout.close)
        wait_until(lambda: (self.service.home / "socket").exists(), "busker is up")
        return daemon

    def in_home(self):
        """What there is in the places of the target local."""
        return [path for name in ("artifacts", "warehouse") for path in (self.service.home / name).rglob("*") if path.is_file()]

    def test_the_whole_loop_happens_at_the_target(self):
        # No test used a target; several places of the program looked into the home instead.
        self.service.must("run", "training", "--target", "prod")
        self.service.must("run", "application", "--target", "prod")
        self.assertEqual(len(list(self.prod.glob("artifacts/shop/1/*/*/manifest.json"))), 2)
        self.assertEqual(self.in_home(), [])
        at_prod = lambda *words: self.service.facts(*words, "--target", "prod")
        self.assertEqual(at_prod("query", "SELECT count(*) AS n FROM shop.predictions"), [{"n": 2}])
        self.assertEqual([m["live"] for m in at_prod("models")], [True])
        delivery, = at_prod("deliveries")
        self.service.must("undo", delivery["id"], "--target", "prod")
        self.assertIsNotNone(at_prod("deliveries")[0]["undone_at"])
        self.assertEqual(self.service.facts("models"), [])
        self.assertEqual(self.service.facts("deliveries"), [])

    def test_another_target_than_the_owner_has_is_refused_by_every_verb_that_asks_it(self):
        # --target was ignored in silence when another process owned the home: the run happened at its target.
        run = self.service.facts("run", "training")["id"]
        self.up()
        verbs = [["run", "training"], *OTHER_VERBS]
        for words in [[run if word == "RUN" else word for word in verb] for verb in verbs]:
            done = self.service.busker(*words, "--target", "prod")
            self.assertEqual(done.returncode, 2, f"{words}: {done.stdout}{done.stderr}")
            self.assertIn('works with the target "local", not "prod"; leave --target out', done.stderr, words)
        self.assertEqual(len(self.service.facts("runs")), 1)
        self.assertFalse(self.prod.exists())
        self.service.must("run", "training", "--target", "local")

    def test_the_target_of_the_owner_is_used_when_none_is_named(self):
        self.up("--target", "prod")
        self.service.must("run", "training")
        self.service.must("run", "application", "--target", "prod")
        self.assertEqual(len(list(self.prod.glob("artifacts/shop/1/*/*/manifest.json"))), 2)
        self.assertEqual(self.in_home(), [])
        self.assertEqual(self.service.busker("run", "training", "--target", "local").returncode, 2)

    def test_a_conductor_in_the_background_that_is_done_makes_room_for_another_target(self):
        # It stays for some seconds after its last run, in which the other target was refused.
        run = self.service.facts("start", "training")["id"]
        self.service.must("wait", run)
        self.assertIsNotNone(self.service.owner())
        for action in ("training", "application"):
            self.service.must("run", action, "--target", "prod")
        self.assertEqual(len(list(pathlib.Path(self.prod).glob("artifacts/shop/1/*/*/manifest.json"))), 2)

    def test_a_target_that_the_service_does_not_have_is_told(self):
        done = self.service.busker("run", "training", "--target", "staging")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("staging", done.stderr)
        self.assertIn("prod", done.stderr)


if __name__ == "__main__":
    unittest.main()
