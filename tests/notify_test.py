"""What docs/notifications.md gives a receiver to check a signature with does check it."""

import base64
import pathlib
import re
import subprocess
import unittest

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "notifications.md"

# The same as in src/notify/webhook_test.cc, where the signer of the program is held to it.
KEY = bytes(range(24))
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
ID, TIME, BODY = "failed-1", 1564642805, b'{"key":"failed-1"}'
SIGNATURE = "v1,6XmANpGkhxjb1soouDigKhdjokcwTs5g8b2EfDbNBto="


def checker():
    """is_from_busker as the page has it."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 1
    names = {}
    exec(blocks[0], names)  # pylint: disable=exec-used
    return names["is_from_busker"]


def signature_by_openssl(key, text):
    digest = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:" + key.hex(), "-binary"],
        input=text, capture_output=True, check=True, timeout=20).stdout
    return "v1," + base64.b64encode(digest).decode()


class CheckingExample(unittest.TestCase):

    def setUp(self):
        self.check = checker()
        self.headers = {"webhook-id": ID, "webhook-timestamp": str(TIME), "webhook-signature": SIGNATURE}

    def test_the_vector_is_what_openssl_makes_of_it(self):
        self.assertEqual(SIGNATURE, signature_by_openssl(KEY, f"{ID}.{TIME}.".encode() + BODY))

    def test_accepts_a_signature_of_busker(self):
        self.assertTrue(self.check(SECRET, self.headers, BODY, now=TIME + 299))

    def test_accepts_one_good_signature_among_several(self):
        self.headers["webhook-signature"] = "v1,AAAA " + SIGNATURE
        self.assertTrue(self.check(SECRET, self.headers, BODY, now=TIME))

    def test_accepts_a_secret_that_is_used_as_it_stands(self):
        self.headers["webhook-signature"] = signature_by_openssl(b"abc", f"{ID}.{TIME}.".encode() + BODY)
        self.assertTrue(self.check("abc", self.headers, BODY, now=TIME))

    def test_refuses_what_was_changed(self):
        self.assertFalse(self.check(SECRET, self.headers, BODY + b" ", now=TIME))
        self.assertFalse(self.check(SECRET, dict(self.headers, **{"webhook-id": "other"}), BODY, now=TIME))
        self.assertFalse(self.check("another", self.headers, BODY, now=TIME))
        later = dict(self.headers, **{"webhook-timestamp": str(TIME + 1)})
        self.assertFalse(self.check(SECRET, later, BODY, now=TIME))

    def test_refuses_what_is_old_or_from_the_future(self):
        self.assertFalse(self.check(SECRET, self.headers, BODY, now=TIME + 301))
        self.assertFalse(self.check(SECRET, self.headers, BODY, now=TIME - 301))
        self.assertFalse(self.check(SECRET, self.headers, BODY))

    def test_refuses_what_lacks_a_header(self):
        for name in self.headers:
            fewer = {key: value for key, value in self.headers.items() if key != name}
            self.assertFalse(self.check(SECRET, fewer, BODY, now=TIME), name)


if __name__ == "__main__":
    unittest.main()
