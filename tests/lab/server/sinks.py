"""What a WMI service does with a client's sink ([MS-WMI] 3.1.1.1.3): it connects to where the sink's
OBJREF says, as the machine account, and calls IWbemObjectSink."""

import logging
import re
import struct
import threading
import time

from impacket.dcerpc.v5 import rpcrt, transport
from impacket.uuid import uuidtup_to_bin

from objects import OK, binary, referent

SINK = "7c857801-7381-11cf-884d-00aa004b2e24"
MACHINE = ("FS1$", "Machine.2026", "CONTOSO")


def orpc_this():
    return struct.pack("<HHII", 5, 7, 0, 0) + binary("5f0c1a57-7a2d-4c0b-9e55-0c0ffee00002") + bytes(4)


def indicate(objects):
    """Indicate (opnum 3): OBJREFs of the objects found."""
    body = struct.pack("<II", len(objects), len(objects))
    body += b"".join(struct.pack("<I", 0x20000 + 4 * n) for n in range(len(objects)))
    return orpc_this() + body + b"".join(referent(data) for data in objects)


def set_status(status):
    """SetStatus (opnum 4): WBEM_STATUS_COMPLETE, no text, no object."""
    return orpc_this() + struct.pack("<IIII", 0, status, 0, 0)


class Sink:
    """The client's end of a sink, from the OBJREF that it handed over."""

    def __init__(self, objref):
        self.ipid = objref[48:64]
        # "10.77.0.2[49800]": the first string binding with an address.
        entries, _ = struct.unpack_from("<HH", objref, 64)
        text = objref[68:68 + 2 * entries].decode("utf-16le", "replace")
        self.binding = re.search(r"\d+\.\d+\.\d+\.\d+\[\d+\]", text)[0]

    def call(self, stubs):
        """Calls [(opnum, stub)] from a thread of its own, as the answer of the client's call leaves
        first."""
        threading.Thread(target=self._run, args=(stubs,), daemon=True).start()

    def _run(self, stubs):
        time.sleep(0.1)
        try:
            wire = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{self.binding}")
            wire.set_credentials(*MACHINE)
            dce = wire.get_dce_rpc()
            dce.set_auth_level(rpcrt.RPC_C_AUTHN_LEVEL_PKT_INTEGRITY)
            dce.connect()
            dce.bind(uuidtup_to_bin((SINK, "0.0")))
            for opnum, stub in stubs:
                dce.call(opnum, stub, self.ipid)
                dce.recv()
            dce.disconnect()
        except Exception:
            logging.exception("sink at %s", self.binding)


def complete(objref, objects):
    """All objects at once, then the end."""
    Sink(objref).call([(3, indicate(objects)), (4, set_status(OK))])
