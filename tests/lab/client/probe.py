#!/usr/bin/python3
"""Asks a server what it serves: the endpoint mapper and the remote management interface.

usage: probe.py epmapper|mgmt HOST
"""

import sys

from impacket.dcerpc.v5 import epm, mgmt, nrpc, samr, transport
from impacket.uuid import uuidtup_to_bin


def bind(host, interface):
    rpc = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{host}[135]").get_dce_rpc()
    rpc.connect()
    rpc.bind(interface)
    return rpc


def attempt(call, *arguments, **named):
    try:
        return call(*arguments, **named)
    except Exception as error:
        print(f"{call.__name__}: {error}")


def main():
    what, host = sys.argv[1:]
    if what == "epmapper":
        attempt(epm.hept_lookup, host)  # impacket connects for each.
        for interface in (samr.MSRPC_UUID_SAMR, nrpc.MSRPC_UUID_NRPC,
                          uuidtup_to_bin(("367abb81-9844-35f1-ad32-98f038001003", "2.0"))):
            for protocol in ("ncacn_ip_tcp", "ncacn_np"):
                attempt(epm.hept_map, host, interface, protocol=protocol)
    else:
        rpc = bind(host, mgmt.MSRPC_UUID_MGMT)
        attempt(mgmt.hinq_if_ids, rpc)
        attempt(mgmt.hinq_stats, rpc)
        attempt(mgmt.his_server_listening, rpc)
        for protocol in (9, 10, 16):
            attempt(mgmt.hinq_princ_name, rpc, protocol, 200)
        attempt(mgmt.hstop_server_listening, rpc)


if __name__ == "__main__":
    main()
