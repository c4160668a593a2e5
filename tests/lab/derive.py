#!/usr/bin/env python3
"""Makes variants of a recorded capture: other link layers, other container, lost packets.

usage: derive.py VARIANT IN.pcap OUT

Variants: vlan (802.1Q), qinq (802.1ad + 802.1Q), cooked (Linux SLL), raw (raw IP), pcapng,
loss (every 17th TCP packet with payload is missing), reorder (neighbouring payload packets of one
direction swapped), unbound (binds and their answers above port 1024 are missing), duplicate (every 5th packet twice), truncated (file ends inside a packet),
snaplen (packets cut at 200 bytes). IN is a little-endian microsecond Ethernet pcap.
"""

import struct
import sys

ETHERNET, RAW, LINUX_SLL = 1, 101, 113


def read(path):
    data = open(path, "rb").read()
    if data[:4] != b"\xd4\xc3\xb2\xa1":
        sys.exit(f"{path}: not a little-endian microsecond pcap")
    at, packets = 24, []
    while at + 16 <= len(data):
        seconds, micros, size, length = struct.unpack_from("<IIII", data, at)
        packets.append((seconds, micros, length, data[at + 16:at + 16 + size]))
        at += 16 + size
    return packets


def write(path, packets, link=ETHERNET, cut=0):
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)]
    for seconds, micros, length, data in packets:
        out.append(struct.pack("<IIII", seconds, micros, len(data), length) + data)
    joined = b"".join(out)
    with open(path, "wb") as file:
        file.write(joined[:len(joined) - cut])


def write_pcapng(path, packets):
    """Section header, interface (nanosecond time stamps), one enhanced packet each."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + size + body + size
    out = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
           block(1, struct.pack("<HHI", ETHERNET, 0, 0) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0))]
    for seconds, micros, length, data in packets:
        nanos = (seconds * 1_000_000 + micros) * 1000
        out.append(block(6, struct.pack("<IIIII", 0, nanos >> 32, nanos & 0xFFFFFFFF, len(data),
                                        length) + data))
    with open(path, "wb") as file:
        file.write(b"".join(out))


def edit(packets, function):
    """Packets with function(data) for data; the wire length changes as much."""
    result = []
    for seconds, micros, length, data in packets:
        changed = function(data)
        result.append((seconds, micros, length + len(changed) - len(data), changed))
    return result


def tcp_payload(data):
    """Bytes of TCP payload in an Ethernet frame with IPv4; 0 for anything else."""
    if data[12:14] != b"\x08\x00" or data[23] != 6:
        return 0
    header = (data[14] & 15) * 4
    tcp = 14 + header
    return struct.unpack_from(">H", data, 16)[0] - header - (data[tcp + 12] >> 4) * 4


def lose(packets):
    kept, seen = [], 0
    for packet in packets:
        if tcp_payload(packet[3]) > 0:
            seen += 1
            if seen % 17 == 0:
                continue
        kept.append(packet)
    return kept


def swap(packets):
    packets, at = list(packets), 0
    while at + 1 < len(packets):
        first, second = packets[at][3], packets[at + 1][3]
        if tcp_payload(first) > 0 and tcp_payload(second) > 0 and first[26:38] == second[26:38]:
            one, two = packets[at], packets[at + 1]
            packets[at], packets[at + 1] = (*one[:2], *two[2:]), (*two[:2], *one[2:])
            at += 1
        at += 1
    return packets


def without_binds(packets):
    """bind, bind_ack, alter_context, its answer and auth3 of dynamic ports are gone."""
    def is_bind(data):
        payload = data[len(data) - tcp_payload(data):] if tcp_payload(data) > 0 else b""
        high = min(struct.unpack_from(">HH", data, 14 + (data[14] & 15) * 4)) > 1024
        return payload[:2] == b"\5\0" and payload[2:3] in b"\x0b\x0c\x0e\x0f\x10" and high
    return [p for p in packets if not is_bind(p[3])]


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    variant, source, target = sys.argv[1:]
    packets = read(source)
    tag = b"\x81\x00\x00\x2a"
    if variant == "vlan":
        write(target, edit(packets, lambda d: d[:12] + tag + d[12:]))
    elif variant == "qinq":
        write(target, edit(packets, lambda d: d[:12] + b"\x88\xa8\x00\x07" + tag + d[12:]))
    elif variant == "cooked":
        write(target, edit(packets, lambda d: b"\0\0\0\1\0\6" + d[6:12] + b"\0\0" + d[12:]),
              LINUX_SLL)
    elif variant == "raw":
        write(target, edit([p for p in packets if p[3][12:14] in (b"\x08\x00", b"\x86\xdd")],
                           lambda d: d[14:]), RAW)
    elif variant == "pcapng":
        write_pcapng(target, packets)
    elif variant == "loss":
        write(target, lose(packets))
    elif variant == "reorder":
        write(target, swap(packets))
    elif variant == "unbound":
        write(target, without_binds(packets))
    elif variant == "duplicate":
        write(target, [p for n, q in enumerate(packets) for p in [q] * (2 if n % 5 == 0 else 1)])
    elif variant == "truncated":
        write(target, packets[:len(packets) * 2 // 3], cut=21)
    elif variant == "snaplen":
        write(target, [(*p[:3], p[3][:200]) for p in packets])
    else:
        sys.exit(f"derive.py: no variant {variant}")


if __name__ == "__main__":
    main()
