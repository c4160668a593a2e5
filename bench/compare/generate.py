#!/usr/bin/env python3
"""Captures that stress the sensor in other ways than a mix of calls does.

usage: generate.py bulk OUTPUT MEGABYTES CAPTURE  large files over SMB2, and a few calls
       generate.py flows OUTPUT FLOWS CAPTURE so many connections at once, all with calls

bulk: connections that each write one file in SMB2 WRITE requests of 1 MiB, in TCP segments of 1,460
bytes, acknowledged every second one, four connections at a time; beside them, one packet in 65, copies
of the first connection of CAPTURE after each other.
flows: copies of the first connection of CAPTURE (pcap, Ethernet, IPv4), each with a client address
of its own, cut after 14 packets; packet by packet, the first of all, then the second of all.
Prints packets and connections. Fields: [MS-SMB2] 2.2.1, 2.2.10, 2.2.14, 2.2.21, 2.2.22.
"""

import struct
import sys

SEGMENT = 1460
WRITE = 1 << 20


def pcap_header():
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)


class Writer:
    def __init__(self, path):
        self.file = open(path, "wb", buffering=1 << 20)
        self.file.write(pcap_header())
        self.microseconds = 1_700_000_000_000_000
        self.packets = 0
        self.size = 24

    def frame(self, data):
        self.microseconds += 3
        self.file.write(struct.pack("<IIII", self.microseconds // 1_000_000,
                                    self.microseconds % 1_000_000, len(data), len(data)))
        self.file.write(data)
        self.packets += 1
        self.size += 16 + len(data)


def smb2(command, message_id, body, answer=False, tree=1, session=0x400000000001):
    header = struct.pack("<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 1, 0, command, 1, 1 if answer else 0, 0,
                         message_id, 0, tree, session, bytes(16))
    return struct.pack(">I", len(header) + len(body)) + header + body


class Connection:
    """One client that writes one file; next() gives its packets a few at a time."""

    def __init__(self, number):
        self.client = struct.pack(">I", 0x0A000002 + number)
        self.server = b"\x0a\x01\x00\x01"
        self.port = 49152 + number % 16000
        self.sequence = {True: 1000, False: 5000}  # by "from the client"

    def packet(self, forward, flags, payload=b""):
        source, target = (self.client, self.server) if forward else (self.server, self.client)
        ports = (self.port, 445) if forward else (445, self.port)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0x4000, 64, 6, 0, source, target)
        tcp = struct.pack(">HHIIBBHHH", *ports, self.sequence[forward], self.sequence[not forward],
                          0x50, flags, 65535, 0, 0)
        self.sequence[forward] += len(payload) + (1 if flags & 3 else 0)
        return b"\2" * 12 + b"\x08\x00" + ip + tcp + payload

    def send(self, forward, message):
        for count, at in enumerate(range(0, len(message), SEGMENT)):
            yield self.packet(forward, 0x18, message[at:at + SEGMENT])
            if count % 2:
                yield self.packet(not forward, 0x10)

    def run(self, writes):
        yield self.packet(True, 0x02)
        yield self.packet(False, 0x12)
        yield self.packet(True, 0x10)
        path = "\\\\FS1\\data".encode("utf-16-le")
        yield from self.send(True, smb2(3, 1, struct.pack("<HHHH", 9, 0, 72, len(path)) + path, tree=0))
        yield from self.send(False, smb2(3, 1, struct.pack("<HBBIII", 16, 1, 0, 0, 0, 0x1F01FF), True))
        name = "backup.bin".encode("utf-16-le")
        create = struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, 0x12019F, 0x80, 0, 2, 0x40, 120,
                             len(name), 0, 0)
        yield from self.send(True, smb2(5, 2, create + name))
        file_id = struct.pack("<QQ", 7, 9)
        answer = struct.pack("<HBBI", 89, 0, 0, 2) + bytes(32) + struct.pack("<QQII", 0, 0, 0x80, 0)
        yield from self.send(False, smb2(5, 2, answer + file_id + bytes(8), True))
        data = bytes(range(256)) * (WRITE // 256)
        for n in range(writes):
            body = struct.pack("<HHIQ16sIIHHI", 49, 112, WRITE, n * WRITE, file_id, 0, 0, 0, 0, 0)
            yield from self.send(True, smb2(9, 3 + n, body + data))
            yield from self.send(False, smb2(9, 3 + n, struct.pack("<HHIIHH", 17, 0, WRITE, 0, 0, 0), True))
        yield self.packet(True, 0x11)
        yield self.packet(False, 0x11)


def first_connection(source, limit):
    """Its frames, and the client's address: of whoever sent the SYN."""
    with open(source, "rb") as file:
        raw = file.read()
    frames, at, first = [], 24, None
    while at + 16 <= len(raw) and len(frames) < limit:
        size = struct.unpack_from("<I", raw, at + 8)[0]
        frame = raw[at + 16:at + 16 + size]
        at += 16 + size
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            continue
        ends = frozenset((frame[26:30] + frame[34:36], frame[30:34] + frame[36:38]))
        first = first or ends
        if ends == first:
            frames.append(frame)
    return frames, frames[0][26:30]


def of_client(frame, client, number):
    where = 26 if frame[26:30] == client else 30
    return frame[:where] + struct.pack(">I", 0x0A800001 + number) + frame[where + 4:]


def copies(source):
    frames, client = first_connection(source, 1 << 30)
    number = 0
    while True:
        for frame in frames:
            yield of_client(frame, client, number)
        number += 1


def bulk(path, megabytes, source):
    out, number, running = Writer(path), 0, []
    calls = copies(source)
    while out.size < megabytes * 1_000_000 or running:
        while len(running) < 4 and out.size < megabytes * 1_000_000:
            running.append(Connection(number).run(16))
            number += 1
        for one in list(running):
            for _ in range(8):
                data = next(one, None)
                if data is None:
                    running.remove(one)
                    break
                out.frame(data)
                if out.packets % 65 == 0:
                    out.frame(next(calls))
    return out.packets, number


def flows(path, count, source):
    frames, client = first_connection(source, 14)
    out = Writer(path)
    for frame in frames:
        for n in range(count):
            out.frame(of_client(frame, client, n))
    return out.packets, count


def main():
    if len(sys.argv) == 5 and sys.argv[1] == "bulk":
        print(*bulk(sys.argv[2], int(sys.argv[3]), sys.argv[4]))
    elif len(sys.argv) == 5 and sys.argv[1] == "flows":
        print(*flows(sys.argv[2], int(sys.argv[3]), sys.argv[4]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
