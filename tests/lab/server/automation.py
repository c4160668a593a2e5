"""Automation objects ([MS-OAUT]): MMC20.Application as far as a command leads through it."""

import struct

from impacket.dcerpc.v5.dcom import oaut

from objects import OK, Thing, answer, binary, interface_pointer

UNKNOWN_NAME, MEMBER_NOT_FOUND = 0x80020006, 0x80020003
VT_EMPTY, VT_DISPATCH = 0, 9


class Automation(Thing):
    """IDispatch. `members`: name to (number, class of the object it gives or None)."""
    iid = binary("00020400-0000-0000-c000-000000000046")
    members = {}

    def identify(self, call):
        request = oaut.IDispatch_GetIDsOfNames(call.stub)
        names = [name["Data"].rstrip("\0") for name in request["rgszNames"]]
        found = [self.members.get(name, (0xFFFFFFFF, None))[0] for name in names]
        status = UNKNOWN_NAME if 0xFFFFFFFF in found else OK
        return answer(struct.pack(f"<{len(found) + 1}I", len(found), *found), status)

    def invoke(self, call):
        (number,) = struct.unpack_from("<I", call.stub, 32)
        member = next((m for m in self.members.values() if m[0] == number), None)
        result = member[1]() if member and member[1] else None
        # A VARIANT: unique pointer, aligned to 8; size in 8 bytes, type, the union's own type, value.
        data = interface_pointer(result.reference(call)) if result else b""
        kind = VT_DISPATCH if result else VT_EMPTY
        variant = struct.pack("<II", 0x20000, 0)
        variant += struct.pack("<IIHHHHI", (20 + len(data) + 7) // 8, 0, kind, 0, 0, 0, kind) + data
        variant += bytes(-len(variant) % 4)
        no_exception, no_argument, no_references = bytes(32), bytes(4), bytes(4)
        return answer(variant + no_exception + no_argument + no_references,
                      OK if member else MEMBER_NOT_FOUND)

    methods = {5: identify, 6: invoke}


class View(Automation):
    members = {"ExecuteShellCommand": (54, None)}


class Document(Automation):
    members = {"ActiveView": (2, View)}


class Application(Automation):
    """MMC20.Application"""
    members = {"Document": (4, Document), "Quit": (11, None)}
