"""The permissions of docs/security.md, and every way to be one of its roles."""

import re

from .certificates import Certificates
from .nkeys import Account, Key, creds_file
from .server import SOURCE_DIR

ROLES = ("worker", "sender", "setup", "status", "reader", "operations")


def documented():
    """The block of the server's configuration."""
    return (SOURCE_DIR / "docs/security.md").read_text().split("\n```\n")[1]


def entries(role, block=None):
    """What the block says of a role: [(publish, allow, subject), …]."""
    found = []
    for line in re.search(rf"^{role.upper()} {{.*?^}}", block or documented(), re.S | re.M)[0].splitlines():
        line = line.split("#")[0]
        for word in re.findall(r'"([^"]+)"|\b(publish|subscribe|allow|deny)\b', line):
            subject, keyword = word
            if keyword in ("publish", "subscribe"):
                direction, what = keyword, "allow"
            elif keyword:
                what = keyword
            else:
                found.append((direction, what, subject))
    return found


def without(role, subject):
    """The block, with another subject in the place of this one."""
    def change(section):
        assert f'"{subject}"' in section[0]
        return section[0].replace(f'"{subject}"', '"nothing"')

    return re.sub(rf"^{role.upper()} {{.*?^}}", change, documented(), flags=re.S | re.M)


def _user(role):
    return f'user: "{role}", password: "change me"'


def _inbox(role):
    return {"sender": "_INBOX", "reader": "_INBOX.reader"}.get(role, "_INBOX.bw")


class Password:
    """As in the docs."""

    def __init__(self, _folder):
        pass

    def config(self, block):
        return block

    def others(self, block):
        """A configuration that knows none of us any more."""
        return block.replace('"change me"', '"changed"')

    def settings(self, role, server):
        return {"NATS_URL": f"nats://{role}:change%20me@127.0.0.1:{server.port}"}

    def connect(self, role, server):
        return server.connect(f"{role}:change%20me@", inbox=_inbox(role))


class Nkey:
    def __init__(self, folder):
        self.folder = folder
        self.keys = {role: Key("user", folder) for role in ROLES}

    def config(self, block):
        for role, key in self.keys.items():
            assert _user(role) in block
            block = block.replace(_user(role), f"nkey: {key.public}")
        return block

    def others(self, block):
        return Nkey(self.folder).config(block)

    def settings(self, role, server):
        file = self.folder / f"{role}.nk"
        file.write_text(self.keys[role].seed + "\n")
        return {"NATS_URL": server.url, "BW_NKEY": file}

    def connect(self, role, server):
        key = self.keys[role]
        login = lambda nonce: {"nkey": key.public, "sig": key.signature(nonce)}
        return server.connect(login=login, inbox=_inbox(role))


class Certificate:
    def __init__(self, folder):
        self.certificates = Certificates(folder)

    def config(self, block):
        for role in ROLES:
            assert _user(role) in block
            block = block.replace(_user(role), f'user: "CN={role}"')
        return block + "\n" + self.certificates.server_config(more=", verify_and_map: true")

    def others(self, block):
        return self.config(block).replace('"CN=', '"CN=other-')

    def settings(self, role, server):
        return {"NATS_URL": f"tls://127.0.0.1:{server.port}", "BW_TLS_CA": self.certificates("ca.pem"),
                "BW_TLS_CERT": self.certificates(f"{role}.pem"), "BW_TLS_KEY": self.certificates(f"{role}.key")}

    def connect(self, role, server):
        return server.connect(tls=self.certificates.context(role), inbox=_inbox(role))


class CredentialsFile:
    """The lists of the block in the users' tokens."""

    def __init__(self, folder):
        self.folder = folder
        self.account = Account(folder)
        self.server_config = self.account.config()
        self.users = {role: Key("user", folder) for role in ROLES}

    def config(self, block):
        self.tokens = {role: self.account.sign(user, self._claims(role, block))
                       for role, user in self.users.items()}
        return self.server_config

    def _claims(self, role, block):
        claims = {"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1}
        for direction, what, subject in entries(role, block):
            claims[direction[:3]].setdefault(what, []).append(subject)
        return claims

    def others(self, _block):
        return Account(self.folder).config()

    def settings(self, role, server):
        file = creds_file(self.folder / f"{role}.creds", self.tokens[role], self.users[role])
        return {"NATS_URL": server.url, "BW_CREDS": file}

    def connect(self, role, server):
        login = lambda nonce: {"jwt": self.tokens[role], "sig": self.users[role].signature(nonce)}
        return server.connect(login=login, inbox=_inbox(role))


KINDS = (Password, Nkey, Certificate, CredentialsFile)
