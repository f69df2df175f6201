"""Clients that people have, as they are on PyPI, ask busker serve with a token. Runs in build/clients (script/setup)."""

import asyncio
import base64
import tempfile
import unittest

import numpy
import pandas
import tritonclient.http
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

from online_models import Server, Store, make_token
from workshop import Service


class ClientsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        service = Service()
        cls.addClassCleanup(service.close)
        cls.token = make_token(service, "clients", "predict")
        store = Store(folder.name)
        cls.version = store.add(1.5)
        store.point(cls.version)
        cls.server = Server("shop/1", "--store", store.url, "--tokens", str(service.home / "tokens.json"))
        cls.addClassCleanup(cls.server.stop)
        cls.server.wait_ready()

    def triton(self):
        client = tritonclient.http.InferenceServerClient(f"127.0.0.1:{self.server.port}")
        self.addCleanup(client.close)
        return client, {"Authorization": f"Bearer {self.token}"}

    def test_triton_binary_json_and_packed(self):
        client, headers = self.triton()
        self.assertTrue(client.is_server_live(headers=headers))
        self.assertTrue(client.is_server_ready(headers=headers))
        self.assertTrue(client.is_model_ready("shop", headers=headers))
        self.assertEqual(client.get_model_metadata("shop", headers=headers)["versions"], [self.version])
        self.assertIn("binary_tensor_data", client.get_server_metadata(headers=headers)["extensions"])
        for binary in (True, False):
            for packed in (None, "gzip", "deflate"):
                for outputs in (None, [tritonclient.http.InferRequestedOutput("score", binary_data=binary)]):
                    age = tritonclient.http.InferInput("age", [3, 1], "FP32")
                    age.set_data_from_numpy(numpy.array([[20], [50], [29]], dtype=numpy.float32), binary_data=binary)
                    plan = tritonclient.http.InferInput("plan", [3], "BYTES")
                    plan.set_data_from_numpy(numpy.array(["free", "paid", "free"], dtype=object), binary_data=binary)
                    # The client writes into the headers that it is given.
                    answer = client.infer("shop", [age, plan], outputs=outputs, headers=dict(headers), request_id="7",
                                          request_compression_algorithm=packed, response_compression_algorithm=packed)
                    self.assertEqual(answer.as_numpy("score").tolist(), [1.5, -1.5, 1.5])
                    self.assertEqual(answer.get_response()["model_version"], self.version)
                    self.assertEqual(answer.get_response()["id"], "7")

    def test_triton_is_told_what_is_wrong(self):
        client, headers = self.triton()
        age = tritonclient.http.InferInput("age", [1], "FP32")
        age.set_data_from_numpy(numpy.array([20], dtype=numpy.float32))
        with self.assertRaisesRegex(tritonclient.http.InferenceServerException, 'field "plan": it is not among the inputs'):
            client.infer("shop", [age], headers=headers)

    def test_mlflow_with_the_token_as_a_password(self):
        client = ScoringServerClient(f"x:{self.token}@127.0.0.1", self.server.port)
        client.ping()
        rows = pandas.DataFrame({"plan": ["free", "paid"], "age": [20, None]})
        self.assertEqual(client.invoke(rows).get_predictions().iloc[:, 0].tolist(), [1.5, 1.5])

    def test_kserve_v1_v2_and_binary(self):
        # It was skipped, always: nothing installed the client.
        headers = {"Authorization": f"Bearer {self.token}"}

        async def ask_v1():
            async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
                self.assertTrue(await client.is_server_live(self.server.url, headers=headers))
                self.assertTrue(await client.is_model_ready(self.server.url, "shop", headers=headers))
                told = {}
                answer = await client.infer(self.server.url, {"instances": [{"age": 20, "plan": "free"}, {"age": 50, "plan": "paid"}]},
                                            model_name="shop", headers=headers, response_headers=told)
                return answer["predictions"], told["busker-version"]

        async def ask_v2(binary):
            async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
                self.assertTrue(await client.is_server_live(self.server.url, headers=headers))
                self.assertTrue(await client.is_server_ready(self.server.url, headers=headers))
                self.assertTrue(await client.is_model_ready(self.server.url, "shop", headers=headers))
                age = InferInput("age", [2], "FP32")
                age.set_data_from_numpy(numpy.array([20, 50], dtype=numpy.float32), binary_data=binary)
                plan = InferInput("plan", [2], "BYTES")
                plan.set_data_from_numpy(numpy.array([b"free", b"paid"], dtype=object), binary_data=binary)
                asked = InferRequest("shop", [age, plan], request_id="7",
                                     request_outputs=[RequestedOutput("score", parameters={"binary_data": binary})])
                told = {}  # the client does not read the version that the body has
                answer = await client.infer(self.server.url, asked, model_name="shop", headers=dict(headers), response_headers=told)
                self.assertEqual((answer.id, told["busker-version"]), ("7", self.version))
                return answer.outputs[0].as_numpy().tolist()

        self.assertEqual(asyncio.run(ask_v1()), ([1.5, -1.5], self.version))
        for binary in (True, False):
            self.assertEqual(asyncio.run(ask_v2(binary)), [1.5, -1.5])

    def test_the_token_is_needed(self):
        client, _ = self.triton()
        wrong = base64.b64encode(b"x:" + b"0" * 64).decode()
        for headers in ({}, {"Authorization": f"Basic {wrong}"}):
            with self.assertRaisesRegex(tritonclient.http.InferenceServerException, "show a token"):
                client.get_model_metadata("shop", headers=headers)


if __name__ == "__main__":
    unittest.main()
