"""Targets: the places that --target names are the places that are used, whoever owns the home."""

import pathlib
import unittest

import workshop
from workshop import Service, kill, wait_until

# Verbs that do the same whatever the target is: a run knows its own.
OTHER_VERBS = [["pause", "training"], ["resume", "training"], ["cancel", "RUN"], ["retry", "RUN"], ["skip", "RUN", "promote"],
               ["explain", "training"], ["wait", "training"], ["check", "training"], ["logs"], ["runs"], ["next", "training"]]


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

    def versions_at_prod(self):
        return len(list(self.prod.glob("artifacts/shop/1/*/*/manifest.json")))

    def test_each_run_is_at_the_target_that_it_was_asked_for_whoever_owns_the_home(self):
        # A target belonged to the process: who asked a busker at work for another one was refused.
        self.up()
        for action in ("training", "application"):
            self.service.must("run", action, "--target", "prod")
        self.assertEqual(self.versions_at_prod(), 2)
        self.assertEqual(self.in_home(), [])
        run = self.service.must("start", "training", "--target", "prod").strip()
        self.service.must("wait", run)
        self.service.must("run", "training")
        targets = [run["target"] for run in self.service.facts("runs")]
        self.assertEqual(targets, ["local", "prod", "prod", "prod"])
        self.assertEqual(self.versions_at_prod(), 3)
        self.assertEqual(len(list(self.service.home.glob("artifacts/shop/1/*/*/manifest.json"))), 1)
        header, first, *_ = self.service.must("runs").splitlines()
        self.assertIn("TARGET", header)
        self.assertIn("local", first)

    def test_a_retry_goes_on_at_the_target_of_its_run(self):
        go = self.service.folder / "go"
        self.service.write("configs/training.sh", f"test -e {go}\n" + workshop.TRAINING)
        done = self.service.busker("run", "training", "--target", "prod")
        self.assertEqual(done.returncode, 1, done.stderr)
        run = self.service.facts("runs")[0]
        go.touch()
        self.service.must("retry", run["id"])
        self.service.must("wait", run["id"])
        again = self.service.facts("runs")[0]
        self.assertEqual((again["id"], again["target"]), (run["id"], "prod"))
        self.assertEqual((self.versions_at_prod(), self.in_home()), (1, []))

    def test_verbs_that_have_no_use_for_a_target_say_so(self):
        # --target was taken by every verb and ignored by many.
        run = self.service.facts("run", "training")["id"]
        for words in [[run if word == "RUN" else word for word in verb] for verb in OTHER_VERBS]:
            done = self.service.busker(*words, "--target", "prod")
            self.assertEqual(done.returncode, 2, f"{words}: {done.stdout}{done.stderr}")
            self.assertIn(f"busker {words[0]} does the same whatever the target is; leave --target out", done.stderr)

    def test_the_target_of_busker_up_is_used_when_none_is_named(self):
        self.up("--target", "prod")
        self.service.must("run", "training")
        self.service.must("run", "application", "--target", "prod")
        self.assertEqual(self.versions_at_prod(), 2)
        self.assertEqual(self.in_home(), [])
        self.service.must("run", "training", "--target", "local")
        self.assertNotEqual(self.in_home(), [])

    def test_the_service_file_says_at_which_target_its_actions_are(self):
        text = (self.service.folder / "busker.toml").read_text()
        self.service.write("busker.toml", 'target = "prod"\n' + text)
        for action in ("training", "application"):
            self.service.must("run", action)
        self.assertEqual(self.versions_at_prod(), 2)
        self.assertEqual(self.in_home(), [])
        self.assertEqual([m["live"] for m in self.service.facts("models")], [True])
        self.assertEqual(self.service.facts("models", "--target", "local"), [])
        self.service.write("busker.toml", text.replace("[actions.training]", '[actions.training]\ntarget = "prud"', 1))
        done = self.service.busker("validate")
        self.assertEqual(done.returncode, 2)
        self.assertIn('"target": no [targets.prud]; did you mean "prod"?', done.stdout + done.stderr)

    # It said that all is well, although the manual has it look at every target that the file names.
    def test_a_target_that_no_action_is_at_is_looked_at_and_warned_of(self):
        text = (self.service.folder / "busker.toml").read_text()
        self.service.write("busker.toml", text + '\n[targets.box]\nimage = "registry.example/shop"\n')
        done = self.service.busker("validate")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('target "box" has image = "registry.example/shop"', done.stderr)
        self.assertIn('target "box"', self.service.facts("validate")["warnings"][0])
        self.assertEqual(self.service.busker("validate", "--target", "box").returncode, 2)
        self.assertEqual(self.service.busker("validate", "--target", "prod").stderr, "")

    def test_validate_says_what_the_machines_of_a_run_cost_at_the_worst(self):
        text = (self.service.folder / "busker.toml").read_text()
        text = text.replace("[actions.training]", '[actions.training]\nretries = 1\ntimeout = "80m"', 1)
        target = """
[targets.cloud]
executor = "compute-engine://example/us-central1-a,europe-west1-b?machine_type=e2-standard-2"
image = "europe-docker.pkg.dev/example/r/shop"
artifacts = "gs://example-shop"
service_account = "shop@example.iam.gserviceaccount.com"
spot_attempts = 1
"""
        # It wanted a login, to ask the warehouse.
        self.service.write("busker.toml", text + target + 'warehouse = "bigquery://example"\n')
        said = self.service.must("validate", "--target", "cloud")
        self.assertIn('training at target "cloud" takes at the worst 6.0 VM-hours of e2-standard-2 (3 attempts of at most 2h 00m), '
                      "about $0.44 by list prices of August 2026 in europe-west1", said)
        self.assertIn("(2 attempts of at most 1d 00h, for no timeout is said)", said)
        self.assertNotIn("VM-hours", self.service.must("validate"))
        # What is missing is told before anything is asked of a cloud.
        for line in target.splitlines()[3:6]:
            self.service.write("busker.toml", text + target.replace(line, ""))
            done = self.service.busker("validate", "--target", "cloud")
            self.assertEqual(done.returncode, 2, line)
            self.assertRegex(done.stderr, r'busker\.toml:\d+:\d+: target "cloud" has executor = ')
        self.service.write("busker.toml", text + target.replace("r/shop", "r/Shop"))
        self.assertIn("names no image", self.service.busker("validate", "--target", "cloud").stderr)

    # It said that all is well, and the run was refused.
    def test_what_no_container_may_have_is_told_by_validate(self):
        text = (self.service.folder / "busker.toml").read_text()
        for executor, image, says in (("docker://?mount=/", "example/shop", "mount=/: that would hand the container this machine"),
                                      ("docker://?gpus=x", "example/shop", "gpus=x: write gpus=all"),
                                      ("docker://", "example/Shop", '"example/Shop" names no image'),
                                      ("docker://", "http://example.org/shop", '"http://example.org/shop" names no image')):
            self.service.write("busker.toml", f'{text}\n[targets.box]\nexecutor = "{executor}"\nimage = "{image}"\n')
            done = self.service.busker("validate", "--target", "box")
            self.assertEqual(done.returncode, 2, image + executor)
            self.assertRegex(done.stderr, r"busker\.toml:\d+:\d+: ")
            self.assertIn(says, done.stderr)

    def test_a_backfill_is_at_the_target_that_it_was_asked_for(self):
        self.service.must("run", "training", "--target", "prod")
        text = (self.service.folder / "busker.toml").read_text()
        self.service.write("busker.toml", text.replace("[actions.application]", '[actions.application]\nschedule = "@daily"', 1))
        self.service.must("backfill", "application", "--from", "2026-01-01", "--to", "2026-01-02", "--target", "prod")
        wait_until(lambda: all(run["state"] == "succeeded" for run in self.service.facts("runs")), "the backfill has ended")
        self.assertEqual({run["target"] for run in self.service.facts("runs")}, {"prod"})
        self.assertEqual(self.in_home(), [])

    def test_a_target_that_the_service_does_not_have_is_told(self):
        done = self.service.busker("run", "training", "--target", "staging")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("staging", done.stderr)
        self.assertIn("prod", done.stderr)


if __name__ == "__main__":
    unittest.main()
