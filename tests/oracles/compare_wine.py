#!/usr/bin/env python3
"""Stubs that Wine's rpcrt4 marshals for wine/torture.idl, read by our decoder from the same IDL text.

usage: compare_wine.py [--verbose] ORACLE_VALUES

Compiles wine/torture.idl with widl and wine/probe.c with mingw, runs it under Wine (client and
server in one process, over ncalrpc), decodes what went over, and compares every leaf with the
value that probe.c passed. Last line "N passed, N failed, N skipped", where one half of a procedure
is one test. Exit status 77 without widl, mingw or Wine.

What widl 7 and Wine 8 do differently from NDR is left out of torture.idl: the discriminant of a
union in a structure is always 32 bits; a hyper behind pointers is not aligned (64-bit memory's
alignment is taken for the wire's); nor is an encapsulated union's; buffers for unions that are
parameters are too small.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import leaves

UUID = "7d1f3c2a-5b64-4e0e-9a55-3c1d2e4f6a70"
HERE = pathlib.Path(__file__).resolve().parent / "wine"
MINUS = {bits: (1 << bits) for bits in (8, 16, 32, 64)}


def i(number, bits=64):
    return ("int", number if number >= 0 else number + MINUS[bits])


def ints(*numbers):
    return ("ints", numbers)


def text(value):
    return ("text", value)


NULL = ("null",)
HANDLE = ("a handle",)  # Wine makes up its GUID

# What probe.c passes, in the order of the declaration; a union is its arm.
EXPECTED = [
    ("Scalars request", [i(1), i(0xFE), i(-3, 8), i(-300, 16), i(1000), i(0x55),
                         i(0x0102030405060708), ("real", 1.5), ("real", -0.25), i(ord("x")),
                         i(0x12345), i(7)]),
    ("Scalars response", [i(-2, 16), i(0x1122334455667788), i(5), i(77)]),
    ("Strings request", [text("na\u00efve \u20ac"), text("narrow"), NULL, i(32)]),
    ("Strings response", [text("antwort"), i(1)]),
    ("Lists request", [i(11), i(1), i(22), i(2), i(33), i(3), NULL, text("drei"), NULL,
                       text("eins"), i(41), ("alias", ""), NULL, i(42)]),
    ("Lists response", [i(43), i(1)]),
    ("Unions request", [i(1), i(2), i(-5), i(3), i(1), i(200), i(4), text("arm"), i(99),
                        ("real", 2.5), i(88)]),
    ("Unions response", [i(2), i(0x7766554433221100), i(2)]),
    ("Arrays request", [i(2), i(12), i(13), i(2), ints(14, MINUS[64] - 15), i(3), i(5),
                        ints(1, 2, 3), ints(7, 8, 9), ints(1, 2, 3), ints(4, 5, 6), i(3),
                        ints(10, 11), ints(20, 21), ints(30, 31), i(4), i(2), ints(1, 2)]),
    ("Arrays response", [i(2), i(1), i(9), i(4), text("zwei"), i(3)]),
    ("Open request", [text("thing")]),
    ("Open response", [HANDLE, i(0)]),
    ("Close request", [HANDLE]),
    ("Close response", [("handle", 0, "00000000-0000-0000-0000-000000000000"), i(0)]),
]


def find(*names):
    for name in names:
        if found := shutil.which(name, path=os.environ["PATH"] + ":/usr/lib/wine"):
            return found
    print(f"skipped: {names[0]} is not installed")
    sys.exit(77)


def build(folder):
    """probe.exe in `folder`."""
    widl = find("x86_64-w64-mingw32-widl")
    compiler = find("x86_64-w64-mingw32-gcc-posix", "x86_64-w64-mingw32-gcc")
    for name in ("torture.idl", "probe.c"):
        shutil.copy(HERE / name, folder)
    subprocess.run([widl, "--win64", "-Oicf", "-h", "-s", "-c", "--prefix-client=C_",
                    "--prefix-server=S_", "torture.idl"], cwd=folder, check=True)
    subprocess.run([compiler, "-static", "-Dsmall=char", "-o", "probe.exe", "probe.c",
                    "torture_s.c", "torture_c.c", "-lrpcrt4"], cwd=folder, check=True)


def run(folder):
    """What probe.exe printed. The Wine prefix is below `folder`, and ends with it."""
    wine = find("wine64", "wine")
    environment = os.environ | {"WINEPREFIX": f"{folder}/prefix", "WINEDEBUG": "-all",
                                "WINEDLLOVERRIDES": "mscoree,mshtml="}
    environment.pop("DISPLAY", None)
    done = subprocess.run([wine, "./probe.exe"], cwd=folder, env=environment, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    server = find("wineserver64", "wineserver")  # of this prefix alone
    subprocess.run([server, "-k"], env=environment, stderr=subprocess.DEVNULL)
    return done.stdout.decode()


def ours(stub):
    """(path, token) as leaves.py has them, and aliases, of which it knows nothing."""
    plain = iter(leaves.of_stub(stub))
    for path, kind, *value in stub["leaves"]:
        if kind == "alias":
            yield path, ("alias", value[0] if value else "")
        elif kind not in ("list", "union"):
            yield next(plain)


def main():
    verbose = "--verbose" in sys.argv
    program = sys.argv[-1]
    with tempfile.TemporaryDirectory(prefix="rpcm-wine-", ignore_cleanup_errors=True) as folder:
        build(folder)
        printed = run(folder)
    marshal = leaves.Marshal([program, "--interfaces", str(HERE / "torture.idl")])
    seen, requests = [], {}
    for line in printed.splitlines():
        opnum, half, *hexadecimal = line.split()
        stub = {"uuid": UUID, "major": 1, "opnum": int(opnum), "half": half, "ndr64": False,
                "big": False, "stub": "".join(hexadecimal)}
        requests[opnum] = requests.get(opnum, stub)
        seen.append(marshal.decode(stub, requests[opnum] if half == "response" else None))
    passed = failed = equal = 0
    for at, (name, expected) in enumerate(EXPECTED):
        stub = seen[at] if at < len(seen) else {"status": "missing", "leaves": []}
        found = list(ours(stub)) if "operation" in stub else []
        values = [HANDLE if want == HANDLE and token[0] == "handle" and any(
            c not in "0-" for c in token[2]) else token
            for (_, token), want in zip(found, expected)]
        wrong = [(path, token, want) for (path, _), token, want in zip(found, values, expected)
                 if token != want]
        good = (stub["status"] == "complete" and stub["trailing"] == 0 and not wrong and
                len(found) == len(expected) and stub["mismatches"] == 0 and
                name == f"{stub['operation']} {stub['half']}")
        equal += len(found) - len(wrong)
        passed, failed = passed + good, failed + (not good)
        if not good or verbose:
            print("equal" if good else "different", name, stub["status"], wrong or "",
                  f"{len(found)} of {len(expected)} leaves")
    print(f"stubs compared {len(seen)}, leaves equal {equal}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
