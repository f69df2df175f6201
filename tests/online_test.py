"""Predictions over HTTP from the live version, of the real busker serve."""

import json
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from online_models import Server, Store, ask, basic, make_token, training
from workshop import BUSKER, Service, free_port, wait_until

ROWS = {"instances": [{"age": 20, "plan": "free"}, {"age": 50, "plan": "paid"}]}


class OnlineTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.store = Store(folder.name)

    def serve(self, *words, **options):
        server = Server("shop/1", "--store", self.store.url, *words, **options)
        self.addCleanup(server.stop)
        return server

    def test_the_live_version_answers_and_the_next_one_is_followed(self):
        first = self.store.add(1.5)
        server = self.serve("--without-tokens")
        wait_until(lambda: any("no version is live yet" in line for line in server.lines), "what is missing is told")
        status, _, body = server.predict(ROWS)
        self.assertEqual((status, body["error"]), (503, "no version of shop is live yet; busker promote makes one live"))
        self.assertEqual(server.ask("/v2/health/ready")[0], 503)
        self.store.point(first)
        server.wait_ready()
        status, headers, body = server.predict(ROWS)
        self.assertEqual((status, body["predictions"]), (200, [1.5, -1.5]))
        self.assertEqual((headers["Busker-Version"], body["model_version"]), (first, first))
        second = self.store.add(2.5)
        self.store.point(second)
        wait_until(lambda: server.predict(ROWS)[2]["predictions"] == [2.5, -2.5], "the next one", 10)

    def test_a_version_whose_sample_comes_out_wrong_is_not_asked(self):
        good = self.store.add(1)
        self.store.point(good)
        server = self.serve("--without-tokens")
        server.wait_ready()
        for spoil, told in (("sample", "instance 2"), ("torn", "model.json"), ("changed", "model.json"),
                            ("signature", "aeg")):
            bad = self.store.add(2, spoil=spoil)
            self.store.point(bad)
            wait_until(lambda: any(bad in line and told in line for line in server.lines), f"{spoil}: {server.lines}")
            self.assertEqual(server.predict(ROWS)[2]["predictions"], [1, -1])
            page = server.ask("/metrics")[2].decode()
            behind = next(line for line in page.splitlines() if line.startswith("busker_serving_behind_seconds{"))
            self.assertGreater(float(behind.split()[1]), 0)
        self.store.point(good)
        wait_until(lambda: 'behind_seconds{service="shop"} 0\n' in server.ask("/metrics")[2].decode(), "it is the live one")

    def test_an_end_is_seen_by_balancers_first_and_answers_what_it_has(self):
        self.store.point(self.store.add(1))
        server = self.serve("--without-tokens")
        server.wait_ready()
        slow = socket.create_connection(("127.0.0.1", server.port))
        self.addCleanup(slow.close)
        body = json.dumps(ROWS).encode()
        head = f"POST /v1/models/shop:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        slow.sendall(head + body[:10])
        server.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        wait_until(lambda: server.ask("/ping")[0] == 503, "nothing is ready at once", 3)
        self.assertEqual(server.predict(ROWS)[0], 200)  # and all goes on
        time.sleep(5)
        slow.sendall(body[10:])
        answer = slow.recv(4096)
        self.assertIn(b"HTTP/1.1 200", answer)
        self.assertIn(b"Connection: close", answer)
        self.assertEqual(server.process.wait(timeout=20), 0)
        self.assertGreater(time.monotonic() - begun, 4.5)

    def test_tokens_are_those_of_the_home(self):
        service = Service()
        self.addCleanup(service.close)
        token, wrong = make_token(service, "web", "predict"), make_token(service, "eve", "viewer")
        self.store.point(self.store.add(1))
        server = self.serve("--tokens", str(service.home / "tokens.json"))
        server.wait_ready()
        self.assertEqual(server.predict(ROWS)[0], 401)
        self.assertEqual(server.predict(ROWS, {"Authorization": f"Bearer {token}"})[0], 200)
        self.assertEqual(server.predict(ROWS, basic(token))[0], 200)
        self.assertEqual(server.predict(ROWS, {"Authorization": f"Bearer {wrong}"})[0], 403)

    def test_the_contracts_of_vertex_ai_and_sagemaker(self):
        # As the platforms start and ask a container: everything by its environment.
        self.store.point(self.store.add(1))
        environment = {"BUSKER_SERVE_MODEL": "shop/1", "BUSKER_SERVE_STORE": self.store.url,
                       "BUSKER_SERVE_WITHOUT_TOKENS": "1", "AIP_HEALTH_ROUTE": "/v1/endpoints/7/deployedModels/9",
                       "AIP_PREDICT_ROUTE": "/v1/endpoints/7/deployedModels/9:predict"}
        server = Server(environment=environment, cwd="/")
        self.addCleanup(server.stop)
        server.wait_ready()
        self.assertEqual(server.ask(environment["AIP_HEALTH_ROUTE"])[0], 200)
        asked = json.dumps({**ROWS, "parameters": {}}).encode()
        status, _, body = server.ask(environment["AIP_PREDICT_ROUTE"], asked, {"Content-Type": "application/json"})
        self.assertEqual((status, body["predictions"]), (200, [1, -1]))
        status, _, body = server.ask("/invocations", b"age,plan\n20,free\n", {"Content-Type": "text/csv"})
        self.assertEqual((status, body), (200, {"predictions": [1]}))
        status, headers, body = server.ask("/invocations", b"age,plan\n20,free\n",
                                           {"Content-Type": "text/csv", "Accept": "text/csv"})
        self.assertEqual((status, headers.get_content_type(), body), (200, "text/csv", b"score\n1\n"))

    def test_busker_up_answers_for_its_services_where_it_is_told_to(self):
        service = Service(training=training(1.5))
        self.addCleanup(service.close)
        service.must("run", "training")
        token = {"Authorization": f"Bearer {make_token(service, 'web', 'predict')}"}
        viewer = {"Authorization": f"Bearer {make_token(service, 'ada', 'viewer')}"}
        port = free_port()
        service.write(".busker/daemon.toml", f'[serving]\nlisten = "127.0.0.1:{port}"\n')
        up = service.start("up")
        self.addCleanup(up.stdout.close)
        self.addCleanup(up.wait)
        self.addCleanup(up.kill)
        said = []
        while not any(line.startswith("predictions:") for line in said):
            said.append(up.stdout.readline())
            self.assertNotEqual(said[-1], "", said)
        dashboard = next(line.split()[1] for line in said if line.startswith("dashboard:"))
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: ask(url + "/ping")[0] == 200, "ready")
        predict = lambda: ask(f"{url}/v1/models/shop:predict", json.dumps(ROWS).encode(), token)  # noqa: E731
        self.assertEqual(predict()[2]["predictions"], [1.5, -1.5])
        self.assertIn('busker_predictions_total{service="shop"} 1\n', ask(f"{dashboard}/metrics", None, viewer)[2].decode())
        service.write("configs/training.sh", training(2.5))
        service.must("run", "training")
        wait_until(lambda: predict()[2]["predictions"] == [2.5, -2.5], "the next version")
        up.send_signal(signal.SIGTERM)
        wait_until(lambda: ask(url + "/ping")[0] == 503, "balancers see the end")
        self.assertEqual(predict()[0], 200)
        self.assertEqual(up.wait(timeout=30), 0)

    def test_what_cannot_be_served_is_told_with_what_to_do(self):
        for words, told in ((["shop", "--store", self.store.url], "NAME/VERSION"),
                            (["shop/1", "--store", self.store.url], "--tokens"),
                            (["shop/1"], "--store"),
                            (["shop/1", "--store", self.store.url, "--without-tokens", "--address", "0.0.0.0"],
                             "no certificate")):
            done = subprocess.run([BUSKER, "serve", *words], capture_output=True, text=True, cwd="/", timeout=60)
            self.assertIn(told, done.stderr)
            self.assertIn(done.returncode, (2, 78))


if __name__ == "__main__":
    unittest.main()
