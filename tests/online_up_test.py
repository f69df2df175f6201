"""Predictions under the real busker up: what its people are told when another version than the live one answers or one
waits for approval, and one prediction that is tried by hand."""

import json
import shutil
import unittest

import online_models
from online_models import Up, ask, files_of, make_token, spoiled, training
from workshop import Service, wait_until

SERVICE_FILE = online_models.SERVICE_FILE.replace('key = ["customer_id"]', 'key = ["customer_id", "age"]')

APPLICATION = """
printf 'customer_id,age,score\\nc-1,20,0.25\\nc-2,50,0.75\\n' > output/predictions.csv
"""

# The receiver of notices is a file: a line of JSON each.
NOTIFY = '[notify]\ncommand = ["/bin/sh", "-c", "cat >> \\"$0\\"; echo >> \\"$0\\"", "%s"]\n'


class OnlineUpTest(unittest.TestCase):
    def setUp(self):
        self.service = Service(SERVICE_FILE, training(1.5), APPLICATION)
        self.addCleanup(self.service.close)
        self.notices_file = self.service.folder / "notices"

    def up(self):
        up = Up(self.service, NOTIFY % self.notices_file)
        self.addCleanup(up.stop)
        return up

    def notices(self, kind):
        lines = self.notices_file.read_text().splitlines() if self.notices_file.exists() else []
        return [notice for notice in map(json.loads, filter(None, lines)) if notice["kind"] == kind]

    def train(self, files=None):
        if files is not None:
            self.service.write("configs/training.sh", "echo '{\"auc\": 0.8}' > output/metrics.json\n" + "".join(
                f"cat > output/{name} <<'END'\n{text}\nEND\n" for name, text in files.items()))
        self.service.must("run", "training")
        return self.service.facts("models")[-1]["version"]

    def online(self):
        return self.service.facts("status")["online"]

    def test_a_live_version_that_cannot_be_served_is_told_everywhere(self):
        # It was told by a line of the log and a figure alone.
        first = self.train()
        up = self.up()
        viewer = make_token(self.service, "ada", "viewer")
        well = {"version": first, "wanted": first, "behind": False, "since": None, "because": None}
        wait_until(lambda: self.online() == [{"service": "shop", **well}], "the first version answers")
        self.assertEqual(up.api("services", token=viewer)[1]["services"][0]["online"], well)
        second = self.train(spoiled(files_of(2.5), "sample"))  # the check before it becomes live refuses it
        self.service.must("promote", second, "--unchecked")
        wait_until(lambda: self.online()[0]["behind"], "the first version answers though the second is live")
        one = self.online()[0]
        self.assertEqual((one["service"], one["version"], one["wanted"]), ("shop", first, second))
        self.assertIn("instance 2", one["because"])
        sentence = f"shop serves {first}, and not {second}, which is live, since {one['since']}, because "
        self.assertIn("online: " + sentence, self.service.must("status"))
        wait_until(lambda: sentence in up.said(), "the log says so")
        told = dict(one)
        del told["service"]
        self.assertEqual(up.api("services", token=viewer)[1]["services"][0]["online"], told)
        self.assertEqual(up.api("services/shop/versions", token=viewer)[1]["online"], told)
        self.assertEqual(up.api("status", token=viewer)[1]["online"], [one])
        page = ask(f"{up.dashboard}/metrics", None, {"Authorization": f"Bearer {viewer}"})[2].decode()
        behind = next(line for line in page.splitlines() if line.startswith("busker_serving_behind_seconds{"))
        self.assertGreaterEqual(float(behind.split()[1]), 0)
        wait_until(lambda: self.notices("behind"), "a notice", 60)
        notice = self.notices("behind")[0]
        self.assertTrue(notice["message"].startswith(sentence), notice)
        self.assertEqual((notice["service"], notice["action"], notice["hint"]),
                         ("shop", "training", f"busker show {second}; busker rollback"))
        self.service.must("rollback")
        wait_until(lambda: self.online()[0] == {"service": "shop", **well}, "the first version is live again")
        wait_until(lambda: self.notices("recovered"), "a notice that it is well again", 60)
        self.assertEqual(self.notices("recovered")[0]["message"], f"shop serves its live version again: {first}")
        self.assertEqual(len(self.notices("behind")), 1, "once of each version")
        self.assertNotIn("online:", self.service.must("status"))

    def test_without_serving_nothing_is_said_of_it(self):
        self.train()
        self.assertEqual(self.online(), [])

    def test_people_are_told_that_a_version_waits_for_approval(self):
        # Nobody was told: it waited until somebody happened to look.
        self.service.write("busker.toml", SERVICE_FILE.replace("promote = true", "promote = true\nrequire_approval = true"))
        self.up()
        version = self.train()
        wait_until(lambda: self.notices("approval"), "a notice", 60)
        notice = self.notices("approval")[0]
        self.assertEqual(notice["message"], f"{version} waits for approval: no gate")
        self.assertEqual(notice["hint"], f"busker show {version}; busker promote {version}")
        run = self.service.facts("runs")[0]
        self.assertEqual((notice["service"], notice["action"], notice["run"], notice["data_date"]),
                         ("shop", "training", run["id"], run["data_date"]))
        self.assertEqual(self.notices("failed") + self.notices("recovered"), [])

    def test_one_prediction_is_tried_with_the_row_of_the_same_key_beside_it(self):
        version = self.train()
        self.service.must("run", "application")
        up = self.up()
        viewer = make_token(self.service, "ada", "viewer")
        wait_until(lambda: self.online()[0]["version"] == version, "it is loaded")
        status, form = up.api("services/shop/predict", token=viewer)
        self.assertEqual((status, form["ready"], form["why"], form["version"]), (200, True, None, version))
        self.assertEqual(form["inputs"], [
            {"name": "age", "type": "number", "missing": True, "categories": None},
            {"name": "plan", "type": "category", "missing": False, "categories": ["free", "paid"]}])
        self.assertEqual(form["outputs"], ["score"])
        self.assertEqual(form["tables"], [{"table": "shop.predictions", "key": [
            {"name": "customer_id", "type": "STRING"}, {"name": "age", "type": "INT64"}]}])

        def tried(instance, key=None):
            return up.api("services/shop/predict", {"instance": instance, **({"key": key} if key else {})}, viewer)

        # As a program sends it, and as a form does; a column of the key that is an input is not asked for twice.
        for age in (20, "20", " 20 "):
            status, answer = tried({"age": age, "plan": "free"}, {"customer_id": "c-1"})
            self.assertEqual((status, answer["version"], answer["outputs"]), (200, version, [{"name": "score", "value": 1.5}]))
            table = answer["tables"][0]
            if age == " 20 ":
                continue  # a key is what it is
            self.assertEqual((table["table"], table["row"], table["why"]),
                             ("shop.predictions", {"customer_id": "c-1", "age": 20, "score": 0.25}, None))
            self.assertEqual(table["data_date"], self.service.facts("deliveries")[-1]["data_date"])
            self.assertGreaterEqual(table["age_seconds"], 0)
        self.assertEqual(tried({"age": "", "plan": "free"})[1]["outputs"][0]["value"], 1.5, "nothing is a missing value")
        table = tried({"age": 20, "plan": "free"})[1]["tables"][0]
        self.assertEqual((table["row"], table["why"]), (None, '"customer_id" of its key is not given'))
        table = tried({"age": 21, "plan": "free"}, {"customer_id": "c-1"})[1]["tables"][0]
        self.assertEqual((table["row"], table["why"]), (None, "it has no row with this key"))
        for instance, told in (({"age": "old", "plan": "free"}, 'field "age": a number is expected, got "old"'),
                               ({"age": 20, "plan": "gold"}, 'field "plan"'),
                               ({"age": 20}, 'field "plan"'),
                               ({"age": 20, "plan": "free", "aeg": 1}, 'the model has no input "aeg"')):
            status, answer = tried(instance)
            self.assertEqual(status, 400)
            self.assertTrue(answer["detail"].startswith(told), answer)
        self.assertEqual(up.api("services/shop/predict", {"instance": [20, "free"]}, viewer)[0], 400)
        self.assertEqual(up.api("services/shop/predict", {}, viewer)[0], 400)
        # Who has a token for predictions alone has nothing to ask here.
        predict = make_token(self.service, "web", "predict")
        self.assertEqual(up.api("services/shop/predict", {"instance": {"age": 20, "plan": "free"}}, predict)[0], 403)
        # A version that is lost: the one that was loaded goes on.
        shutil.rmtree(self.service.home / "artifacts" / "shop" / "1" / "training" / version)
        self.assertEqual(tried({"age": 20, "plan": "free"})[0], 200)


if __name__ == "__main__":
    unittest.main()
