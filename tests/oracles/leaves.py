"""Leaves as our decoder shows them, and how two decoders' leaves are held against each other.

Leaves are pairs (path, token), in the order of the declaration; a token is what two decoders can
be expected to agree on, whatever they call it:

    ("int", n)     unsigned in the size it has; bool, enumerations, times and lone bytes too
    ("ints", t)    a whole list of integers, or bytes; an empty one is no leaf
    ("text", s)    up to the first NUL, as others' are often C strings
    ("real", x)  ("guid", s)  ("sid", s)  ("handle", ...)  ("sd", bytes)  ("null",)
"""

import difflib
import json
import re
import subprocess
import uuid


def text_token(text):
    return ("text", text.split("\0", 1)[0])


def bytes_token(data):
    """Replaced by whoever can tell a security descriptor."""
    return ("ints", tuple(data))


towers = False  # whether the other decoder looks into protocol towers


def tower_leaves(path, octets):
    """A protocol tower ([C706] appendix L), which only Samba's IDL describes."""
    count = int.from_bytes(octets[:2], "little")
    yield path, ("int", count)
    at = 2
    for _ in range(count):
        sides = []
        for _ in range(2):
            size = int.from_bytes(octets[at:at + 2], "little")
            sides.append(octets[at + 2:at + 2 + size])
            at += 2 + size
        left, right = sides
        yield path, ("int", left[0])
        if left[1:]:
            yield path, bytes_token(left[1:])
        if left[0] in (0x07, 0x08, 0x0A, 0x0B, 0x0C, 0x1F):  # ports and minor versions: network order
            yield path, ("int", int.from_bytes(right, "big"))
        elif left[0] == 0x09:
            yield path, ("text", ".".join(map(str, right)))
        elif left[0] in (0x0F, 0x10, 0x11):
            yield path, text_token(right.decode("latin-1"))
        elif right:
            yield path, bytes_token(right)


def our_leaves(leaves):
    """(path, token) of oracle_values' leaves; samba_leaves.py says what tokens are."""
    for path, kind, *value in leaves:
        if kind in ("int", "bool", "time"):
            yield path, ("int", value[0])
        elif kind in ("ints", "bytes") and not value[0]:
            continue
        elif kind == "ints":
            small = max(value[0]) < 256
            yield path, bytes_token(tuple(value[0])) if small else ("ints", tuple(value[0]))
        elif kind == "bytes" and towers and path.endswith("tower_octet_string"):
            yield from tower_leaves(path, bytes.fromhex(value[0]))
        elif kind == "bytes":
            yield path, bytes_token(bytes.fromhex(value[0]))
        elif kind == "text":
            yield path, text_token(value[0])
        elif kind == "counted":
            yield path + "#length", ("int", value[1])
            yield path + "#maximum", ("int", value[2])
            yield path, ("null",) if value[0] is None else text_token(value[0])
        elif kind in ("guid", "sid", "real"):
            yield path, (kind, value[0])
        elif kind == "null":
            yield path, ("null",)
        elif kind in ("handle", "interface"):
            yield path, (kind, value[0])
        elif kind == "missing":
            yield path, ("missing",)
        # "list" and "union" only announce what follows: Samba's bindings show neither.


def join_halves(leaves):
    """OLD_LARGE_INTEGER and the like: two halves here, one number in Samba's IDL."""
    out = []
    for path, token in leaves:
        if path.endswith(".HighPart") and out and out[-1][0] == path[:-8] + "LowPart":
            low = out.pop()[1][1]
            out.append((path[:-9], ("int", token[1] << 32 | low)))
        else:
            out.append((path, token))
    return out


def handle_bytes(stub, token):
    """Our 20 bytes as Samba shows them: attributes and GUID."""
    raw = bytes.fromhex(token[1])
    order = "big" if stub["big"] else "little"
    if stub["big"]:
        guid = raw[4:]
    else:
        guid = raw[7:3:-1] + raw[9:7:-1] + raw[11:9:-1] + raw[12:]
    text = guid.hex()
    parts = (text[:8], text[8:12], text[12:16], text[16:20], text[20:])
    return ("handle", int.from_bytes(raw[:4], order), "-".join(parts))


def of_stub(stub):
    """(path, token) of a line of oracle_values, to be compared."""
    return [(path, handle_bytes(stub, token) if token[0] == "handle" else token)
            for path, token in join_halves(our_leaves(stub["leaves"]))]


def same(ours, theirs):
    """Tokens that are the same value in two notations."""
    if ours == theirs:
        return True
    if ours[0] == "ints" and theirs[0] == "guid":
        return len(ours[1]) == 16 and uuid.UUID(bytes_le=bytes(ours[1])) == uuid.UUID(theirs[1])
    if ours[0] == "text" and theirs[0] == "ints":
        text = ours[1].encode("utf-16-le", "surrogatepass")
        numbers = theirs[1]
        units = tuple(int.from_bytes(text[i:i + 2], "little") for i in range(0, len(text), 2))
        zero = numbers.index(0) if 0 in numbers else len(numbers)
        return numbers[:zero] == units
    return False


def align(ours, theirs):
    """Pairs (ours, theirs), either None where the other has nothing to match."""
    left, right = [token for _, token in ours], [token for _, token in theirs]
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        if kind == "replace" and a1 - a0 == b1 - b0:
            yield from zip(ours[a0:a1], theirs[b0:b1])
        elif kind == "equal":
            yield from zip(ours[a0:a1], theirs[b0:b1])
        else:
            yield from ((leaf, None) for leaf in ours[a0:a1])
            yield from ((None, leaf) for leaf in theirs[b0:b1])


def general(path):
    return re.sub(r"\.\d+(?=\.|$|#)", ".*", path)


class Marshal:
    """oracle_values decode: stubs in, values out."""

    def __init__(self, command):
        program, *options = command
        self.process = subprocess.Popen([program, "decode", *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def decode(self, stub, request):
        line = [stub["uuid"], stub["major"], stub["opnum"], stub["half"],
                "ndr64" if stub["ndr64"] else "ndr", "big" if stub["big"] else "little",
                stub["stub"] or "-", request["stub"] if request else "-"]
        self.process.stdin.write(" ".join(map(str, line)) + "\n")
        self.process.stdin.flush()
        return stub | json.loads(self.process.stdout.readline())
