#!/usr/bin/env python3
"""The `policy` commands from the outside: check.py PROGRAM SOURCE_DIR.

Compiles, simulates captures, events, Zeek's log and RPC Firewall events, learns and tries what was
learned, converts and exports; exit statuses and messages.
"""
import collections
import json
import os
import subprocess
import sys
import tempfile

PROGRAM, ROOT = sys.argv[1], sys.argv[2]
failures = 0


def run(*arguments, status=0):
    global failures
    done = subprocess.run([PROGRAM, "policy", *arguments], capture_output=True, text=False, timeout=120)
    out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    if done.returncode != status:
        failures += 1
        print(f"FAIL: policy {' '.join(arguments)}: status {done.returncode}, not {status}\n{err}")
    return out, err


def expect(condition, what):
    global failures
    if not condition:
        failures += 1
        print(f"FAIL: {what}")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def simulate_damaged(policy, path):
    """Events that are decided in a capture that may end early (status 1, and a message)."""
    done = subprocess.run([PROGRAM, "policy", "simulate", "--no-summary", policy, path], capture_output=True,
                          timeout=120)
    expect(done.returncode in (0, 1), f"{policy} {path}: status {done.returncode}")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


# Part of a capture's name, policy, how many calls were decided how, by which rule.
CORPUS = [
    ("empire_dcsync_dcerpc", "replication", {("block", "replication-others", "IDL_DRSGetNCChanges"): 1}),
    ("covenant_dcsync_dcerpc", "replication", {("block", "replication-others", "IDL_DRSGetNCChanges"): 1}),
    ("covenant_sharpsc_create", "services", {("block", "service-other-program", "RCreateServiceA"): 1}),
    ("empire_smbexec_dcerpc_smb_svcctl_WORKSTATION5", "services",
     {("block", "service-other-program", "RCreateServiceW"): 1}),
    ("ActiveScriptEventConsumers_WORKSTATION5", "wmi", {("block", "wmi-subscription", "PutInstance"): 3}),
    # Sealed: not known, and so not blocked.
    ("schtask_create", "tasks", {("audit", "task-listed-command", "SchRpcRegisterTask"): 1}),
]


