"""The server's half of NTLM for DCE/RPC: challenge, check the answer, sign and seal.

[MS-NLMP] 3.2 and 3.4 with NTLMv2 and extended session security only. impacket has the client's
half; the key derivations are taken from it, the exchange is not in it.
"""

import hmac
import os
import struct
import time

from Cryptodome.Cipher import ARC4
from impacket import ntlm

CHALLENGE_FLAGS = (
    ntlm.NTLMSSP_NEGOTIATE_UNICODE | ntlm.NTLMSSP_REQUEST_TARGET | ntlm.NTLMSSP_NEGOTIATE_SIGN |
    ntlm.NTLMSSP_NEGOTIATE_SEAL | ntlm.NTLMSSP_NEGOTIATE_NTLM | ntlm.NTLMSSP_NEGOTIATE_ALWAYS_SIGN |
    ntlm.NTLMSSP_TARGET_TYPE_SERVER | ntlm.NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY |
    ntlm.NTLMSSP_NEGOTIATE_TARGET_INFO | ntlm.NTLMSSP_NEGOTIATE_VERSION |
    ntlm.NTLMSSP_NEGOTIATE_128 | ntlm.NTLMSSP_NEGOTIATE_KEY_EXCH | ntlm.NTLMSSP_NEGOTIATE_56)


class AccessDenied(Exception):
    """The AUTHENTICATE message does not prove knowledge of the password."""


class Direction:
    """Signing and sealing state of one direction of a connection ([MS-NLMP] 3.4)."""

    def __init__(self, flags, key, mode):
        self.signing_key = ntlm.SIGNKEY(flags, key, mode)
        self.cipher = ARC4.new(ntlm.SEALKEY(flags, key, mode))
        self.sequence = 0

    def crypt(self, data):
        return self.cipher.encrypt(data)

    def signature(self, message):
        """16 bytes over `message`; takes 8 bytes of key stream, so call after crypt()."""
        number = struct.pack("<I", self.sequence)
        digest = hmac.new(self.signing_key, number + message, "md5").digest()[:8]
        self.sequence += 1
        return struct.pack("<I", 1) + self.cipher.encrypt(digest) + number


class Acceptor:
    """One NTLM exchange. `accounts` maps an upper-case user name to its password."""

    def __init__(self, computer, domain, accounts):
        self.computer, self.domain, self.accounts = computer, domain, accounts
        self.server_challenge = os.urandom(8)
        self.user = None
        self.to_client = self.from_client = None

    def challenge(self):
        """The CHALLENGE message ([MS-NLMP] 2.2.1.2)."""
        pairs = ntlm.AV_PAIRS()
        pairs[ntlm.NTLMSSP_AV_DOMAINNAME] = self.domain.encode("utf-16le")
        pairs[ntlm.NTLMSSP_AV_HOSTNAME] = self.computer.encode("utf-16le")
        pairs[ntlm.NTLMSSP_AV_TIME] = struct.pack(
            "<Q", int((time.time() + 11644473600) * 10_000_000))
        info = pairs.getData()
        name = self.domain.encode("utf-16le")
        version = bytes([10, 0]) + struct.pack("<H", 17763) + bytes([0, 0, 0, 15])
        return (b"NTLMSSP\0" + struct.pack("<IHHI", 2, len(name), len(name), 56) +
                struct.pack("<I", CHALLENGE_FLAGS) + self.server_challenge + bytes(8) +
                struct.pack("<HHI", len(info), len(info), 56 + len(name)) + version + name + info)

    def authenticate(self, message):
        """Checks the AUTHENTICATE message ([MS-NLMP] 2.2.1.3) and derives the keys."""
        def field(at):
            length, _, offset = struct.unpack_from("<HHI", message, at)
            return message[offset:offset + length]
        answer, domain, user = field(20), field(28).decode("utf-16le"), field(36).decode("utf-16le")
        flags = struct.unpack_from("<I", message, 60)[0]
        password = self.accounts.get(user.upper())
        if password is None or len(answer) <= 24:
            raise AccessDenied(user)
        response_key = ntlm.NTOWFv2(user, password, domain)
        proof = hmac.new(response_key, self.server_challenge + answer[16:], "md5").digest()
        if proof != answer[:16]:
            raise AccessDenied(user)
        key = hmac.new(response_key, proof, "md5").digest()
        if flags & ntlm.NTLMSSP_NEGOTIATE_KEY_EXCH:
            key = ARC4.new(key).decrypt(field(52))
        self.user = f"{domain}\\{user}"
        self.from_client = Direction(flags, key, "Client")
        self.to_client = Direction(flags, key, "Server")
