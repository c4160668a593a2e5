"""A DCE/RPC server over a byte stream: binds, NTLM, fragments, faults ([C706] 12, [MS-RPCE]).

Serves a table {(uuid, major version): {opnum: function(Call) -> stub}} to any number of
connections, TCP clients and the named pipes of smb_server.py alike. Little-endian NDR only.
"""

import logging
import socket
import struct
import threading
import time
import typing
import uuid

import ntlm_acceptor

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, ALTER, ALTER_ACK, AUTH3 = 0, 2, 3, 11, 12, 14, 15, 16
FIRST, LAST = 1, 2
NDR = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860").bytes_le + struct.pack("<I", 2)
FEATURES = uuid.UUID("6cb71c2c-9812-4540-0300-000000000000").bytes_le[:8]
LEVEL_INTEGRITY, LEVEL_PRIVACY = 5, 6
MAX_FRAGMENT = 4280

# Fault status codes ([MS-RPCE] 2.2.2.3, [C706] appendix E).
OPNUM_RANGE, ACCESS_DENIED, BAD_STUB = 0x1C010002, 0x00000005, 0x000006F7


class Fault(Exception):
    """Raised by a procedure to answer with a fault instead of a response."""

    def __init__(self, status):
        super().__init__(f"0x{status:08x}")
        self.status = status


class Call(typing.NamedTuple):
    """What a procedure is given."""
    stub: bytes
    object: bytes = bytes(16)  # The object UUID: DCOM's IPID.
    level: int = 0  # Authentication level of the context the call came in.
    address: str = ""  # Of the server, as the client reached it.


