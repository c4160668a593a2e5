"""Differences between our decoder and Samba's that are no mistakes of ours, each with its reason.

A difference that no row explains fails the test. Patterns are regular expressions that match from
the beginning; `where` is "interface.Operation half"; a leaf is "path:kind" with list indices as *,
"-" where one side has none.
"""

import re

# (where, our leaf, Samba's leaf, reason)
LEAVES = [
    (r"", r".*:text$", r"-$", "a text of no characters: Samba has an empty array"),
    (r"winspool\.RpcGetForm response", r"pForm:|-$", r"info\.|-$",
     "Samba decodes the structures in the buffer, which the definition has as bytes"),
    (r"winspool\.RpcGetPrinter response", r"pPrinter:|-$", r"info\.|-$",
     "Samba decodes the structures in the buffer, which the definition has as bytes"),
    (r"winspool\.Rpc(Enum\w+|GetPrint(er|Process)\w*Directory|GetJob) response",
     r"p\w+:(ints|text|null|int)$|return:int$|-$", r"(info|key_buffer|_ndr_size|count|needed|return)\b|-$",
     "Samba decodes the structures in the buffer and gives their number first"),
    (r"drsuapi\.IDL_DRSBind ", r"p+ext(Client|Server)\.rgb:|-$", r"bind_info\.|-$",
     "Samba decodes the extensions, which the definition has as bytes"),
    (r"logon\.NetrDatabaseRedo request", r"ChangeLogEntry:|-$", r"change_log_entry\.|-$",
     "Samba decodes the change log entry, which the definition has as bytes"),
    (r"logon\.NetrServer(TrustPasswordsGet|PasswordSet) ", r".*\.data\.\*\.data:ints|-$",
     r"new_\w+\.hash:|old_\w+\.hash:|-$",
     "two blocks of 8 bytes ([MS-NRPC] CYPHER_BLOCK), one of 16 in Samba's definition"),
    (r"logon\.NetrAccountSync request", r"-$", r"recordid\.",
     "Samba sends a record id, which [MS-NRPC] does not have in the request"),
    (r"srvsvc\.NetrShareEnumSticky ", r"(InfoStruct\.ShareInfo|PreferedMaximumLength|TotalEntries|"
     r"ResumeHandle|return):missing$|-$", r"",
     "levels 1004 to 1007 are none of an enumeration ([MS-SRVS] 2.2.3.5)"),
    (r"srvsvc\.NetrShareGetInfo response", r"return:int$|-$", r"info\.|return:int$|-$",
     "level 1007 is not in [MS-SRVS] 2.2.3.6"),
    (r"lsarpc\.LsarQueryInformationPolicy2? response", r"(PolicyInformation|return):missing$|-$",
     r"info\.(paged_pool|non_paged_pool|min_wss|max_wss|pagefile|unknown):|return:|-$",
     "class 8 is not used on the wire ([MS-LSAD] 2.2.4.1)"),
    (r"atsvc\.NetrJobAdd request", r"pAtInfo\.Flags:", r"job_info\.flags:",
     "NDR64, from Windows: JobTime is a DWORD_PTR, 64 bits, and 32 in Samba's definition"),
    (r"mgmt\.rpc__mgmt_inq_stats request", r"-$", r"unknown:",
     "Samba's definition has a second number; [C706] appendix Q has one"),
]

# (where, Samba's error, reason)
REFUSALS = [
    (r"mgmt\.rpc__mgmt_inq_stats request", r".*Buffer Size",
     "Samba's definition has a second number; [C706] appendix Q has one"),
    (r"(winreg\.BaseRegQueryInfoKey|wkssvc\.NetrUseDel) ", r".*Buffer Size",
     "a [string] without a character: Samba takes off a NUL that is not there"),
    (r"winreg\.BaseRegEnumKey ", r".*Bad Array Size",
     "Samba cannot read the key name's buffer as it encoded it"),
    (r"winspool\.RpcEnum", r"Samba's decoder ended with signal",
     "Samba's decoder crashes on the structures in the buffer"),
    (r"(epmapper\.ept_map|lsarpc\.LsarRetrievePrivateData) ", r".*NDR.* assertion",
     "NDR64, from Windows: Samba takes a length of 32 bits for one of 64"),
    (r"epmapper\.ept_lookup response", r".*Character Conversion",
     "Samba's character conversion fails on the annotation"),
    (r"epmapper\.ept_\w+ response", r".*Bad Array Size",
     "Samba holds the array against the request's maximum, and the request was not captured"),
    (r"svcctl\.R(OpenServiceA|CreateServiceA|OpenSCManagerA) ", r".*",
     "Samba has the characters of the A operations as 16 bits"),
    (r"svcctl\.RGetService(KeyName|DisplayName)W ", r".*Bad Array Size",
     "Samba has a pointer where the definition, and the client, have none"),
    (r"srvsvc\.NetrShareGetInfo ", r".*Bad Array Size",
     "NDR64 without a bind that was captured: both take it for NDR20"),
]

# (interface.Operation, also big-endian, reason): not compared when Samba has encoded them,
# because its encoding is not what the definition says.
NOT_ANEW = [
    (r"epmapper\.", False, "NDR64: Samba writes a tower's count as a nested buffer's length"),
    (r"mgmt\.rpc__mgmt_inq_if_ids", True, "big-endian: Samba has both versions in one number"),
    (r"lsarpc\.LsarOpenPolicy2?$", False,
     "NDR64: Samba has the impersonation level as 16 bits; it is an enumeration, 32 bits"),
    (r"atsvc\.NetrJob", False,
     "NDR64: Samba has JobTime as 32 bits; it is a DWORD_PTR, 64 bits ([MS-TSCH] 2.3.4)"),
]


