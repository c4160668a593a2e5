#!/usr/bin/env python3
"""Calls a server of types.idl over TCP from Linux with impacket: stubs written by hand, for their
bytes are what is compared. linux_client.py ADDRESS PORT"""
import struct
import sys

from impacket.dcerpc.v5 import transport
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import uuidtup_to_bin


def wide(text):
    text += '\0'
    return struct.pack('<III', len(text), 0, len(text)) + text.encode('utf-16-le')


def narrow(text):
    text += '\0'
    return struct.pack('<III', len(text), 0, len(text)) + text.encode()


def aligned(data, to=4):
    return data + b'\0' * (-len(data) % to)


def main():
    rpc = transport.DCERPCTransportFactory('ncacn_ip_tcp:%s[%s]' % (sys.argv[1], sys.argv[2]))
    dce = rpc.get_dce_rpc()
    dce.connect()
    dce.bind(uuidtup_to_bin(('6d1f3a52-8b7c-4e11-9a4d-2f6b3c5e7a90', '1.3')))
    calls = [
        (0, struct.pack('<Bbhlqd', 7, -1, -2, 3, 1 << 40, 0.5)),
        (1, aligned(wide('\\\\10.0.0.9\\c$\\x')) + aligned(narrow('from Linux')) +
         struct.pack('<I', 0x20000) + wide('unicode \u00e9')),
        (3, struct.pack('<II', 5, 5) + aligned(b'hello') + struct.pack('<I', 3)),
        (5, struct.pack('<I', 1) + struct.pack('<II', 4, 2) + struct.pack('<II', 5, 0)),
        (8, struct.pack('<I', 41)),
        (9, struct.pack('<II3l', 3, 3, 1, -2, 30)),
        (6, struct.pack('<I', 0xE0001234)),  # others the runtime translates for the wire
        (8, struct.pack('<I', 42)),
    ]
    for opnum, stub in calls:
        dce._DCERPC_v5__callid = 1  # Wine's server answers every request under this number
        dce.call(opnum, stub)
        try:
            print(opnum, dce.recv().hex())
        except DCERPCException as error:
            print(opnum, error)
    dce.disconnect()


main()
