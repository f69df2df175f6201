"""busker serve follows the live pointer in a bucket of Cloud Storage, for which the strict stand-in of tests/cloud stands in: as a
server that runs beside who asks, far from where models are trained."""

import unittest

import online_models
from online_models import Server, files_of, spoiled, training
from service_in_bucket import ServiceInBucket
from workshop import wait_until

ROWS = {"instances": [{"age": 20, "plan": "free"}, {"age": 50, "plan": "paid"}]}
TARGET = '\n[targets.cloud]\nartifacts = "gs://bucket/models"\n'


class OnlineBucketTest(ServiceInBucket):
    def setUp(self):
        super().setUp()
        self.service.write("busker.toml", online_models.SERVICE_FILE + TARGET)

    def train(self, script):
        self.service.write("configs/training.sh", script)
        self.run_at("run", "training")
        return self.facts_at("models")[-1]["version"]

    def serve(self):
        server = Server("shop/1", "--store", "gs://bucket/models", "--without-tokens", cwd="/")
        self.addCleanup(server.stop)
        return server

    def answers(self, server, version, number):
        """Waits until the version answers; each answer before that is whole, too."""
        def is_it():
            status, headers, body = server.predict(ROWS)
            self.assertEqual(status, 200)
            self.assertEqual(body["model_version"], headers["Busker-Version"])
            return headers["Busker-Version"] == version and body["predictions"] == [number, -number]

        wait_until(is_it, f"{version} answers; it said {server.lines}")

    def test_what_is_live_in_the_bucket_answers_and_the_next_version_is_followed(self):
        server = self.serve()
        wait_until(lambda: any("no version is live yet" in line for line in server.lines), "nothing is live yet")
        first = self.train(training(1.5))
        server.wait_ready(60)
        self.answers(server, first, 1.5)
        second = self.train(training(2.5))
        self.answers(server, second, 2.5)
        self.run_at("rollback")
        self.answers(server, first, 1.5)

    def test_a_version_that_comes_out_otherwise_leaves_the_one_before_answering(self):
        first = self.train(training(1.5))
        server = self.serve()
        server.wait_ready(60)
        bad = self.train("echo '{\"auc\": 0.8}' > output/metrics.json\n" + "".join(
            f"cat > output/{name} <<'END'\n{text}\nEND\n" for name, text in spoiled(files_of(9), "sample").items()))
        self.run_at("promote", bad, "--unchecked")
        wait_until(lambda: any(bad in line and "instance 2" in line for line in server.lines), "it is refused, and why is told")
        self.answers(server, first, 1.5)

    def test_a_bucket_that_is_away_stops_nothing_and_is_followed_again(self):
        first = self.train(training(1.5))
        server = self.serve()
        server.wait_ready(60)
        self.cloud.misbehave("answer", "GET /storage/", -1, status=503)
        wait_until(lambda: any("the live pointer cannot be read" in line for line in server.lines), "that it is away is told", 120)
        self.answers(server, first, 1.5)
        self.cloud.behave()
        self.answers(server, self.train(training(2.5)), 2.5)
        # Half of a model is no model: it is tried again.
        self.cloud.misbehave("cut_answer", "model.json", 2)
        self.answers(server, self.train(training(3.5)), 3.5)


if __name__ == "__main__":
    unittest.main()
