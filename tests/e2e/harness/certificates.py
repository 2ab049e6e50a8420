"""Certificates for servers and clients, made by openssl."""

import ssl
import subprocess

CLIENTS = ("worker", "sender", "setup", "status", "reader", "operations", "stranger")


class Certificates:
    """Two authorities; a server's certificates and the clients' from the first."""

    def __init__(self, folder):
        self.folder = folder
        for authority in ("ca", "other-ca"):
            self._make(authority, "-addext", "keyUsage=keyCertSign")
        for name, host in (("server", "DNS:localhost,IP:127.0.0.1"), ("elsewhere", "DNS:elsewhere.example"),
                           *((client, f"DNS:{client}.example") for client in CLIENTS)):
            self._make(name, "-CA", self("ca.pem"), "-CAkey", self("ca.key"),
                       "-addext", f"subjectAltName={host}", "-addext", "basicConstraints=critical,CA:FALSE")

    def __call__(self, name):
        return self.folder / name

    def _make(self, name, *more):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", self(f"{name}.key"),
                        "-out", self(f"{name}.pem"), *more], check=True, capture_output=True, timeout=60)

    def server_config(self, name="server", more=""):
        return (f'tls {{ cert_file: "{self(name + ".pem")}", key_file: "{self(name + ".key")}", '
                f'ca_file: "{self("ca.pem")}" {more} }}')

    def context(self, client="worker"):
        """For the test's own connection."""
        context = ssl.create_default_context(cafile=self("ca.pem"))
        context.check_hostname = False
        context.load_cert_chain(self(f"{client}.pem"), self(f"{client}.key"))
        return context
