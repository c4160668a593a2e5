"""`rpcmarshal interfaces` as users run it: list, filter, JSON, show, a folder of their own, mistakes.

check_interfaces.py RPCMARSHAL
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
OWN = """[uuid(01020304-0506-0708-090a-0b0c0d0e0f10), version(3.1)]
/*@document("OURS"), about("An interface of our own")*/
interface OurInterface {
  /*@attack("T1569.002"), severity("high"), why("Runs what it is told")*/
  long DoIt([in] handle_t h, [in, string] wchar_t *what);
}
"""


def run(*words):
    done = subprocess.run([PROGRAM, "interfaces", *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def names(text):
    return [line.split()[0] for line in text.splitlines()[:-1]]


class Interfaces(unittest.TestCase):
    def test_list_has_counts_and_a_total(self):
        status, text, _ = run()
        self.assertEqual(status, 0)
        self.assertGreater(len(names(text)), 150)
        svcctl = next(line for line in text.splitlines() if line.startswith("svcctl "))
        self.assertRegex(svcctl, r"367abb81-9844-35f1-ad32-98f038001003 v2\.0 +\d+/\d+ +\d+ attack +MS-SCMR ")
        self.assertRegex(text.splitlines()[-1], r"^\d+ interfaces, \d+ operations: \d+ with typed")

    def test_every_word_narrows_the_list(self):
        coerced = names(run("T1187")[1])
        self.assertTrue({"efsrpc", "netdfs", "winspool", "FileServerVssAgent"} <= set(coerced))
        self.assertEqual(set(names(run("T1187", "MS-EFSR")[1])), {"efsrpc"})
        self.assertEqual(names(run("t1187", "ms-dfsnm")[1]), ["netdfs"], "whatever the case")

    def test_names_alone_are_listed_on_demand(self):
        status, text, message = run("unixinfo")
        self.assertEqual((status, text.splitlines()[-1].split()[0]), (1, "0"))
        self.assertIn("--all", message)
        status, text, _ = run("--all", "unixinfo")
        self.assertEqual((status, names(text)), (0, ["unixinfo"]))

    def test_json_is_a_list_of_objects(self):
        status, text, _ = run("--format", "json", "MS-TSCH")
        rows = json.loads(text)
        self.assertEqual(status, 0)
        self.assertEqual({row["name"] for row in rows}, {"ITaskSchedulerService", "atsvc", "sasec"})
        for row in rows:
            self.assertLessEqual(row["typed"], row["operations"])
        everything = json.loads(run("--all", "--format", "json")[1])
        self.assertGreaterEqual(len({row["uuid"] for row in everything}), 537)

    def test_show_says_what_matters(self):
        status, text, _ = run("show", "svcctl")
        self.assertEqual(status, 0)
        for part in ("MS-SCMR", "\\pipe\\svcctl", "  12  RCreateServiceW", "T1569.002",
                     "A service runs a command", "RCreateWowService", "also called CreateServiceW"):
            self.assertIn(part, text)

    def test_show_finds_by_any_name(self):
        one = run("show", "winspool")[1]
        self.assertEqual(one, run("show", "spoolss")[1], "Zeek's name")
        self.assertEqual(one, run("show", "12345678-1234-ABCD-EF00-0123456789AB")[1], "UUID")
        status, text, message = run("show", "svcctl", "NoSuchInterface")
        self.assertEqual(status, 2)
        self.assertIn("svcctl", text)
        self.assertIn("NoSuchInterface", message)

    def test_show_json(self):
        status, text, _ = run("show", "--format", "json", "IWbemServices")
        shown = json.loads(text)
        self.assertEqual(status, 0)
        methods = {p["opnum"]: p for p in shown["procedures"]}
        self.assertEqual(methods[24]["name"], "ExecMethod")
        self.assertEqual(methods[24]["severity"], "high")
        self.assertEqual(methods[24]["attack"], ["T1047"])
        self.assertEqual(methods[24]["siblings"], ["ExecMethodAsync"])

    def test_markdown_is_a_page(self):
        status, text, _ = run("--format", "markdown")
        self.assertEqual(status, 0)
        self.assertTrue(text.startswith("# Interfaces\n"))

    def test_a_folder_of_ones_own(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "own.idl").write_text(OWN)
            status, text, _ = run("--interfaces", folder, "OURS")
            self.assertEqual((status, names(text)), (0, ["OurInterface"]))
            self.assertIn("Runs what it is told", run("--interfaces", folder, "show", "OurInterface")[1])

    def test_mistakes_are_said(self):
        status, _, message = run("--format", "xml")
        self.assertNotEqual(status, 0)
        self.assertIn("xml", message)
        status, _, message = run("--interfaces", "/nonexistent")
        self.assertNotEqual(status, 0)
        self.assertIn("/nonexistent", message)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(argv=sys.argv[:1], verbosity=0)
