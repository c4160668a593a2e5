#!/usr/bin/python3
"""A host that answers like Windows where Samba does not: services, tasks, registry, EFS, WMI.

usage: windows_like.py ADDRESS [ADDRESS...]

DCE/RPC over TCP on port 49700 of every ADDRESS (object activation on port 135), and as named pipes of an SMB1 and SMB2 server on
port 445 of the first. Prints "ready" when all ports are open; ends with SIGTERM.
"""

import logging
import sys
import threading

from impacket import smbserver
from impacket.ntlm import compute_lmhash, compute_nthash

import dcom
import interfaces
import ntlm_acceptor
import rpc_server

COMPUTER, DOMAIN = "FS1", "CONTOSO"
ACCOUNTS = {"JDOE": "Winter.2026", "SVCBACKUP": "Backup.2026"}
PORT = 49700
PIPES = ("svcctl", "atsvc", "winreg", "efsrpc", "lsarpc", "lsass")


def main():
    logging.basicConfig(level=logging.WARNING)
    addresses = sys.argv[1:]

    def new_acceptor():
        return ntlm_acceptor.Acceptor(COMPUTER, DOMAIN, ACCOUNTS)

    for address in ["127.0.0.1", *addresses]:
        rpc_server.listen(address, PORT, interfaces.INTERFACES | dcom.OBJECTS, new_acceptor)
        rpc_server.listen(address, 135, dcom.ACTIVATION, new_acceptor)
    smb = smbserver.SimpleSMBServer(addresses[0], 445)
    smb.setSMB2Support(True)
    smb.addShare("ADMIN$", "/nonexistent")
    for number, (user, password) in enumerate(ACCOUNTS.items()):
        smb.addCredential(user.lower(), number, compute_lmhash(password).hex(),
                          compute_nthash(password).hex())
    for pipe in PIPES:
        smb.registerNamedPipe(pipe, ("127.0.0.1", PORT))
    threading.Thread(target=smb.start, daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
