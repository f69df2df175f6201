"""Rows by key, with the real busker: from a run to an answer over HTTP."""

import json
import threading
import unittest

from online_models import Server, make_token
from workshop import Service, wait_until

SERVICE_FILE = """
name = "shop"
version = "1"

[model]
command = "./model.sh ${ACTION}"

[actions.application]
input = "none"

[actions.application.deliver."predictions.csv"]
table = "shop.predictions"
key = ["player_id"]
"""

APPLICATION = """
printf 'player_id,day,score\\n001,%s,0.5\\n002,%s,1\\n' "$BUSKER_DATE" "$BUSKER_DATE" > output/predictions.csv
"""

ROWS = "/v1/tables/shop.predictions/rows"


class RowsTest(unittest.TestCase):
    def setUp(self):
        self.service = Service(SERVICE_FILE, application=APPLICATION)
        self.addCleanup(self.service.close)

    def run_for(self, date, ends=0):
        done = self.service.busker("run", "application", "--date", date, "--force")
        self.assertEqual(done.returncode, ends, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def delivered(self):
        """The newest delivery's id."""
        return self.service.facts("deliveries")[-1]["id"]

    def serve(self, *words):
        server = Server("-C", str(self.service.folder), *words)
        self.addCleanup(server.stop)
        return server

    def test_a_row_is_answered_from_the_next_delivery_and_from_the_one_before_after_an_undo(self):
        server = self.serve("--without-tokens")
        self.assertEqual(server.ask(ROWS + "?player_id=001")[0], 404)
        self.run_for("2026-11-01")
        status, _, body = server.ask(ROWS + "?player_id=001")
        self.assertEqual((status, body["rows"]), (200, [{"player_id": "001", "day": "2026-11-01", "score": 0.5}]))
        self.assertEqual((body["data_date"], body["delivery"]), ("2026-11-01", self.delivered()))
        self.run_for("2026-11-02")
        self.assertEqual(server.ask(ROWS + "?player_id=001")[2]["rows"][0]["day"], "2026-11-02")
        self.service.must("undo", self.delivered())
        self.assertEqual(server.ask(ROWS + "?player_id=001")[2]["rows"][0]["day"], "2026-11-01")
        status, _, body = server.ask(ROWS, json.dumps({"keys": [{"player_id": "002"}, {"player_id": "2"}]}).encode())
        self.assertEqual(status, 200)
        self.assertEqual([[row["score"] for row in result["rows"]] for result in body["results"]], [[1], []])
        status, _, body = server.ask(ROWS + "?id=001")
        self.assertEqual(status, 400)
        self.assertIn("the key of table shop.predictions is player_id (STRING)", body["error"])

    def test_only_a_token_for_predictions_of_the_service_opens_the_table(self):
        self.run_for("2026-11-01")
        server = self.serve()
        self.assertEqual(server.ask(ROWS + "?player_id=001")[0], 401)
        token = make_token(self.service, "site", "predict")
        bearer = {"Authorization": f"Bearer {token}"}
        self.assertEqual(server.ask(ROWS + "?player_id=001", headers=bearer)[0], 200)

    def test_a_key_that_is_there_twice_fails_the_run_and_leaves_the_table(self):
        self.run_for("2026-11-01")
        self.service.write("configs/application.sh",
                           "printf 'player_id,score\\n001,1\\n002,1\\n001,2\\n' > output/predictions.csv\n")
        self.assertIn('rows 1 and 3 have the same key, player_id = "001"', self.run_for("2026-11-02", ends=1))
        self.assertEqual(self.service.rows(), 2)

    def test_fsck_makes_a_lost_index_anew(self):
        self.run_for("2026-11-01")
        index = next((self.service.home / "warehouse/shop/predictions/parts").glob("*.rows"))
        whole = index.read_bytes()
        index.unlink()
        server = self.serve("--without-tokens")
        status, _, body = server.ask(ROWS + "?player_id=001")
        self.assertEqual((status, body["error"]), (
            503, "table shop.predictions is damaged; busker fsck says where, and mends what it can"))
        self.assertIn("it was made anew from its part", "".join(self.service.busker("fsck").stdout))
        self.assertEqual(index.read_bytes(), whole)
        wait_until(lambda: server.ask(ROWS + "?player_id=001")[0] == 200, "it is read again")

    def test_no_answer_is_of_two_deliveries_while_runs_deliver(self):
        self.run_for("2026-11-01")
        server = self.serve("--without-tokens", "--threads", "2")
        ended, faults, count = threading.Event(), [], [0]
        body = json.dumps({"keys": [{"player_id": "001"}, {"player_id": "002"}] * 50}).encode()

        def ask():
            while not ended.is_set():
                status, _, answer = server.ask(ROWS, body)
                days = {result["rows"][0]["day"] for result in answer.get("results", [])}
                if status != 200 or len(days) != 1:
                    faults.append((status, days))
                count[0] += 1

        asking = [threading.Thread(target=ask) for _ in range(2)]
        for thread in asking:
            thread.start()
        for day in range(2, 7):
            self.run_for(f"2026-11-{day:02}")
        ended.set()
        for thread in asking:
            thread.join(timeout=60)
        self.assertEqual(faults, [])
        self.assertGreater(count[0], 20)


if __name__ == "__main__":
    unittest.main()