class Connection:
    """One client's association: presentation contexts, security, one request at a time."""

    def __init__(self, stream, interfaces, new_acceptor):
        self.stream, self.interfaces = stream, interfaces
        self.new_acceptor = new_acceptor
        self.contexts = {}
        # A client may negotiate security anew in each alter_context, under an id of its own.
        self.securities = {}  # security context id: (acceptor, (type, level, id))
        self.acceptor = None
        self.auth = None  # (type, level, context id) of the security of the PDU at hand
        self.stub = b""
        self.is_pipe = stream.getpeername()[0] == "127.0.0.1"

    def receive(self, count):
        data = b""
        while len(data) < count:
            more = self.stream.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def serve(self):
        try:
            while True:
                header = self.receive(16)
                length = struct.unpack_from("<H", header, 8)[0]
                self.handle(header + self.receive(length - 16))
        except (EOFError, ConnectionError):
            pass
        finally:
            self.stream.close()

    def handle(self, pdu):
        kind, flags = pdu[2], pdu[3]
        auth_length, call_id = struct.unpack_from("<HI", pdu, 10)
        trailer = token = b""
        if auth_length:
            trailer, token = pdu[-auth_length - 8:-auth_length], pdu[-auth_length:]
        if trailer and trailer[4:8] in self.securities:
            self.acceptor, self.auth = self.securities[trailer[4:8]]
        if kind in (BIND, ALTER):
            self.bind(kind, pdu, call_id, trailer, token)
        elif kind == AUTH3:
            try:
                self.acceptor.authenticate(token)
            except ntlm_acceptor.AccessDenied as who:
                logging.warning("refused %s", who)
        elif kind == REQUEST:
            self.request(pdu, flags, call_id, trailer, token)

    def bind(self, kind, pdu, call_id, trailer, token):
        count, at, results = pdu[24], 28, b""
        for _ in range(count):
            context, syntaxes = struct.unpack_from("<HB", pdu, at)
            name = uuid.UUID(bytes_le=pdu[at + 4:at + 20])
            major = struct.unpack_from("<H", pdu, at + 20)[0]
            offered = [pdu[at + 24 + 20 * n:at + 44 + 20 * n] for n in range(syntaxes)]
            at += 24 + 20 * syntaxes
            if offered[0][:8] == FEATURES:  # Bind-time features, [MS-RPCE] 2.2.2.14.
                results += struct.pack("<HH", 3, offered[0][8] & 3) + bytes(20)
            elif (str(name), major) not in self.interfaces:
                results += struct.pack("<HH", 2, 1) + bytes(20)  # Abstract syntax not supported.
            elif NDR not in offered:
                results += struct.pack("<HH", 2, 2) + bytes(20)  # Transfer syntaxes not supported.
            else:
                results += struct.pack("<HH", 0, 0) + NDR
                self.contexts[context] = (str(name), major)
        port = self.stream.getsockname()[1]
        address = b"%d\0" % port if kind == BIND else b""
        body = struct.pack("<HHIH", MAX_FRAGMENT, MAX_FRAGMENT, 0x5A17, len(address)) + address
        body += bytes(-len(body) % 4) + struct.pack("<BBH", count, 0, 0) + results
        answer = b""
        if trailer:
            self.acceptor = self.new_acceptor()
            self.auth = (trailer[0], trailer[1], trailer[4:8])
            self.securities[trailer[4:8]] = self.acceptor, self.auth
            answer = self.acceptor.challenge()
        self.send(BIND_ACK if kind == BIND else ALTER_ACK, FIRST | LAST, call_id, body, answer)

    def request(self, pdu, flags, call_id, trailer, token):
        context, opnum = struct.unpack_from("<HH", pdu, 20)
        start = 40 if flags & 0x80 else 24  # An object UUID follows the header.
        ipid = pdu[24:40] if flags & 0x80 else bytes(16)
        stub = pdu[start:]
        if trailer:
            stub = self.unprotect(pdu, start, trailer, token)
        self.stub = (b"" if flags & FIRST else self.stub) + stub
        if not flags & LAST:
            return
        try:
            if self.auth and not (self.acceptor and self.acceptor.user):
                raise Fault(ACCESS_DENIED)
            procedures = self.interfaces[self.contexts[context]]
            if opnum not in procedures:
                raise Fault(OPNUM_RANGE)
            call = Call(self.stub, ipid, self.auth[1] if self.auth else 0,
                        self.stream.getsockname()[0])
            self.respond(call_id, context, procedures[opnum](call))
        except Fault as fault:
            body = struct.pack("<IHBBII", 32, context, 0, 0, fault.status, 0)
            self.send(FAULT, FIRST | LAST | 0x20, call_id, body)
        except Exception:  # A request this server cannot read is the client's mistake.
            logging.exception("request %s.%d", self.contexts.get(context), opnum)
            body = struct.pack("<IHBBII", 32, context, 0, 0, BAD_STUB, 0)
            self.send(FAULT, FIRST | LAST, call_id, body)

    def unprotect(self, pdu, start, trailer, token):
        """The stub without padding; checks the signature ([MS-RPCE] 2.2.2.12)."""
        body_end = len(pdu) - len(token) - 8
        stub = pdu[start:body_end]
        level, padding = trailer[1], trailer[2]
        if level >= LEVEL_INTEGRITY:
            if level == LEVEL_PRIVACY:
                stub = self.acceptor.from_client.crypt(stub)
            expected = self.acceptor.from_client.signature(pdu[:start] + stub + trailer)
            if expected != token:
                raise Fault(ACCESS_DENIED)
        return stub[:len(stub) - padding]

    def respond(self, call_id, context, stub):
        room = MAX_FRAGMENT - 24 - 40  # Header, and padding, trailer and signature at most.
        room -= room % 16
        pieces = [stub[at:at + room] for at in range(0, len(stub), room)] or [b""]
        left = len(stub)
        for number, piece in enumerate(pieces):
            # impacket's SMB server forwards what there is as one message of the pipe, and its client
            # takes one fragment of each.
            if number and self.is_pipe:
                time.sleep(0.02)
            flags = (FIRST if number == 0 else 0) | (LAST if number == len(pieces) - 1 else 0)
            body = struct.pack("<IHBB", left, context, 0, 0)
            self.send(RESPONSE, flags, call_id, body, stub=piece)
            left -= len(piece)

    def send(self, kind, flags, call_id, body, token=b"", stub=b""):
        trailer = b""
        protect = kind == RESPONSE and self.auth and self.auth[1] >= LEVEL_INTEGRITY
        if self.auth and (token or protect):
            padding = -len(stub) % 16 if protect else -len(body) % 4
            trailer = struct.pack("<BBBB", self.auth[0], self.auth[1], padding, 0) + self.auth[2]
            if protect:
                stub += bytes(padding)
                token = bytes(16)
            else:
                body += bytes(padding)
        length = 16 + len(body) + len(stub) + len(trailer) + len(token)
        header = struct.pack("<BBBBIHHI", 5, 0, kind, flags, 0x10, length, len(token), call_id)
        sent = stub
        if protect:
            if self.auth[1] == LEVEL_PRIVACY:
                sent = self.acceptor.to_client.crypt(stub)
            token = self.acceptor.to_client.signature(header + body + stub + trailer)
        self.stream.sendall(header + body + sent + trailer + token)


def listen(address, port, interfaces, new_acceptor):
    """Serves in background threads; returns when the port is open."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.create_server((address, port), family=family)

    def accept():
        while True:
            stream, _ = server.accept()
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(stream, interfaces, new_acceptor)
            threading.Thread(target=connection.serve, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
