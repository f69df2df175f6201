"""A version whose model answers otherwise here than where it was trained never becomes live by mistake."""

import json
import unittest

from workshop import Service

# Two inputs; a first tree with its root at age < 1.5 and leaves -1 and 2, a second that is a leaf of 0.25.
MODEL = {
    "learner": {
        "attributes": {},
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "2"},
            "tree_info": [0, 0],
            "trees": [
                {"id": 0, "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [0, 0, 0],
                 "split_conditions": [1.5, -1.0, 2.0], "default_left": [1, 0, 0],
                 "tree_param": {"size_leaf_vector": "1"}},
                {"id": 1, "left_children": [-1], "right_children": [-1], "split_indices": [0],
                 "split_conditions": [0.25], "default_left": [0]}]}},
        "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2", "num_target": "1"},
        "objective": {"name": "reg:squarederror"}},
    "version": [3, 2, 0]}
SIGNATURE = {"inputs": [{"name": "age"}, {"name": "visits", "missing": True}]}
SAMPLE = {"inputs": [{"age": 1, "visits": 7}, {"age": 2, "visits": None}], "outputs": [-0.25, 2.75]}
SERVICE_FILE = """
name = "shop"
version = "1"
[model]
command = "./model.sh ${ACTION}"
[actions.training]
"""
RIGHT = "served online: its sample of 2 came out right"
WRONG = ("cannot be served as it was trained: its sample comes out otherwise: instance 2: the model answers 2.75 here, "
         "and 2.5 where it was trained")


class ServingCheckTest(unittest.TestCase):
    def setUp(self):
        self.service = Service(service_file=SERVICE_FILE)
        self.addCleanup(self.service.close)
        self.trained = 0

    def fails(self, code, *words, says):
        done = self.service.busker(*words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(says, done.stdout + done.stderr)

    def train(self, *words, model=MODEL, signature=SIGNATURE, sample=SAMPLE):
        """A training that leaves these files; what was said of it, and its version."""
        script = ""
        for name, value in (("model.json", model), ("signature.json", signature), ("serving_sample.json", sample)):
            if value is not None:
                self.service.write(name, json.dumps(value))
                script += f"cp {name} output/\n"
        self.service.write("configs/training.sh", script)
        self.trained += 1
        shown = self.service.must("run", "training", "--date", f"2019-08-0{self.trained}", *words)
        return shown, self.service.facts("models")[-1]["version"]

    def live(self):
        return self.service.facts("status")["live"]

    def test_a_run_refuses_what_comes_out_otherwise_and_names_the_instance(self):
        shown, good = self.train()
        self.assertIn(f"{good} is live now: no gate; {RIGHT}", shown)
        shown, bad = self.train(sample=dict(SAMPLE, outputs=[-0.25, 2.5]))
        self.assertIn(f"{bad} refused: {bad} {WRONG}", shown)
        self.assertIn(f"busker promote {bad} --unchecked makes it live all the same", shown)
        self.assertEqual(self.live(), good)
        for model in self.service.facts("models"):
            self.assertEqual(model["gate"]["passed"], model["version"] == good)

    def test_by_hand_it_takes_a_word_that_stays_on_record(self):
        _, good = self.train()
        _, bad = self.train(sample=dict(SAMPLE, outputs=[-0.25, 2.5]))
        self.fails(2, "promote", bad, says=f"{bad} {WRONG}; --unchecked makes it live all the same")
        self.assertEqual(self.live(), good)
        self.service.must("promote", bad, "--unchecked", "--why", "batch only")
        self.assertEqual(self.live(), bad)
        self.assertEqual(self.service.facts("promote", bad, "--unchecked")["check"], "unchecked")
        self.assertIn("batch only (unchecked)", self.service.must("audit"))
        # The one before is asked again when it is gone back to.
        self.service.must("rollback")
        self.service.must("promote", bad, "--unchecked")
        self.service.must("promote", good)
        self.fails(2, "rollback", says=WRONG)
        self.assertEqual(self.live(), good)
        self.assertEqual(self.service.facts("rollback", "--unchecked")["check"], "unchecked")
        self.assertEqual(self.live(), bad)

    def test_another_model_another_signature_a_torn_sample(self):
        _, good = self.train()
        other = json.loads(json.dumps(MODEL))
        other["learner"]["gradient_booster"]["model"]["trees"][1]["split_conditions"] = [0.5]
        turned = {"inputs": [{"name": "visits"}, {"name": "age", "missing": True}]}
        for files, why in (
                ({"model": other}, "instance 1: the model answers 0 here, and -0.25 where it was trained"),
                ({"signature": turned}, 'instance 2: field "visits"'),
                ({"signature": None}, "it has no signature.json that names its inputs, nor does model.json"),
                ({"model": None}, "it has no model that is served here"),
                ({"model": {"version": [3, 2, 0]}}, "model.json"),
                ({"sample": {"inputs": [[1, 2]]}}, "serving_sample.json has 1 inputs and 0 outputs")):
            with self.subTest(why=why):
                shown, bad = self.train(**files)
                self.assertIn(f"{bad} refused: {bad} cannot be served as it was trained: ", shown)
                self.assertIn(why, shown)
                self.fails(2, "promote", bad, says=why)
                self.assertEqual(self.live(), good)

    def test_a_file_that_is_not_what_was_saved(self):
        # The digest says so before anything is opened, and --unchecked is no way round it.
        _, first = self.train()
        _, second = self.train()
        self.service.must("promote", first)
        for name in ("model.json", "signature.json", "serving_sample.json"):
            path = self.service.home / "artifacts/shop/1/training" / second / name
            saved = path.read_bytes()
            path.chmod(0o600)
            path.write_bytes(saved[:-1])
            for words in ([], ["--unchecked"]):
                self.fails(78, "promote", second, *words, says="is not what was saved")
            path.write_bytes(saved)
        self.assertEqual(self.live(), first)
        self.service.must("promote", second)

    def test_what_has_no_sample_becomes_live_as_ever(self):
        shown, version = self.train(sample=None)
        self.assertIn(f"{version} is live now: no gate; not served online: it has no serving_sample.json", shown)
        self.service.write("configs/training.sh", "echo m > output/model.pkl")
        shown = self.service.must("run", "training", "--date", "2019-08-02")
        self.assertIn(" is live now: no gate\n", shown)
        self.assertIn("not served online: it has no model that is served here", self.service.must("show", "live"))

    def test_show_says_how_it_stands(self):
        _, good = self.train()
        shown = self.service.must("show", "live")
        for line in (f"{good} of shop 1, from training", "live since", RIGHT, "XGBoost 3.2.0", "model.json",
                     "number; may be missing"):
            self.assertIn(line, shown)
        facts = self.service.facts("show", good)
        self.assertEqual((facts["online"]["served"], facts["online"]["sample"]), (True, 2))
        self.assertEqual([one["name"] for one in facts["signature"]["inputs"]], ["age", "visits"])
        _, bad = self.train(sample=dict(SAMPLE, outputs=[-0.25, 2.5]))
        self.assertIn("not served online: its sample comes out otherwise: instance 2", self.service.must("show", bad))
        self.assertIn("refused", self.service.must("show", bad))
        self.fails(3, "show", "20010101T000000Z", says="has no version")


if __name__ == "__main__":
    unittest.main()
