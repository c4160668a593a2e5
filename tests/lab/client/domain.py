#!/usr/bin/env python3
"""The same lookups over any transport, authentication and protection, by Samba's own client library.

Two captures made with different protection hold the same calls: what a sealed one shows when it is
opened must be what its clear twin shows.
"""

import argparse

from samba import credentials, param
from samba.dcerpc import lsa, misc, netlogon, samr, security, srvsvc, wkssvc

ENCRYPT = {"off": credentials.SMB_ENCRYPTION_OFF, "required": credentials.SMB_ENCRYPTION_REQUIRED}


def text(value):
    out = lsa.String()
    out.string = value
    return out


def attempt(call, *arguments):
    """A call that a server may refuse: the refusal is part of the capture."""
    try:
        return call(*arguments)
    except RuntimeError:
        return None


def accounts(server, connection):
    """samr: domains, users, groups of one, properties that do not change with time."""
    handle = connection.Connect2(server, security.SEC_FLAG_MAXIMUM_ALLOWED)
    _, domains, _ = connection.EnumDomains(handle, 0, 0xffff)
    names = [entry.name.string for entry in domains.entries]
    sid = connection.LookupDomain(handle, text(next(n for n in names if n.lower() != "builtin")))
    domain = connection.OpenDomain(handle, security.SEC_FLAG_MAXIMUM_ALLOWED, sid)
    attempt(connection.EnumDomainUsers, domain, 0, 0, 0xffff)
    for account in ("alice", "administrator"):
        found = attempt(connection.LookupNames, domain, [text(account)])
        if not found or not found[0].count:
            continue
        user = connection.OpenUser(domain, security.SEC_FLAG_MAXIMUM_ALLOWED, found[0].ids[0])
        for level in (7, 13, 16):
            attempt(connection.QueryUserInfo, user, level)
        attempt(connection.GetGroupsForUser, user)
        connection.Close(user)
    connection.Close(domain)
    connection.Close(handle)


def policy(server, connection):
    """lsarpc: the domain's policy, names to SIDs, privileges."""
    attributes = lsa.ObjectAttribute()
    attributes.sec_qos = lsa.QosInfo()
    handle = connection.OpenPolicy2(server, attributes, security.SEC_FLAG_MAXIMUM_ALLOWED)
    attempt(connection.QueryInfoPolicy, handle, lsa.LSA_POLICY_INFO_ACCOUNT_DOMAIN)
    attempt(connection.LookupNames, handle, [text("alice"), text("Domain Admins")],
            lsa.TransSidArray(), 1, 0)
    attempt(connection.EnumPrivs, handle, 0, 0xffff)
    connection.Close(handle)


def shares(server, connection):
    """srvsvc: shares, one by one and all."""
    info = srvsvc.NetShareInfoCtr()
    info.level = 1
    info.ctr = srvsvc.NetShareCtr1()
    attempt(connection.NetShareEnumAll, server, info, 0xffffffff, 0)
    for level in (0, 1, 501):
        attempt(connection.NetShareGetInfo, server, "IPC$", level)
    attempt(connection.NetNameValidate, server, "quarterly", 9, 0)


def workstation(server, connection):
    """wkssvc: what the host says of itself."""
    attempt(connection.NetWkstaGetInfo, server, 100)


def controller(server, connection):
    """netlogon: site and controllers of the domain."""
    attempt(connection.netr_DsRGetSiteName, server)
    attempt(connection.netr_DsRGetDCNameEx2, server, None, 0, "LAB", None, None, 0x40000000)
    attempt(connection.netr_GetAnyDCName, server, "LAB")


INTERFACES = {"samr": (samr.samr, accounts), "lsarpc": (lsa.lsarpc, policy),
              "srvsvc": (srvsvc.srvsvc, shares), "wkssvc": (wkssvc.wkssvc, workstation), "netlogon": (netlogon.netlogon, controller)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conf", required=True, help="smb.conf of the client")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--domain", default="LAB", help="empty: the client names none")
    parser.add_argument("--kerberos", action="store_true")
    parser.add_argument("--encrypt", choices=ENCRYPT, default="off", help="SMB encryption")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE",
                        help="of smb.conf, several")
    parser.add_argument("binding", help="as Samba writes it: ncacn_ip_tcp:host[krb5,seal]")
    parser.add_argument("interfaces", nargs="+", choices=INTERFACES)
    options = parser.parse_args()

    conf = param.LoadParm()
    conf.load(options.conf)
    for option in options.option:
        conf.set(*option.split("=", 1))
    account = credentials.Credentials()
    account.guess(conf)
    account.set_username(options.user)
    account.set_password(options.password)
    account.set_domain(options.domain)
    account.set_realm("LAB.TEST")
    account.set_kerberos_state(credentials.MUST_USE_KERBEROS if options.kerberos
                               else credentials.DONT_USE_KERBEROS)
    if options.user.endswith("$"):
        account.set_secure_channel_type(misc.SEC_CHAN_WKSTA)
        account.set_workstation(options.user[:-1])
    account.set_smb_encryption(ENCRYPT[options.encrypt])
    host = options.binding.split(":", 1)[1].split("[")[0]
    for name in options.interfaces:
        make, calls = INTERFACES[name]
        calls("\\\\" + host, make(options.binding, conf, account))


if __name__ == "__main__":
    main()
