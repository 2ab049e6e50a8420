"""NATS keys and the tokens signed by them, made by openssl: Ed25519 keys in a base32 spelling with a checksum."""

import base64
import binascii
import json
import subprocess
import time
from pathlib import Path

PREFIXES = {"operator": 14 << 3, "account": 0, "user": 20 << 3}
SEED = 18 << 3


def _openssl(*args):
    return subprocess.run(["openssl", *map(str, args)], capture_output=True, check=True, timeout=60).stdout


def _spell(data):
    # CRC-16/XMODEM, little-endian
    data += binascii.crc_hqx(data, 0).to_bytes(2, "little")
    return base64.b32encode(data).decode().rstrip("=")


def _base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Key:
    """The key of an operator, an account or a user."""

    def __init__(self, kind, folder):
        self.kind = kind
        prefix = PREFIXES[kind]
        self._file = Path(folder) / f"{kind}-{time.monotonic_ns()}.pem"
        _openssl("genpkey", "-algorithm", "ed25519", "-out", self._file)
        # The last 32 bytes of either DER form are the key itself.
        private = _openssl("pkey", "-in", self._file, "-outform", "DER")[-32:]
        public = _openssl("pkey", "-in", self._file, "-pubout", "-outform", "DER")[-32:]
        self.public = _spell(bytes([prefix]) + public)
        self.seed = _spell(bytes([SEED | prefix >> 5, (prefix & 31) << 3]) + private)

    def sign(self, subject, nats):
        """A token (JWT) about the subject key."""
        claims = {"iat": int(time.time()), "iss": self.public, "jti": "x", "name": subject.kind,
                  "sub": subject.public, "nats": nats | {"type": subject.kind, "version": 2}}
        parts = ({"typ": "JWT", "alg": "ed25519-nkey"}, claims)
        text = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
        return f"{text}.{self.signature(text)}"

    def signature(self, text):
        """Of a token, or of a server's nonce."""
        to_sign = self._file.with_suffix(".txt")
        to_sign.write_text(text)
        return _base64url(_openssl("pkeyutl", "-sign", "-rawin", "-inkey", self._file, "-in", to_sign))


UNLIMITED = {name: -1 for name in ("subs", "data", "payload", "imports", "exports", "conn", "leaf",
                                   "mem_storage", "disk_storage", "streams", "consumer")}


class Account:
    """A new operator's only account."""

    def __init__(self, folder):
        self._folder = folder
        self._operator, self._account, self._system = (Key(kind, folder) for kind in ("operator", "account", "account"))

    def config(self, **claims):
        """A server's. `claims`: of the account, beside its limits."""
        claims |= {"limits": UNLIMITED | {"wildcards": True}, "default_permissions": {"pub": {}, "sub": {}}}
        system = {"limits": {"conn": -1, "subs": -1}}
        return (f"operator: {self._operator.sign(self._operator, {})}\nresolver: MEMORY\n"
                f"system_account: {self._system.public}\nresolver_preload: {{\n"
                f"  {self._account.public}: {self._operator.sign(self._account, claims)}\n"
                f"  {self._system.public}: {self._operator.sign(self._system, system)}\n}}")

    def sign(self, user, claims):
        return self._account.sign(user, claims)

    def user(self, name):
        """One who may do everything: the key and its credentials file."""
        user = Key("user", self._folder)
        token = self.sign(user, {"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1})
        return user, creds_file(self._folder / f"{name}.creds", token, user)


def creds_file(file, token, user):
    """What `nats --creds` and BW_CREDS read."""
    file.write_text(f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
                    f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")
    return file
