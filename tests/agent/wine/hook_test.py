#!/usr/bin/env python3
"""The hook DLL under Wine: own servers (interpreted and inline stubs), Wine's own services, a Linux
client and a capture beside it. Run by ctest in the build for Windows:

    hook_test.py BUILD_DIR CASE...      (no case: all)

BUILD_DIR holds the programs of this folder's CMakeLists.txt. Needs root for a network namespace of
its own (Wine's servers listen on all addresses); without, or without Wine, ends with 77: skipped.
"""
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = os.path.abspath(sys.argv[1])
SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), '../../..'))
NAMESPACE = 'rpcmhook%d' % os.getpid()
PORT = '21345'
INTERFACE = '6d1f3a52-8b7c-4e11-9a4d-2f6b3c5e7a90'


def skip_all(why):
    print('SKIPPED: ' + why)
    sys.exit(77)


def environment():
    env = dict(os.environ, WINEPREFIX=os.path.join(BUILD, 'prefix'), WINEDEBUG='-all',
               WINEARCH='win64', WINEDLLOVERRIDES='mscoree,mshtml=;winedbg.exe=d')
    env.pop('DISPLAY', None)
    return env


def inside(*command, **options):
    """A process in the namespace."""
    options.setdefault('stderr', subprocess.DEVNULL)
    return subprocess.Popen(['ip', 'netns', 'exec', NAMESPACE, *command], env=environment(),
                            stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
                            encoding='utf-8', errors='replace', **options)


def wine(program, *arguments, **options):
    if os.path.exists(os.path.join(BUILD, program)):
        program = os.path.join(BUILD, program)
    return inside('wine', program, *arguments, **options)


def finish(process, seconds=60):
    """(exit status, output)"""
    try:
        output = process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, output


def inhabitants():
    """Pids of the namespace's processes."""
    listed = subprocess.run(['ip', 'netns', 'pids', NAMESPACE], stdout=subprocess.PIPE, text=True, check=True)
    return [int(pid) for pid in listed.stdout.split()]


def processor_of(pid):
    """Seconds of processor time so far; 0 for a process that is gone."""
    try:
        with open('/proc/%d/stat' % pid) as f:
            fields = f.read().rsplit(')', 1)[1].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class Agent:
    """hook_agent.exe: the section, the pipe, injection."""

    def __init__(self, path):
        self.path = path
        open(path, 'w').close()
        self.process = wine('hook_agent.exe', 'Z:' + path)
        line = self.process.stdout.readline().strip()
        if line != 'ready':
            raise RuntimeError('hook_agent: ' + line)

    def ask(self, command):
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def hook(self, pid):
        """Protects a process and waits until its entries are replaced."""
        self.ask('protect %s' % pid)
        answer = self.ask('inject %s Z:%s/rpcmarshal-hook.dll' % (pid, BUILD))
        if answer != 'ok':
            raise RuntimeError('inject: ' + answer)
        return self.wait(pid, lambda s: s.get('entries', 0) > 0)

    def status(self, pid):
        answer = self.ask('status %s' % pid)
        return {k: int(v) for k, v in re.findall(r'(\w+)=(\d+)', answer)}

    def wait(self, pid, condition, seconds=40):
        """Until the status the hook sent last is as wanted. It comes every five seconds."""
        until = time.time() + seconds
        while time.time() < until:
            status = self.status(pid)
            if status and condition(status):
                return status
            time.sleep(0.1)
        raise AssertionError('status of %s: %s' % (pid, self.status(pid)))

    def release(self, pid):
        self.ask('release %s' % pid)
        return self.wait(pid, lambda s: s['state'] == 2)

    def events(self, settle=0.8):
        time.sleep(settle)
        with open(self.path, encoding='utf-8') as lines:
            return [json.loads(line) for line in lines]

    def forget(self):
        time.sleep(0.3)
        os.truncate(self.path, 0)

    def close(self):
        try:
            self.ask('quit')
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()


class Server:
    def __init__(self, kind, preload=None):
        extra = ['Z:%s/%s' % (BUILD, preload)] if preload else []
        self.process = wine('hook_%s_server.exe' % kind, PORT, r'\pipe\lab', 'lab_lrpc', *extra)
        line = self.process.stdout.readline().split()
        if line[:1] != ['ready']:
            raise RuntimeError('server: %s' % line)
        self.pid = line[1]

    def stop(self):
        client('ncacn_ip_tcp', 'stop')
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return 'hangs'

    def unix_pid(self):
        """Of the Wine process: its command line names the program, as `ip` and `wine` do not."""
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open('/proc/%s/cmdline' % pid, 'rb') as f:
                    words = f.read().split(b'\0')
                if words[0].endswith(b'_server.exe') and BUILD.encode() in words[0]:
                    return pid
            except OSError:
                continue
        raise RuntimeError('the server is gone')

    def memory(self):
        """Private bytes."""
        with open('/proc/%s/status' % self.unix_pid()) as f:
            return int(re.search(r'RssAnon:\s+(\d+)', f.read()).group(1)) * 1024

    def processor(self):
        """Seconds used so far."""
        return processor_of(int(self.unix_pid()))


