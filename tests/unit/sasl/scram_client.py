"""A client of SCRAM-SHA-256 written from RFC 5802 and RFC 7677, sharing no line with the server."""

import base64
import hashlib
import hmac


def _hmac(key, octets):
    return hmac.new(key, octets, hashlib.sha256).digest()


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


class ScramClient:
    def __init__(self, user, password, nonce="rOprNGfwEbeRWgbNEkqO", gs2="n,,"):
        self.password, self.gs2, self.nonce = password.encode(), gs2, nonce
        self.bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
        self.signature = b""

    def first(self):
        return (self.gs2 + self.bare).encode()

    def final(self, server_first, *, nonce=None):
        parts = dict(part.split("=", 1) for part in server_first.decode().split(","))
        assert parts["r"].startswith(self.nonce), "RFC 5802 5.1: the client must see its own nonce"
        salt = base64.b64decode(parts["s"], validate=True)
        salted = hashlib.pbkdf2_hmac("sha256", self.password, salt, int(parts["i"]))
        client_key = _hmac(salted, b"Client Key")
        channel = base64.b64encode(self.gs2.encode()).decode()
        bare = f"c={channel},r={nonce or parts['r']}"
        signed = f"{self.bare},{server_first.decode()},{bare}".encode()
        proof = _xor(client_key, _hmac(hashlib.sha256(client_key).digest(), signed))
        self.signature = _hmac(_hmac(salted, b"Server Key"), signed)
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()

    def trusts(self, server_final):
        """RFC 5802 5: the client authenticates the server too."""
        return server_final == b"v=" + base64.b64encode(self.signature)
