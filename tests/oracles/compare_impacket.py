#!/usr/bin/env python3
"""Lets impacket make stubs with random arguments, and compares what our decoder reads in them.

usage: compare_impacket.py [--verbose] [--rounds N] ORACLE_VALUES

Every request that impacket 0.10 has a class for, of an interface that our catalogue has, is filled
with random values (null pointers among them), written by impacket as NDR, and decoded by us. (Its
NDR64 lacks gaps that [MS-RPCE] 2.2.5.3.4 wants; Samba's is compared in compare_samba.py.) Leaves are compared in order; what differs for a reason stands in IMPACKET of differences.py.
Last line "N passed, N failed, N skipped", where a request is one test. Exit status 1
with unexplained differences, 77 without impacket.
"""

import argparse
import collections
import importlib
import random
import struct
import subprocess
import sys
import json
import uuid

import differences
import leaves

try:
    from impacket import uuid as impacket_uuid
    from impacket.dcerpc.v5 import dtypes, ndr
except ImportError as error:
    print(f"skipped: python3-impacket is not installed ({error})")
    sys.exit(77)

MODULES = ["atsvc", "bkrp", "dhcpm", "drsuapi", "dssp", "epm", "even", "even6", "lsad", "lsat",
           "mgmt", "nrpc", "nspi", "par", "rprn", "rrp", "samr", "sasec", "scmr", "srvs", "tsch",
           "wkst"]
INTEGERS = {ndr.NDRSMALL: 1, ndr.NDRUSMALL: 1, ndr.NDRSHORT: 2, ndr.NDRUSHORT: 2, ndr.NDRLONG: 4,
            ndr.NDRULONG: 4, ndr.NDRHYPER: 8, ndr.NDRUHYPER: 8, ndr.NDRCHAR: 1}
FORMATS = {"b": 1, "B": 1, "h": 2, "H": 2, "l": 4, "L": 4, "i": 4, "I": 4, "q": 8, "Q": 8}
TEXT = "abcdefghijklmnopqrstuvwxyz0123456789\\ \u00e4\u20ac"


class Unfillable(Exception):
    """A class this does not know how to fill."""