ENDPOINTS = {'ncacn_ip_tcp': PORT, 'ncacn_np': r'\pipe\lab', 'ncalrpc': 'lab_lrpc'}


def client(protocol, *command, seconds=90):
    return finish(wine('hook_client.exe', protocol, ENDPOINTS[protocol], *map(str, command)), seconds)


class HookTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.agent = Agent(os.path.join(self.folder, 'events.jsonl'))
        self.addCleanup(self.agent.close)

    def serve(self, kind):
        server = Server(kind)
        self.addCleanup(lambda: server.process.poll() is None and server.process.kill())
        return server

    def succeed(self, *command, seconds=90):
        status, output = client(*command, seconds=seconds)
        self.assertEqual(status, 0, output)
        return output

    def compiled(self, policy):
        """Path of the compiled policy."""
        program = os.environ.get('RPCM_PROGRAM', os.path.join(SOURCE, 'build/release/rpcmarshal'))
        if not os.path.exists(program):
            self.skipTest('needs build/release/rpcmarshal to compile a policy')
        out = os.path.join(self.folder, 'test.policy')
        subprocess.check_call([program, 'policy', 'compile', policy, '-o', out, '--interfaces',
                               os.path.join(os.path.dirname(os.path.abspath(__file__)), 'types.idl')],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return out

    def check_all_events(self, events):
        """What `client all` sends, and what the server of server.c answers."""
        self.assertEqual([e['operation'] for e in events],
                         ['Scalars', 'Text', 'Text', 'Record', 'Bytes', 'Choice', 'Choice', 'Choice',
                          'List', 'List', 'Raise', 'Raise', 'Raise', 'Nothing', 'Counter', 'Longs'])
        for event in events:
            self.assertEqual(event['decode']['status'], 'complete', event)
            self.assertEqual(event['interface']['uuid'], INTERFACE)
            self.assertEqual(event['interface']['version'], '1.3')
            self.assertEqual(event['sensor'], 'host')
        (scalars, text, text2, record, data, choice1, choice2, choice9, full, empty, raise1, raise2,
         raise3, nothing, counter, longs) = events
        self.assertEqual(scalars['request'], {'b': 200, 's': -3, 'w': -1000, 'l': 123456,
                                              'h': 0x123456789AB, 'd': 2.5})
        self.assertEqual(scalars['response'], {'sum': 122655, 'large': 0x123456789AB * 2, 'return': 0})
        self.assertEqual(text['request'], {'wide': '\\\\fileserver\\share\\Z\u00fcrich',
                                           'narrow': 'plain', 'maybe': None})
        self.assertEqual(text['unc_hosts'], ['fileserver'])
        self.assertEqual(text2['request'], {'wide': '', 'narrow': '', 'maybe': 'given'})
        self.assertEqual(record['request']['in_record'],
                         {'large': -5, 'number': 41, 'parts': [1, 2, 3, 4], 'text': 'mixed Case'})
        self.assertEqual(record['response']['out_record']['text'], 'MIXED CASE')
        self.assertEqual(data['request']['data']['hex'], bytes(i * 7 & 255 for i in range(300)).hex())
        self.assertEqual(data['response']['answer']['hex'],
                         bytes(i * 7 & 255 ^ 255 for i in range(300)).hex())
        self.assertEqual(choice1['request']['choice'], {'case': 1, 'number': 77})
        self.assertEqual(choice2['request']['choice'], {'case': 2, 'pair': {'first': 5, 'second': -6}})
        self.assertEqual(choice9['request']['choice'], {'case': 9})
        self.assertEqual([c['request']['colour'] for c in (choice1, choice2, choice9)],
                         ['LAB_RED', 'LAB_GREEN', 'LAB_BLUE'])
        self.assertEqual(choice1['response'], {'other': 'LAB_BLUE', 'return': 77})
        self.assertEqual(full['request']['head']['next']['next'], {'value': 30, 'next': None})
        self.assertIsNone(empty['request']['head'])
        self.assertEqual([(e['outcome'], e['fault']['status']) for e in (raise1, raise2, raise3)],
                         [('fault', 1717), ('fault', 0xE0001234), ('fault', 2)])
        self.assertEqual((nothing['request'], nothing['response']), ({}, {}))
        self.assertEqual((counter['request'], counter['response']),
                         ({'value': 1}, {'value': 2, 'return': 0x80070005 - 2**32}))
        self.assertEqual(longs['request'], {'count': 5, 'values': [1, -2, 3, -4, 1000000]})
        self.assertEqual(longs['response'], {'sum': 999998, 'return': 0})

    def arguments_and_results(self, kind):
        server = self.serve(kind)
        self.agent.hook(server.pid)
        self.succeed('ncacn_ip_tcp', 'all')
        events = self.agent.events()
        self.check_all_events(events)
        for event in events:
            self.assertEqual(event['transport']['protocol'], 'ncacn_ip_tcp')
            self.assertEqual(event['client']['address'], '127.0.0.1')
            self.assertEqual(event['server']['port'], int(PORT))
            self.assertEqual(event['server']['pid'], int(server.pid))
            self.assertTrue(event['server']['process'].endswith('hook_%s_server.exe' % kind))
            self.assertGreater(event['duration'], 0)
        # 200,000 bytes each way, in many fragments.
        self.agent.forget()
        self.succeed('ncacn_ip_tcp', 'big')
        (big,) = self.agent.events()
        self.assertEqual((big['decode']['status'], big['request']['data']['size'],
                          big['response']['answer']['size'], big['response']['return']),
                         ('complete', 200000, 200000, 200000))
        # A named pipe.
        self.agent.forget()
        self.succeed('ncacn_np', 'all')
        events = self.agent.events()
        self.check_all_events(events)
        self.assertEqual(events[0]['transport'], {'protocol': 'ncacn_np', 'pipe': r'\pipe\lab'})
        self.assertRegex(events[0]['user']['sid'], r'^S-1-5-')
        # Local calls are not reported unless asked for.
        self.agent.forget()
        self.succeed('ncalrpc', 'all')
        self.assertEqual(self.agent.events(), [])
        status = self.agent.release(server.pid)
        self.assertEqual((status['entries'], status['failures'], status['dropped']), (0, 0, 0))
        self.agent.forget()
        self.succeed('ncacn_ip_tcp', 'all')
        self.assertEqual(self.agent.events(), [])
        # Protected again: local calls too, with who calls.
        self.agent.ask('flags 1')
        self.agent.ask('protect ' + server.pid)
        self.agent.wait(server.pid, lambda s: s['state'] == 1 and s['entries'] > 0)
        self.succeed('ncalrpc', 'all')
        events = self.agent.events()
        self.check_all_events(events)
        self.assertEqual(events[0]['transport']['protocol'], 'ncalrpc')
        self.assertGreater(events[0]['client']['pid'], 0)
        self.assertTrue(events[0]['client']['process'].endswith('hook_client.exe'))
        self.assertRegex(events[0]['user']['sid'], r'^S-1-5-')
        self.assertEqual(server.stop(), 0)

    def test_interpreted(self):
        self.arguments_and_results('interpreted')

    def test_inline(self):
        self.arguments_and_results('inline')


    def test_loaded_for_nothing(self):
        """A process that is no target is left as it was."""
        server = self.serve('interpreted')
        self.agent.ask('inject %s Z:%s/rpcmarshal-hook.dll' % (server.pid, BUILD))
        self.succeed('ncacn_ip_tcp', 'all')
        self.assertEqual(self.agent.events(), [])
        self.assertEqual(self.agent.status(server.pid), {})
        self.agent.hook(server.pid)  # it has unloaded itself: this loads it anew
        self.succeed('ncacn_ip_tcp', 'all')
        self.check_all_events(self.agent.events())
        self.assertEqual(server.stop(), 0)

    def test_threads(self):
        """16 threads with every kind of call, in rounds, while protection goes off and on.

        Wine's own server sometimes leaves a connection without an answer when it is this busy, without
        any hook too. Such a round is given up; it counts against the hook when a call is inside it."""
        seconds = int(os.environ.get('RPCM_HOOK_SECONDS', '20'))
        server = self.serve('interpreted')
        self.agent.hook(server.pid)
        self.succeed('ncacn_ip_tcp', 'all')
        before, after, calls, hung, rounds = 0, 0, 0, 0, 0
        until = time.time() + seconds
        while time.time() < until or (hung == rounds and rounds < 4):
            rounds += 1
            clients = wine('hook_client.exe', 'ncacn_ip_tcp', PORT, 'threads', '16', '3')
            self.agent.ask('toggle %s 4 350' % server.pid)  # longer than hooks take to look
            try:
                status, output = finish(clients, 25)
                self.assertEqual(status, 0, output)
                calls += int(re.search(r'(\d+) calls', output).group(1))
            except subprocess.TimeoutExpired:
                hung += 1
                time.sleep(5.5)
                self.assertEqual(self.agent.status(server.pid)['active'], 0)
            after = server.memory()
            before = before or after
        self.agent.wait(server.pid, lambda s: s['state'] == 1 and s['entries'] == 11)
        status = self.agent.release(server.pid)
        print('%d calls in %d rounds, %d without answer; memory %d kB, then %d kB; %s' %
              (calls, rounds, hung, before // 1024, after // 1024, status))
        self.assertGreater(status['events'], 0)
        self.assertEqual((status['failures'], status['active'], status['dropped']), (0, 0, 0))
        if hung == rounds:
            self.skipTest('Wine left every round without an answer, with no call inside the hook')
        self.assertLess(after, before + (64 << 20))
        self.succeed('ncacn_ip_tcp', 'all')

    def test_agent_that_does_not_read(self):
        """Nobody takes the events: calls go on at their pace, and what is lost is counted."""
        server = self.serve('interpreted')
        self.agent.hook(server.pid)
        self.succeed('ncacn_ip_tcp', 'many', 50)
        self.agent.ask('deaf 12')
        start = time.time()
        for _ in range(6):
            self.succeed('ncacn_ip_tcp', 'big')
        self.succeed('ncacn_ip_tcp', 'many', 1000)
        self.assertLess(time.time() - start, 12)
        status = self.agent.wait(server.pid, lambda s: s['dropped'] > 0, 40)
        self.assertGreater(status['dropped'], 0)
        # And it is heard again.
        self.agent.forget()
        time.sleep(1)
        self.succeed('ncacn_ip_tcp', 'all')
        self.assertTrue(any(e.get('operation') == 'Longs' for e in self.agent.events(2)))
        self.assertEqual(server.stop(), 0)

    def test_agent_that_dies(self):
        """Its hooks go on, or let go of the process when so configured."""
        server = self.serve('interpreted')
        self.agent.ask('stale 5')
        self.agent.ask('flags 4')
        self.agent.hook(server.pid)
        self.agent.process.kill()
        self.agent.process.wait()
        self.succeed('ncacn_ip_tcp', 'all')
        time.sleep(8)
        self.agent = Agent(os.path.join(self.folder, 'second.jsonl'))
        self.addCleanup(self.agent.close)
        self.succeed('ncacn_ip_tcp', 'all')
        self.assertEqual(self.agent.events(), [])
        self.agent.ask('protect ' + server.pid)
        self.agent.wait(server.pid, lambda s: s.get('state') == 1 and s['entries'] > 0)
        self.succeed('ncacn_ip_tcp', 'all')
        self.check_all_events(self.agent.events())
        self.assertEqual(server.stop(), 0)

    def test_services(self):
        """Wine's own services.exe, served by stubs nobody here wrote, and called by its own sc."""
        finish(wine('net', 'start', 'schedule'), 60)  # so that services.exe runs
        (pid,) = self.agent.ask('pid services.exe').split()
        self.agent.hook(pid)
        finish(wine('sc', 'create', 'LabHook', 'binPath=', r'C:\\windows\\lab hook.exe'), 60)
        finish(wine('sc', 'delete', 'LabHook'), 60)
        events = [e for e in self.agent.events(1.5) if e['interface'].get('name') == 'svcctl']
        by_name = {e['operation']: e for e in events}
        self.assertLessEqual({'ROpenSCManagerW', 'RCreateServiceW', 'RCloseServiceHandle',
                              'ROpenServiceW', 'RDeleteService'}, set(by_name))
        create = by_name['RCreateServiceW']
        self.assertEqual(create['decode']['status'], 'complete', create)
        self.assertEqual(create['request']['lpServiceName'], 'LabHook')
        self.assertEqual(create['request']['lpBinaryPathName'], 'C:\\\\windows\\\\lab hook.exe')
        self.assertEqual(create['response']['return']['name'], 'ERROR_SUCCESS')
        self.assertEqual(create['transport'], {'protocol': 'ncacn_np', 'pipe': '\\pipe\\svcctl'})
        self.assertTrue(any(h.get('name') == 'service LabHook' for h in by_name['RDeleteService']['handles']))
        self.agent.release(pid)

    def test_refused(self):
        """A policy's verdict on arguments: the client sees error 5, the server never the call."""
        compiled = self.compiled(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'refuse.yml'))
        server = self.serve('interpreted')
        self.agent.ask('policy Z:' + compiled)
        self.agent.hook(server.pid)
        self.succeed('ncacn_ip_tcp', 'refused', 1)  # Text with a UNC path
        events = self.agent.events()
        self.assertEqual([e['operation'] for e in events], ['Text', 'Longs', 'Text'])
        text = events[0]
        self.assertEqual((text['outcome'], text['fault']['status']), ('denied', 5))
        self.assertEqual(text['action']['decision'], 'block')
        self.assertEqual(text['action']['rule'], 'unc-elsewhere')
        self.assertNotIn('response', text)
        self.assertEqual(events[1]['action']['decision'], 'allow')
        # The same operation with other arguments is served; so is everything else.
        self.agent.forget()
        self.assertNotEqual(client('ncacn_ip_tcp', 'all')[0], 0)
        outcomes = [(e['operation'], e['outcome']) for e in self.agent.events()]
        self.assertIn(('Text', 'denied'), outcomes)
        self.assertIn(('Longs', 'returned'), outcomes)
        self.assertEqual(outcomes.count(('Text', 'denied')), 1)
        # Another policy, while it runs: nothing is refused any more.
        self.agent.ask('policy Z:/nonexistent')
        time.sleep(1)
        self.succeed('ncacn_ip_tcp', 'all')
        status = self.agent.release(server.pid)
        self.assertEqual((status['blocked'], status['failures']), (3, 0))
        # services.exe refuses a service by its path, and goes on.
        finish(wine('net', 'start', 'schedule'), 60)
        (pid,) = self.agent.ask('pid services.exe').split()
        self.agent.ask('policy Z:' + compiled)
        self.agent.hook(pid)
        self.agent.forget()
        refused, _ = finish(wine('sc', 'create', 'LabBad', 'binPath=', 'C:/temp/evil.exe'), 60)
        good, _ = finish(wine('sc', 'create', 'LabGood', 'binPath=', 'C:/windows/good.exe'), 60)
        finish(wine('sc', 'delete', 'LabGood'), 60)
        self.assertNotEqual(refused, 0)
        self.assertEqual(good, 0)
        creates = [e for e in self.agent.events(1.5) if e.get('operation') == 'RCreateServiceW']
        self.assertEqual([(e['request']['lpServiceName'], e['outcome']) for e in creates],
                         [('LabBad', 'denied'), ('LabGood', 'returned')])
        self.agent.release(pid)
        self.assertEqual(server.stop(), 0)

    def test_scheduler(self):
        """schedsvc in svchost.exe: the task's XML as schtasks sends it."""
        finish(wine('net', 'start', 'schedule'), 60)
        self.agent.ask('flags 1')  # Wine's schtasks calls locally
        hosts = self.agent.ask('pid svchost.exe').split()
        for pid in hosts:
            self.agent.ask('protect %s' % pid)
            self.agent.ask('inject %s Z:%s/rpcmarshal-hook.dll' % (pid, BUILD))
        for pid in hosts:
            self.agent.wait(pid, lambda s: s['state'] == 1)
        task = os.path.join(self.folder, 'task.xml')
        with open(task, 'w', encoding='utf-16') as out:
            out.write('<?xml version="1.0" encoding="UTF-16"?><Task version="1.2" '
                      'xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><Triggers/>'
                      '<Actions><Exec><Command>cmd.exe</Command><Arguments>/c whoami</Arguments>'
                      '</Exec></Actions></Task>')
        finish(wine('schtasks', '/create', '/xml', 'Z:' + task, '/tn', 'LabTask', '/f'), 60)
        finish(wine('schtasks', '/delete', '/tn', 'LabTask', '/f'), 60)
        events = self.agent.events(1.5)
        register = [e for e in events if e.get('operation') == 'SchRpcRegisterTask']
        self.assertTrue(register, [e.get('operation') for e in events])
        # Wine's schtasks writes the document anew, and puts no more than this into it.
        self.assertIn('<Task version="1.2"', register[0]['request']['xml'])
        self.assertTrue(register[0]['request']['path'].endswith('LabTask'), register[0])
        self.assertTrue([e for e in events if e.get('operation') == 'SchRpcDelete'])
        for pid in hosts:
            self.agent.release(pid)

    def test_asynchronous(self):
        """Stubs that answer through RpcAsyncCompleteCall: the event is made when the call ends."""
        self.asynchronous('hook_async_server.exe')

    def test_asynchronous_late(self):
        """A server whose linker was told to import RpcAsyncCompleteCall when it is first called."""
        self.asynchronous('hook_async_late_server.exe')

    def test_module_unloads(self):
        """A DLL with an interface comes, is hooked, goes, and comes again, protected or not meanwhile."""
        host = wine('hook_host.exe', 'Z:%s/hook_module.dll' % BUILD, PORT)
        self.addCleanup(host.kill)
        pid = host.stdout.readline().split()[1]

        def tell(command):
            host.stdin.write(command + '\n')
            host.stdin.flush()
            self.assertEqual(host.stdout.readline().strip(), command + ' done')

        def served():
            self.agent.forget()
            self.succeed('ncacn_ip_tcp', 'all')
            self.check_all_events(self.agent.events())
        tell('load')
        self.agent.hook(pid)
        served()
        tell('unload')
        self.agent.wait(pid, lambda s: s['entries'] == 0)
        tell('load')
        self.agent.wait(pid, lambda s: s['entries'] == 11)
        served()
        for _ in range(3):  # so quickly that the hook may not see it gone
            tell('unload')
            tell('load')
            time.sleep(1)
            served()
        tell('unload')
        # It goes while hooked, comes while nobody looks, and is hooked anew.
        self.agent.release(pid)
        tell('load')
        self.succeed('ncacn_ip_tcp', 'all')
        self.agent.ask('protect ' + pid)
        self.agent.wait(pid, lambda s: s['state'] == 1 and s['entries'] == 11)
        served()
        # The hook lets go of what is not there any more.
        tell('unload')
        status = self.agent.release(pid)
        self.assertEqual((status['failures'], status['active'], status['entries']), (0, 0, 0))
        tell('load')
        self.succeed('ncacn_ip_tcp', 'all')

    def asynchronous(self, program):
        process = wine(program, PORT)
        self.addCleanup(process.kill)
        pid = process.stdout.readline().split()[1]
        self.agent.hook(pid)
        status, output = finish(wine('hook_async_client.exe', PORT), 60)
        self.assertEqual(status, 0, output)
        add, twice, refuse = self.agent.events()
        self.assertEqual((add['request'], add['response']), ({'a': 40, 'b': 2}, {'return': 42}))
        self.assertEqual((add['outcome'], add['decode']['status']), ('returned', 'complete'))
        self.assertEqual((twice['request'], twice['response']), ({'a': 21}, {'return': 21}))
        self.assertEqual((twice['outcome'], twice['decode']['status']), ('returned', 'partial'))
        self.assertIn('asynchronous', twice['decode']['response']['reason'])
        self.assertEqual((refuse['outcome'], refuse['fault']['status']), ('fault', 1717))
        status = self.agent.release(pid)
        self.assertEqual((status['failures'], status['dropped'], status['active']), (0, 0, 0))
        # Let go, it still answers.
        self.assertEqual(finish(wine('hook_async_client.exe', PORT), 60)[0], 0)

    def com_object(self, before):
        """An object in another process, called as automation does; the hook comes before COM has registered
        anything there, or after."""
        server = wine('hook_com.exe', 'server')
        self.addCleanup(finish, server, 20)  # the end of its input is its end
        pid = server.stdout.readline().split()[1]

        def step():
            server.stdin.write('\n')
            server.stdin.flush()
        if not before:
            step()
            self.assertEqual(server.stdout.readline().strip(), 'ok')
        self.agent.ask('flags 1')  # Wine's COM calls locally
        self.agent.ask('protect ' + pid)
        self.assertEqual(self.agent.ask('inject %s Z:%s/rpcmarshal-hook.dll' % (pid, BUILD)), 'ok')
        self.agent.wait(pid, lambda s: s['state'] == 1)
        if before:
            time.sleep(1)
            step()
            self.assertEqual(server.stdout.readline().strip(), 'ok')
        status, output = finish(wine('hook_com.exe', 'client'), 60)
        self.assertEqual(status, 0, output)
        events = self.agent.events(1.5)
        calls = [('%s.%s' % (e['interface'].get('name'), e.get('operation')), e) for e in events]
        names, no_name = [e for name, e in calls if name == 'IDispatch.GetIDsOfNames']
        self.assertEqual(names['request']['rgszNames'], ['Marshal'])
        self.assertEqual(names['response']['rgDispId'], [7])
        self.assertEqual(no_name['response']['return']['name'], 'DISP_E_UNKNOWNNAME')
        (invoke,) = [e for name, e in calls if name == 'IDispatch.Invoke']
        self.assertEqual(invoke['dispatch'], {'member': 'Marshal', 'id': 7, 'kind': 'method',
                                              'arguments': ['calc.exe /x']})
        self.assertEqual((invoke['response']['pVarResult'], invoke['response']['return']['name']), (11, 'S_OK'))
        self.assertEqual([e['decode']['status'] for e in (names, no_name, invoke)], ['complete'] * 3)
        self.assertTrue(invoke['object'])
        self.assertTrue(invoke['client']['process'].endswith('hook_com.exe'), invoke)
        status = self.agent.release(pid)
        self.assertEqual((status['failures'], status['dropped'], status['active']), (0, 0, 0))
        # Let go, it still answers.
        self.assertEqual(finish(wine('hook_com.exe', 'client'), 60)[0], 0)
        step()

    def test_com_before(self):
        self.com_object(True)

    def test_com_after(self):
        self.com_object(False)

    def test_rpcss(self):
        """Wine's rpcss.exe: a process that registers an endpoint, and asks for it."""
        finish(wine('net', 'start', 'rpcss'), 60)
        (pid,) = self.agent.ask('pid rpcss.exe').split()
        self.agent.ask('flags 1')
        self.agent.hook(pid)
        status, output = client('ncalrpc', 'endpoints')
        self.assertEqual(status, 0, output)
        events = self.agent.events(1.5)
        events = [e for e in events if e['interface'].get('name') == 'epmapper']
        # Wine registers with a stub that leaves a pointer out; what it asks is as it should be.
        self.assertEqual([e['operation'] for e in events], ['ept_insert', 'ept_map', 'ept_insert'])
        asked, answered = events[1]['details']['tower']
        self.assertEqual((asked['uuid'], asked['interface']), (INTERFACE, 'lab_types'))
        self.assertEqual((answered['protocol'], answered['endpoint']), ('ncalrpc', 'marshal_lab_endpoint'))
        self.assertEqual(events[1]['decode']['status'], 'complete')
        self.assertTrue(events[1]['client']['process'].endswith('hook_client.exe'), events[1])
        self.assertEqual(events[0]['transport'], {'protocol': 'ncacn_np', 'pipe': r'\pipe\epmapper'})
        self.agent.release(pid)

    def test_wire_sees_the_same(self):
        """The same calls from Linux, by the hook and by a capture: same interface, operation,
        arguments, results."""
        marshal = os.environ.get('RPCM_PROGRAM', os.path.join(SOURCE, 'build/release/rpcmarshal'))
        python = '/usr/bin/python3'
        if not os.path.exists(marshal) or not shutil.which('tcpdump'):
            self.skipTest('needs build/release/rpcmarshal and tcpdump')
        if subprocess.call([python, '-c', 'import impacket'], stderr=subprocess.DEVNULL) != 0:
            self.skipTest('needs python3-impacket')
        server = self.serve('interpreted')
        self.agent.hook(server.pid)
        capture = os.path.join(self.folder, 'wire.pcap')
        dump = inside('tcpdump', '-i', 'lo', '-U', '-w', capture, 'tcp', 'port', PORT)
        time.sleep(1.5)
        status, output = finish(inside(python, os.path.join(os.path.dirname(__file__), 'linux_client.py'),
                                       '127.0.0.1', PORT, stderr=subprocess.STDOUT), 60)
        self.assertEqual(status, 0, output)
        host = self.agent.events()
        time.sleep(0.5)
        subprocess.call(['pkill', '-INT', '-P', str(dump.pid), 'tcpdump'])
        dump.terminate()
        finish(dump, 15)
        wire = subprocess.run([marshal, 'read', '--format', 'json', '--interfaces',
                               os.path.join(os.path.dirname(__file__), 'types.idl'), capture],
                              stdout=subprocess.PIPE, text=True, check=False).stdout
        wire = [json.loads(line) for line in wire.splitlines()]
        self.assertEqual(len(wire), 8, wire)
        keys = ['interface', 'opnum', 'operation', 'syntax', 'request', 'response', 'outcome', 'fault',
                'unc_hosts']
        pick = lambda event: {k: event.get(k) for k in keys}
        self.assertEqual([pick(e) for e in host], [pick(e) for e in wire])
        self.assertEqual(wire[1]['unc_hosts'], ['10.0.0.9'])
        self.assertEqual(server.stop(), 0)

    def test_overhead(self):
        """Calls per second with the hook, and with a policy of twenty rules, as a share of those without,
        taken in turns; and processor time per call, of the server and of everything that runs for the
        call (client, wineserver, agent), which says the same when something else runs beside it.
        wineserver and agent have one processor, server and client another, so that nothing depends on
        who happens to run where; RPCM_OVERHEAD_CPU names others, or "any". A measurement, and no test
        (bench/agent/overhead)."""
        policy = self.compiled(os.path.join(SOURCE, 'bench/agent/policy.yml'))
        rounds = int(os.environ.get('RPCM_OVERHEAD_ROUNDS', '30'))
        cpu = os.environ.get('RPCM_OVERHEAD_CPU', '0,1')
        calls, first = 600, 50  # that are counted, and those that `many` makes before
        if cpu != 'any':
            self.addCleanup(os.sched_setaffinity, 0, os.sched_getaffinity(0))
            others, ours = [int(c) for c in cpu.split(',')]
            os.sched_setaffinity(0, {ours})  # for what is started from here on
            for pid in inhabitants():
                for thread in os.listdir('/proc/%d/task' % pid):
                    os.sched_setaffinity(int(thread), {others})
        server = self.serve('interpreted')
        fresh = server.memory()
        asked = time.time()
        self.agent.hook(server.pid)
        hooking, hooked = time.time() - asked, server.memory()
        self.succeed('ncacn_ip_tcp', 'many', 50)
        time.sleep(1)
        print('memory of its own: %d kB before, %d kB hooked, %d kB after the first 100 events; hooked within '
              '%.1f s of being asked' % (fresh >> 10, hooked >> 10, server.memory() >> 10, hooking))
        self.agent.release(server.pid)

        def used():
            """Processor seconds of everything there is in the namespace, ended clients included."""
            ended = resource.getrusage(resource.RUSAGE_CHILDREN)
            return ended.ru_utime + ended.ru_stime + sum(map(processor_of, inhabitants()))

        def rate():
            """(calls per second; processor time per call in microseconds: the server's, everybody's)"""
            server_before, all_before = server.processor(), used()
            output = self.succeed('ncacn_ip_tcp', 'many', calls, seconds=30)
            time.sleep(0.15)  # the last events are written
            return (float(re.search(r'([\d.]+) calls/s', output).group(1)),
                    (server.processor() - server_before) / (calls + first) * 1e6,
                    (used() - all_before) / (calls + first) * 1e6)

        results = {'unhooked': [], 'hooked': [], 'with a policy': []}
        hung, failures, turn = 0, 0, 0
        while turn < rounds and hung < 5:
            taken = {}
            try:
                for kind in sorted(results, reverse=turn % 2 == 1):
                    if kind != 'unhooked':
                        self.agent.ask('policy Z:' + (policy if kind == 'with a policy' else '/nonexistent'))
                        self.agent.ask('protect ' + server.pid)
                        self.agent.wait(server.pid, lambda s: s['state'] == 1 and s['entries'] > 0)
                    taken[kind] = rate()
                    if kind != 'unhooked':
                        failures += self.agent.release(server.pid)['failures']
            except subprocess.TimeoutExpired:  # Wine loses an answer now and then, unhooked too
                hung += 1
                print('a call got no answer (%s); that round does not count' % kind)
                server.process.kill()
                server.process.wait()
                server = self.serve('interpreted')
                self.agent.hook(server.pid)
                self.agent.release(server.pid)
                continue
            turn += 1
            for kind, values in taken.items():
                results[kind].append(values)
        self.assertGreaterEqual(turn, 8, 'too few to say anything')
        middle = lambda values: sorted(values)[turn // 2]
        print('%d rounds of %d calls each, %s' %
              (turn, calls, 'wherever the system puts them' if cpu == 'any' else 'on processors %s' % cpu))
        for kind, taken in results.items():
            ratios = sorted(b[0] / t[0] for b, t in zip(results['unhooked'], taken))
            busy = sorted(t[2] / b[2] for b, t in zip(results['unhooked'], taken))
            print('%-14s %7.1f calls/s; unhooked / these: %.3f overall, median of rounds %.3f, half of them %.3f '
                  'to %.3f' %
                  (kind, turn / sum(1 / t[0] for t in taken),
                   sum(1 / t[0] for t in taken) / sum(1 / b[0] for b in results['unhooked']),
                   middle(ratios), ratios[turn // 4], ratios[turn * 3 // 4]))
            print('%-14s processor time per call: %4.0f us of the server, %4.0f us of all processes (medians); '
                  'these / unhooked: %.3f overall, median of rounds %.3f' %
                  ('', middle(t[1] for t in taken), middle(t[2] for t in taken),
                   sum(t[2] for t in taken) / sum(b[2] for b in results['unhooked']), middle(busy)))
        print('load %.1f' % os.getloadavg()[0])
        self.assertEqual(failures, 0)
        self.assertEqual(server.stop(), 0)


CASES = [c for c in sys.argv[2:]]

if __name__ == '__main__':
    if os.geteuid() != 0:
        skip_all('a network namespace needs root')
    if not shutil.which('wine'):
        skip_all('wine is not installed')
    if subprocess.call(['ip', 'netns', 'add', NAMESPACE], stderr=subprocess.DEVNULL) != 0:
        skip_all('no network namespace can be made here')
    try:
        subprocess.check_call(['ip', 'netns', 'exec', NAMESPACE, 'ip', 'link', 'set', 'lo', 'up'])
        # One wineserver for all cases, started inside: it is what opens the sockets.
        finish(inside('wineboot', '-i'), 240)
        result = unittest.main(argv=['hook_test.py'] + ['HookTest.test_' + c for c in CASES],
                               exit=False, verbosity=2, warnings='ignore').result
    finally:
        finish(inside('wineserver', '-k'), 60)
        subprocess.call(['ip', 'netns', 'del', NAMESPACE])
    sys.exit(not result.wasSuccessful())