def explain(where, ours, theirs):
    """The reason of one difference, or None."""
    for place, mine, other, reason in LEAVES:
        if re.match(place, where) and re.match(mine, ours) and re.match(other, theirs):
            return reason
    return None


def explain_refusal(where, error):
    """Why Samba does not decode a stub that we decode in full, or None."""
    for place, message, reason in REFUSALS:
        if re.match(place, where) and re.match(message, error):
            return reason
    return None


def not_anew(stub, how):
    """Whether Samba's own encoding of these values is known to be another's."""
    name = f"{stub['interface']}.{stub['operation']}"
    return any(re.match(place, name) and (how["ndr64"] or big) for place, big, _ in NOT_ANEW)


# As LEAVES, of the requests that impacket makes: (test, our leaf, impacket's leaf, reason).
IMPACKET = [
    (r"", r".*:text$", r"-$", "a text of no characters: impacket has an empty array"),
    (r"", r".*Dependencies:text$", r".*:ints$", "random bytes, which the definition has as text"),
    (r"", r".*OwfPassword\.data\.\*\.data:ints$|-$", r".*OwfPassword(\.\w+)*:ints$|-$",
     "two blocks of 8 bytes, one of 16 in impacket"),
]

# (test, reason): not compared.
IMPACKET_SKIPS = [
    (r"dhcpm\.DhcpEnum", "impacket sends the resume handle as a unique pointer; it is [ref]"),
    (r"dhcpm\.Dhcp(GetClientInfoV4|V4GetClientInfo|GetOptionValueV5)",
     "impacket does not align a structure to its largest member"),
    (r"(rprn\.RpcOpenPrinterEx|par\.RpcAsyncOpenPrinter)$",
     "impacket does not align a structure to its largest member"),
    (r"samr\.SamrValidatePassword$", "impacket does not align a structure to its largest member"),
    (r"even\.Elfr(Open|Register)|rrp\.Open",
     "the server's name: a string in impacket, a pointer to one character in the definition"),
    (r"even\.ElfrReportEventW$", "impacket has strings where the definition has pointers to them"),
    (r"even6\.EvtRpcQuerySeek$", "impacket 0.10 leaves out timeOut"),
    (r"lsad\.LsarOpenPolicy2?$", "impacket has the root directory as a whole string"),
    (r"lsat\.LsarGetUserName$", "impacket has one pointer to DomainName; the definition has two"),
    (r"nrpc\.DSRUpdateReadOnlyServerDnsRecords$",
     "impacket has the strings of an array's elements in place, the definition pointers to them"),
    (r"nrpc\.Netr(DatabaseRedo|GetForestTrustInformation|LogonControl)$",
     "impacket sends what is [out] only, or adds a pointer"),
    (r"nrpc\.NetrLogonGetDomainInfo$", "impacket has the policy's bytes in place"),
    (r"nrpc\.NetrLogonSam",
     "impacket has the responses as structures of numbers, the definition as counted text"),
    (r"nrpc\.NetrServerPasswordSet2$", "the password's buffer: bytes in impacket, characters here"),
    (r"nspi\.Nspi(GetProps|GetSpecialTable|SeekEntries)$", "impacket leaves out parameters"),
    (r"nspi\.NspiGetIDsFromNames$", "impacket has the names in place, not behind pointers"),
    (r"rprn\.RpcRemoteFindFirstPrinterChangeNotificationEx$",
     "impacket has one notification type in place of an array of them"),
    (r"samr\.SamrCloseHandle$", "impacket sends an access mask that the procedure does not have"),
    (r"samr\.SamrSetInformationUser2?$", "impacket has UnitsPerWeek as 32 bits; it is 16"),
    (r"scmr\.RChangeServiceConfig2W$", "impacket has the failure actions in place, not behind a "
     "pointer"),
    (r"scmr\.RControlServiceExW$", "impacket has a structure where the definition has a union"),
    (r"scmr\.RNotifyServiceStatusChange$", "impacket leaves out the level before the union"),
    (r"scmr\.RSetServiceObjectSecurity$", "impacket sends a referent id for a [ref] pointer"),
    (r"srvs\.NetrDfsManagerReportSiteInfo$", "impacket has one pointer; the definition has two"),
    (r"srvs\.NetrServerSetInfo$", "impacket leaves out ParmErr"),
    (r"srvs\.NetrShare(Add|DelEx|SetInfo)$",
     "impacket has the descriptor of level 1501 in place, not behind a pointer"),
    (r"tsch\.SchRpcRun$", "impacket has the arguments in place, not behind pointers"),
    (r"wkst\.NetrUseEnum$", "impacket has one element where the container has an array of them"),
]


def explain_impacket(test, ours, theirs):
    """The reason of one difference, or None."""
    for place, mine, other, reason in IMPACKET:
        if re.match(place, test) and re.match(mine, ours) and re.match(other, theirs):
            return reason
    return None


def impacket_skips(test):
    """Why impacket's stubs of this request are no standard, or None."""
    for place, reason in IMPACKET_SKIPS:
        if re.match(place, test):
            return reason
    return None