def main():
    captures, policies = f"{ROOT}/tests/captures", f"{ROOT}/policies"
    demo = f"{captures}/demo.pcap"
    with tempfile.TemporaryDirectory() as folder:
        # Examples are clean; findings have places, and a status.
        out, err = run("check", "--strict", *(f"{policies}/{f}" for f in sorted(os.listdir(policies))
                                             if f.endswith(".yml")))
        expect(out.count("0 errors, 0 warnings") == 7 and not err, "examples have findings: " + err)
        bad = write(f"{folder}/bad.yml", "rules:\n  - id: a\n    action: blok\n    when: {opnum: 1}\n")
        out, err = run("check", bad, status=2)
        expect("bad.yml:3:13: error: 'action' is block, allow or audit, not 'blok'; did you mean" in err, err)
        dead = write(f"{folder}/dead.yml", "rules:\n  - {id: a, action: block, when: {opnum: 1}}\n"
                                           "  - {id: b, action: block, when: {opnum: 1}}\n")
        out, err = run("check", dead)
        expect("never decides" in err, err)
        run("check", "--strict", dead, status=2)
        run("check", f"{folder}/absent.yml", status=2)

        # A capture, its events, and the compiled policy: the same decisions.
        services = f"{policies}/services.yml"
        out, err = run("simulate", services, demo)
        events = [json.loads(line) for line in out.splitlines()]
        expect(len(events) == 1 and events[0]["operation"] == "RCreateServiceW", out)
        expect(events and events[0]["action"] == {
            "decision": "block", "policy": "Services", "rule": "service-other-program",
            "reason": "The program is in no folder that services may be installed from", "status": 5}, out)
        expect("19 calls: 1 blocked, 0 audited, 18 allowed" in err, err)
        jsonl = f"{folder}/events.jsonl"
        subprocess.run([PROGRAM, "read", "-o", jsonl, demo], check=True, timeout=60, stderr=subprocess.DEVNULL)
        from_json, err = run("simulate", services, jsonl)
        expect([json.loads(line) for line in from_json.splitlines()] == events, "events decide otherwise")
        compiled = f"{folder}/services.policy"
        run("compile", services, "-o", compiled)
        from_block, err = run("simulate", compiled, demo)
        expect(from_block == out, "the compiled policy decides otherwise")
        out, err = run("check", compiled)
        expect("undamaged" in out, out)
        with open(compiled, "r+b") as file:
            file.seek(200)
            byte = file.read(1)
            file.seek(200)
            file.write(bytes([byte[0] ^ 1]))
        out, err = run("simulate", compiled, demo, status=2)
        expect("checksum" in err, err)
        # What simulate wrote can be simulated: the decision is replaced.
        decided = write(f"{folder}/decided.jsonl", from_json)
        again, err = run("simulate", services, decided)
        expect(again == from_json, "a decision from before is not replaced")
        out, err = run("simulate", "--format", "text", services, jsonl)
        expect('svcctl.RCreateServiceW\n    ■ block by policy rule "service-other-program"' in out, out)
        out, err = run("simulate", "--all", "--no-summary", services, demo)
        expect(len(out.splitlines()) == 19 and not err, err)
        run("simulate", services, f"{folder}/absent.pcap", status=1)
        # Standard input, captures and events; several inputs are one run.
        for path, same in ((demo, out), (jsonl, out)):
            with open(path, "rb") as file:
                piped = subprocess.run([PROGRAM, "policy", "simulate", "--all", "--no-summary", services, "-"],
                                       stdin=file, capture_output=True, timeout=120)
            expect(piped.returncode == 0 and piped.stdout.decode() == same, f"standard input: {path}")
        both, err = run("simulate", services, demo, jsonl)
        expect("38 calls: 2 blocked" in err, err)
        with open(demo, "rb") as file:
            piped = subprocess.run([PROGRAM, "policy", "learn", "-"], stdin=file, capture_output=True, timeout=120)
        expect(piped.returncode == 0 and piped.stdout.decode() == run("learn", demo)[0], "learn from standard input")
        expiring = write(f"{folder}/expiring.yml",
                         "rules:\n  - {id: a, action: block, expires: 2030-01-01, when: any}\n")
        expect("19 blocked" in run("simulate", "--at", "2029-12-31", expiring, demo)[1], "expiry")
        expect("0 blocked" in run("simulate", "--at", "2030-01-02", expiring, demo)[1], "expiry")
        run("simulate", "--at", "soon", expiring, demo, status=2)

        # Logs of others: what they say is compared, arguments are unknown.
        zeek = write(f"{folder}/dce_rpc.log", "\n".join([
            "#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", "#path\tdce_rpc",
            "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\trtt\tnamed_pipe\tendpoint\toperation",
            "#types\ttime\tstring\taddr\tport\taddr\tport\tinterval\tstring\tstring\tstring",
            "1700000000.5\tC1\t10.0.0.9\t50000\t10.0.0.1\t445\t0.1\t\\\\pipe\\\\ntsvcs\tsvcctl\tCreateServiceW",
            "1700000001.5\tC2\t10.0.0.9\t50001\t10.0.0.1\t135\t0.1\t135\tdrsuapi\tDRSGetNCChanges", ""]))
        out, err = run("simulate", f"{policies}/replication.yml", zeek)
        lines = [json.loads(line) for line in out.splitlines()]
        expect(len(lines) == 1 and lines[0]["operation"] == "IDL_DRSGetNCChanges" and
               lines[0]["action"]["decision"] == "block", out + err)
        out, err = run("simulate", services, zeek)
        lines = [json.loads(line) for line in out.splitlines()]
        expect(len(lines) == 1 and lines[0]["action"].get("unknown") == "request.lpBinaryPathName", out + err)
        firewall = write(f"{folder}/rpcfw.json", json.dumps({"Event": {
            "System": {"Channel": "RPCFW", "EventID": 3,
                       "TimeCreated": {"#attributes": {"SystemTime": "2026-01-02T03:04:05Z"}}},
            "EventData": {"Data": {"#text": [
                "NdrStubCall2", "4", "C:\\Windows\\System32\\lsass.exe", "ncacn_ip_tcp", "49667", "10.0.0.7",
                "e3514235-4b06-11d1-ab04-00c04fc2dcd2", "3", "CORP\\eve", "PKT_PRIVACY", "KERBEROS", "50123",
                "10.0.0.1", "49667", "S-1-5-21-1-2-3-1104"]}}}}))
        out, err = run("simulate", f"{policies}/replication.yml", firewall)
        lines = [json.loads(line) for line in out.splitlines()]
        expect(len(lines) == 1 and lines[0]["action"]["rule"] == "replication-others" and
               lines[0]["user"] == {"domain": "CORP", "name": "eve", "sid": "S-1-5-21-1-2-3-1104",
                                    "level": "privacy"}, out + err)

        # What was learned allows what it was learned from, also once it is enforced.
        for capture in ("demo", "svcctl_smb2", "winreg_smb2", "wmi_process", "epmapper", "accounts_smb2"):
            path = f"{captures}/{capture}.pcap"
            learned = f"{folder}/{capture}.yml"
            run("learn", path, "-o", learned)
            with open(learned, encoding="utf-8") as file:
                text = file.read()
            expect("mode: learn" in text, capture)
            enforced = write(f"{folder}/{capture}_on.yml", text.replace("mode: learn", "mode: enforce"))
            out, err = run("check", enforced)
            expect(" 0 errors" in out, out + err)
            out, err = run("simulate", enforced, path)
            expect(" 0 blocked" in err, f"{capture}: {err}")
        out, err = run("simulate", f"{folder}/winreg_smb2_on.yml", demo)
        expect(" 0 blocked" not in err, err)

        # Captures that nobody here made: what each example blocks and audits in them, and that learning from
        # one blocks nothing of it.
        corpus = os.path.join(ROOT, "..", "shared", "corpus", "otrf-network")
        for part, policy, decisions in CORPUS:
            path = next((f"{corpus}/{f}" for f in sorted(os.listdir(corpus)) if part in f), None) \
                if os.path.isdir(corpus) else None
            if path is None:
                print(f"skipped: {part} is not in ../shared/corpus")
                continue
            out = simulate_damaged(f"{policies}/{policy}.yml", path)
            seen = collections.Counter((e["action"]["decision"], e["action"]["rule"], e["operation"]) for e in out)
            expect(seen == decisions, f"{policy} on {part}: {dict(seen)}")
            learned = f"{folder}/corpus.yml"
            subprocess.run([PROGRAM, "policy", "learn", path, "-o", learned], stderr=subprocess.DEVNULL, timeout=120)
            with open(learned, encoding="utf-8") as file:
                enforced = write(learned, file.read().replace("mode: learn", "mode: enforce"))
            expect(" 0 errors" in run("check", enforced)[0], f"learned from {part}")
            blocked = [e for e in simulate_damaged(enforced, path) if e["action"]["decision"] == "block"]
            expect(not blocked, f"learned from {part}, and blocks {blocked[:1]}")

        # RpcFw.conf.
        conf = write(f"{folder}/RpcFw.conf",
                     "fw:uuid:367abb81-9844-35f1-ad32-98f038001003 opnum:12 action:block\n"
                     "fw:addr:<dc_addr1> action:allow\n"
                     "flt:uuid:e3514235-4b06-11d1-ab04-00c04fc2dcd2 action:block\n")
        out, err = run("convert", conf)
        expect("fw-line-1" in out and "RpcFw.conf:2:9: warning: the placeholder" in err, out + err)
        run("convert", "--strict", conf, status=2)
        converted = write(f"{folder}/converted.yml", out)
        run("check", converted)
        expect(run("simulate", "--no-summary", converted, demo)[0].count("\n") ==
               run("simulate", "--no-summary", conf, demo)[0].count("\n"), "converted decides otherwise")
        out, err = run("export", "--netsh", conf)
        expect("add rule layer=um actiontype=block\nadd condition field=if_uuid matchtype=equal "
               "data=e3514235-4b06-11d1-ab04-00c04fc2dcd2\nadd filter\n" in out, out)
        out, err = run("export", "--netsh", f"{policies}/replication.yml")
        expect("not exported" in err and "24h2" in err, err)
        out, err = run("export", "--netsh", "--windows", "24h2", f"{policies}/replication.yml")
        expect("field=opnum matchtype=equal data=3\n" in out, out + err)
    print(f"{failures} failed" if failures else "all passed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