class Filler:
    """Puts random values into an impacket object; `tokens` is what a decoder should then say."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.tokens = []

    def token(self, path, *token):
        self.tokens.append((path, tuple(token)))

    def text(self):
        return "".join(self.random.choice(TEXT) for _ in range(self.random.randint(0, 12)))

    def octets(self, count):
        return bytes(self.random.randint(0, 255) for _ in range(count))

    def integer(self, value, size, path):
        number = self.random.getrandbits(8 * size - 1)
        value["Data"] = number
        self.token(path, "int", number)

    def fields(self, value, path, depth):
        for name, kind in tuple(value.structure):
            below = f"{path}.{name}" if path else name
            if value.isNDR(kind):
                self.field(value, name, below, depth)
            else:
                self.format(value, name, kind, below)

    def format(self, value, name, kind, path):
        """A field that impacket describes by a format: "<L=0", "20s=''"."""
        text = kind.split("=")[0]
        if text.endswith("s") and text[:-1].isdigit():
            data = self.octets(int(text[:-1]))
            value.fields[name] = data
            kind_name = type(value).__name__.upper()
            if "GUID" in kind_name or "UUID" in kind_name:
                self.token(path, "guid", str(uuid.UUID(bytes_le=data)))
            elif len(data) == 20:
                self.token(path, "handle", struct.unpack("<L", data[:4])[0],
                           str(uuid.UUID(bytes_le=data[4:])))
            else:
                self.token(path, "ints", tuple(data))
            return
        size = FORMATS.get(text.lstrip("<!"))
        if size is None:
            raise Unfillable(f"{type(value).__name__}.{name}: {kind}")
        number = self.random.getrandbits(8 * size - 1)
        value.fields[name] = number
        self.token(path, "int", number)

    def field(self, parent, name, path, depth):
        value = parent.fields[name]
        if isinstance(value, ndr.NDRPOINTERNULL):
            self.token(path, "null")
        elif isinstance(value, ndr.NDRPOINTER):
            if depth > 6 or self.random.randint(0, 4) == 0:
                parent[name] = dtypes.NULL
                self.token(path, "null")
            else:
                self.field(value, "Data", path, depth + 1)
        else:
            self.value(value, path, depth)

    def value(self, value, path, depth):
        for kind, size in INTEGERS.items():
            if type(value) is kind or isinstance(value, kind):
                return self.integer(value, size, path)
        if isinstance(value, ndr.NDRENUM):
            numbers = [int(item.value) for item in value.enumItems]
            number = self.random.choice([n for n in numbers if 0 <= n < 0x8000] or [0])
            value["Data"] = number
            return self.token(path, "int", number)
        if isinstance(value, ndr.NDRFLOAT) or isinstance(value, ndr.NDRDOUBLEFLOAT):
            value["Data"] = 0.5
            return self.token(path, "real", 0.5)
        if isinstance(value, (dtypes.WSTR, dtypes.STR)):
            text = self.text()
            if isinstance(value, dtypes.STR):
                text = text.encode("ascii", "ignore").decode()
            value["Data"] = text + "\0"
            return self.token(path, "text", text)
        if isinstance(value, dtypes.RPC_UNICODE_STRING):
            return self.counted(value, path)
        if isinstance(value, dtypes.RPC_SID):
            sid = "S-1-5-21-" + "-".join(str(self.random.getrandbits(32)) for _ in range(3))
            value.fromCanonical(sid)
            return self.token(path, "sid", sid)
        if isinstance(value, ndr.NDRUNION):
            return self.union(value, path, depth)
        if isinstance(value, ndr.NDRArray):
            return self.array(value, path, depth)
        if isinstance(value, (dtypes.FILETIME, dtypes.LUID)) or type(value).__name__ in (
                "OLD_LARGE_INTEGER", "FILETIME"):
            first = len(self.tokens)
            self.fields(value, path, depth)
            low, high = (token[1] for _, token in self.tokens[first:])
            self.tokens[first:] = [(path, ("int", high << 32 | low))]
            return None
        if type(value).__name__ == "RPC_STRING":
            raise Unfillable("RPC_STRING")
        if isinstance(value, ndr.NDRSTRUCT):
            first = len(self.tokens)
            self.fields(value, path, depth + 1)
            if [name for name, _ in value.structure][:1] == ["context_handle_attributes"]:
                (_, number), (_, identity) = self.tokens[first:]
                self.tokens[first:] = [(path, ("handle", number[1], _guid(identity)))]
            return None
        raise Unfillable(type(value).__name__)

    def counted(self, value, path):
        text = self.text()
        if not text or self.random.randint(0, 4) == 0:
            value.fields["Data"] = ndr.NDRPOINTERNULL(isNDR64=value._isNDR64)
            text = None
        else:
            value["Data"] = text
        length = 0 if text is None else len(text) * 2
        self.token(path, "int", length)
        self.token(path, "int", length)
        self.token(path, *(("null",) if text is None else ("text", text)))

    def union(self, value, path, depth):
        tags = [tag for tag in value.union if isinstance(tag, int)]
        if not tags:
            raise Unfillable(f"{type(value).__name__} without a tag")
        tag = self.random.choice(tags)
        value["tag"] = tag
        name = value.union[tag][0]
        self.field(value, name, f"{path}.{name}", depth + 1)

    def array(self, value, path, depth):
        if isinstance(value, ndr.NDRUniFixedArray):
            data = self.octets(value.getDataLen(b"", 0))
            value["Data"] = data
            return self.token(path, "ints", tuple(data)) if data else None
        if type(value).__mro__[1] is ndr.NDRUniVaryingArray or isinstance(
                value, (ndr.NDRVaryingString, ndr.NDRConformantVaryingString)):
            raise Unfillable(type(value).__name__)
        count = self.random.randint(0, 3 if depth > 2 else 5)
        if value.item == "c":
            data = self.octets(count)
            value["Data"] = data
            return self.token(path, "ints", tuple(data)) if data else None
        if isinstance(value.item, str):
            size = FORMATS.get(value.item.lstrip("<!").split("=")[0])
            if size is None:
                raise Unfillable(f"{type(value).__name__}: items {value.item}")
            numbers = [self.random.getrandbits(8 * size - 1) for _ in range(count)]
            value["Data"] = numbers
            return self.token(path, "ints", tuple(numbers)) if numbers else None
        first = len(self.tokens)
        items = value.fields["Data"] = []
        for at in range(count):
            item = value.item(isNDR64=value._isNDR64)
            holder = _Holder(item, value._isNDR64)
            self.field(holder, "item", f"{path}.{at}", depth + 1)
            items.append(holder.fields["item"])
        below = [token for _, token in self.tokens[first:]]
        plain_items = not issubclass(value.item, ndr.NDRCONSTRUCTEDTYPE)
        if below and plain_items and all(token[0] == "int" for token in below):
            self.tokens[first:] = [(path, ("ints", tuple(token[1] for token in below)))]
        return None


def _guid(token):
    """The GUID that a token of 16 bytes is."""
    return token[1] if token[0] == "guid" else str(uuid.UUID(bytes_le=bytes(token[1])))


class _Holder:
    """What an item of an array is a field of, so that it may become null."""

    def __init__(self, item, wide):
        self.fields = {"item": item}
        self.wide = wide

    def __setitem__(self, name, value):
        self.fields[name] = ndr.NDRPOINTERNULL(isNDR64=self.wide)


def requests():
    """(module name, interface UUID, major version, opnum, class)."""
    for name in MODULES:
        module = importlib.import_module(f"impacket.dcerpc.v5.{name}")
        ids = [value for key, value in vars(module).items()
               if key.startswith("MSRPC_UUID_") and isinstance(value, bytes) and len(value) == 20]
        known = {}
        for value in ids:
            text, version = impacket_uuid.bin_to_uuidtup(value)
            known[text.lower()] = int(version.split(".")[0])
        for kind in vars(module).values():
            if (isinstance(kind, type) and issubclass(kind, ndr.NDRCALL) and
                    isinstance(getattr(kind, "opnum", None), int) and
                    not kind.__name__.endswith("Response") and kind.__module__ == module.__name__):
                yield name, known, kind.opnum, kind


def catalogue(program):
    out = subprocess.run([program, "table"], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in out.splitlines():
        entry = json.loads(line)
        found[entry["uuid"], entry["major"]] = entry
    return found


def plain(name):
    """A procedure's name without what its users leave out, to tell two interfaces of a module."""
    return name.lower().lstrip("_")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verbose", action="store_true", help="an example of every difference")
    parser.add_argument("--rounds", type=int, default=12, help="stubs per request")
    parser.add_argument("program")
    options = parser.parse_args()
    marshal = leaves.Marshal([options.program])
    known = catalogue(options.program)
    tests, unexplained, explained = set(), collections.Counter(), collections.Counter()
    examples, skipped = {}, collections.Counter()
    stubs = equal = 0
    for module, interfaces, opnum, kind in requests():
        places = [(identity, major) for identity, major in interfaces.items()
                  if (identity, major) in known and opnum < len(known[identity, major]["procedures"])
                  and plain(kind.__name__) in plain(known[identity, major]["procedures"][opnum][0])]
        if not places:
            skipped[f"{module}.{kind.__name__}: not in our catalogue by this name and number"] += 1
            continue
        test = f"{module}.{kind.__name__}"
        reason = differences.impacket_skips(test)
        if reason:
            skipped[reason] += 1
            continue
        for seed in range(options.rounds):
            filler = Filler(f"{test} {seed}")
            try:
                call = kind()
                filler.fields(call, "", 0)
                data = call.getData()
            except Unfillable as error:
                skipped[f"not filled: {error}"] += 1
                break
            except Exception as error:  # pylint: disable=broad-except
                skipped[f"impacket fails on {test}: {type(error).__name__}"] += 1
                break
            stub = {"uuid": places[0][0], "major": places[0][1], "opnum": opnum, "big": False,
                    "half": "request", "ndr64": False, "stub": data.hex()}
            stub = marshal.decode(stub, None)
            tests.add(test)
            stubs += 1
            if "leaves" not in stub:
                unexplained[test, stub["status"], ""] += 1
                continue
            for left, right in leaves.align(leaves.of_stub(stub), filler.tokens):
                if left and right and leaves.same(left[1], right[1]):
                    equal += 1
                    continue
                mine = f"{leaves.general(left[0])}:{left[1][0]}" if left else "-"
                other = f"{leaves.general(right[0])}:{right[1][0]}" if right else "-"
                why = differences.explain_impacket(test, mine, other)
                if why:
                    explained[why] += 1
                else:
                    unexplained[test, mine, other] += 1
                    examples.setdefault((test, mine, other), (left, right, stub))
    for (test, mine, other), count in unexplained.most_common():
        print(f"difference {count:5} x {test}: ours {mine}, impacket's {other}")
        if options.verbose and (test, mine, other) in examples:
            left, right, stub = examples[test, mine, other]
            print(f"     {str(left)[:100]} {str(right)[:100]} {stub['status']} {stub.get('reason')}")
            print(f"     {stub['stub'][:400]}")
    for why, count in explained.most_common():
        print(f"explained {count:5} x {why}")
    for why, count in skipped.most_common():
        print(f"not compared {count:3} x {why}")
    failed = len({key[0] for key in unexplained})
    print(f"stubs compared {stubs}, leaves equal {equal}, explained {sum(explained.values())}, "
          f"different {sum(unexplained.values())}")
    print(f"{len(tests) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
