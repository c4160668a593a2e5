#!/usr/bin/env python3
"""Repeats recorded captures until a file is as large as wanted, as if more clients had called.

usage: multiply.py OUT.pcap MEGABYTES IN.pcap[.gz]...

Every copy of an input has a client address of its own (10.77.0.2 becomes 10.128.0.1 and so on;
checksums follow) and begins after the one before it, so each copy is connections of its own. Inputs
are little-endian microsecond Ethernet captures with IPv4. Writes packets and copies to stdout.
"""

import gzip
import struct
import sys

CLIENT = bytes([10, 77, 0, 2])
START = 1_700_000_000_000_000  # Microseconds since 1970.


class Source:
    """A capture as one buffer, and where in it the time stamps, addresses and checksums are."""

    def __init__(self, path):
        opener = gzip.open if path.endswith(".gz") else open
        with opener(path, "rb") as file:
            data = file.read()
        if data[:4] != b"\xd4\xc3\xb2\xa1":
            sys.exit(f"{path}: not a little-endian microsecond pcap")
        self.buffer = bytearray(data[24:])
        self.times, self.addresses, self.sums = [], [], []
        at = 0
        while at + 16 <= len(self.buffer):
            seconds, micros, size, _ = struct.unpack_from("<IIII", self.buffer, at)
            self.times.append((at, seconds * 1_000_000 + micros))
            self.ip(at + 16)
            at += 16 + size
        self.buffer = self.buffer[:at]
        first = self.times[0][1] if self.times else 0
        self.times = [(offset, time - first) for offset, time in self.times]
        self.length = self.times[-1][1] if self.times else 0

    def ip(self, frame):
        data = self.buffer
        if data[frame + 12:frame + 14] != b"\x08\x00":
            return
        header = frame + 14
        for offset in (header + 12, header + 16):
            if data[offset:offset + 4] == CLIENT:
                self.addresses.append(offset)
                self.sums.append(header + 10)
                if data[header + 9] == 6:
                    self.sums.append(header + (data[header] & 15) * 4 + 16)

    def copy(self, address, start):
        """The packets, sent by `address` (4 bytes) from `start` on."""
        data = bytearray(self.buffer)
        old, new = struct.unpack(">HH", CLIENT), struct.unpack(">HH", address)
        # RFC 1624: the new sum is ~(~sum + ~old + new), in ones' complement.
        change = sum(~word & 0xFFFF for word in old) + sum(new)
        for offset in self.addresses:
            data[offset:offset + 4] = address
        for offset in self.sums:
            total = (~(data[offset] << 8 | data[offset + 1]) & 0xFFFF) + change
            total = (total & 0xFFFF) + (total >> 16)
            total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
            data[offset], data[offset + 1] = total >> 8, total & 0xFF
        pack = struct.Struct("<II").pack_into
        for offset, time in self.times:
            time += start
            pack(data, offset, time // 1_000_000, time % 1_000_000)
        return data


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    target, wanted = sys.argv[1], int(sys.argv[2]) * 1_000_000
    sources = [Source(path) for path in sys.argv[3:]]
    size, packets, copies, time = 24, 0, 0, START
    with open(target, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        while size < wanted:
            for source in sources:
                address = struct.pack(">I", 0x0A800001 + copies)
                data = source.copy(address, time)
                out.write(data)
                size += len(data)
                packets += len(source.times)
                copies += 1
                time += source.length + 1000
    print(packets, copies)


if __name__ == "__main__":
    main()
