"""Prints how long impacket takes for one stub, and how many times as long as bench_ndr.

Reads bench_ndr's JSON from standard input; bench/ndr/against_impacket runs both. The best of several
repetitions counts, of processor time, for both.
"""

import json
import struct
import sys
import time

from impacket.dcerpc.v5 import scmr

COMMAND = (r"%COMSPEC% /Q /c echo cd  ^> \\127.0.0.1\C$\__output 2^>^&1 > %TEMP%\execute.bat & "
           r"%COMSPEC% /Q /c %TEMP%\execute.bat & del %TEMP%\execute.bat and a little more to make "
           "it as long as the rest")


def text(value):
    count = len(value) + 1
    data = struct.pack("<3I", count, 0, count) + value.encode("utf-16-le") + b"\0\0"
    return data + bytes(-len(data) % 4)


def stub():
    """What create_service() in stubs.cc makes: the padding is as arbitrary as there."""
    return (bytes(20) + text("BTOBTO") + struct.pack("<I", 1) + text("BTOBTO") +
            struct.pack("<4I", 0xF01FF, 0x10, 3, 0) + text(COMMAND) + bytes(7 * 4))


def impacket_seconds(data, repeat=5, count=40):
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        for _ in range(count):
            request = scmr.RCreateServiceW()
            request.fromString(data)
        best = min(best, (time.process_time() - start) / count)
    if request["lpBinaryPathName"].rstrip("\0") != COMMAND or request["dwStartType"] != 3:
        sys.exit("impacket read something else")
    return best


def main():
    data = stub()
    ours = {}
    for run in json.load(sys.stdin)["benchmarks"]:
        if run["run_type"] != "iteration":
            continue
        if run["stub"] != len(data):
            sys.exit(f"bench_ndr's stub has {run['stub']} bytes, this one {len(data)}")
        kind = run["name"].split("/")[0]
        ours[kind] = min(ours.get(kind, float("inf")), run["cpu_time"] * 1e-9)
    theirs = impacket_seconds(data)
    print(f"RCreateServiceW, {len(data)} bytes: impacket {theirs * 1e6:.0f} us to values")
    for kind, seconds in ours.items():
        print(f"  {kind:10} {seconds * 1e6:.3f} us, {theirs / seconds:.0f} times as fast")


main()
