"""Secrets sealed for a machine elsewhere as attempt/sealed_secrets.h has it, written a second time: X25519, HKDF with SHA-256 (RFC
5869) and AES-256-GCM, of OpenSSL's library."""

import ctypes
import ctypes.util
import hashlib
import hmac
import json
import os

PURPOSE = b"busker: secrets of an attempt, format 1"
X25519 = 1034  # NID_X25519
GET_TAG = 0x10  # EVP_CTRL_AEAD_GET_TAG

crypto = ctypes.CDLL("libcrypto.so.3")
for name in ("EVP_PKEY_new_raw_private_key", "EVP_PKEY_new_raw_public_key", "EVP_PKEY_CTX_new", "EVP_CIPHER_CTX_new", "EVP_aes_256_gcm"):
    getattr(crypto, name).restype = ctypes.c_void_p


def done(result):
    assert result == 1, "libcrypto says no"


def key_of(kind, data):
    key = getattr(crypto, f"EVP_PKEY_new_raw_{kind}_key")(X25519, None, data, ctypes.c_size_t(len(data)))
    assert key, "no key of X25519"
    return ctypes.c_void_p(key)


def shared(own, other):
    context = ctypes.c_void_p(crypto.EVP_PKEY_CTX_new(own, None))
    done(crypto.EVP_PKEY_derive_init(context))
    done(crypto.EVP_PKEY_derive_set_peer(context, other))
    size, secret = ctypes.c_size_t(32), ctypes.create_string_buffer(32)
    done(crypto.EVP_PKEY_derive(context, secret, ctypes.byref(size)))
    return secret.raw


def hkdf(secret, salt, info):
    key = hmac.digest(salt, secret, hashlib.sha256)
    return hmac.digest(key, info + b"\x01", hashlib.sha256)


def encrypted(key, nonce, text, known):
    """(the text, the tag)"""
    context, count = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new()), ctypes.c_int()
    to, tag = ctypes.create_string_buffer(len(text) + 16), ctypes.create_string_buffer(16)
    done(crypto.EVP_EncryptInit_ex(context, ctypes.c_void_p(crypto.EVP_aes_256_gcm()), None, key, nonce))
    done(crypto.EVP_EncryptUpdate(context, None, ctypes.byref(count), known, len(known)))
    done(crypto.EVP_EncryptUpdate(context, to, ctypes.byref(count), text, len(text)))
    done(crypto.EVP_EncryptFinal_ex(context, tag, ctypes.byref(count)))
    done(crypto.EVP_CIPHER_CTX_ctrl(context, GET_TAG, 16, tag))
    return to.raw[:len(text)], tag.raw


def sealed(values, public_key, name):
    """`name`: HOME/RUN/TASK.NUMBER."""
    to = bytes.fromhex(public_key)
    own = key_of("private", os.urandom(32))
    public, size = ctypes.create_string_buffer(32), ctypes.c_size_t(32)
    done(crypto.EVP_PKEY_get_raw_public_key(own, public, ctypes.byref(size)))
    key = hkdf(shared(own, key_of("public", to)), public.raw + to, PURPOSE)
    packed = b"values\n" + b"".join(f"{len(value.encode())}\n".encode() + value.encode() for value in values)
    nonce = os.urandom(12)
    text, tag = encrypted(key, nonce, packed, PURPOSE + b"\n" + name.encode())
    return json.dumps({"public_key": public.raw.hex(), "nonce": nonce.hex(), "tag": tag.hex(), "text": text.hex()})
