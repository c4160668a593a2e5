#!/usr/bin/env python3
"""The compiled event manifest, read back from its bytes by offsets, against events.json: every name, level,
keyword, text and value of every event. events_check.py SOURCE"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import uuid
import xml.etree.ElementTree as ElementTree

SOURCE = sys.argv.pop() if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), '../..')
EVENTS = os.path.join(SOURCE, 'src/agent/service/events')
PLACE = '{http://schemas.microsoft.com/win/2004/08/events}'


class Resource:
    """CRIM and its one provider."""

    def __init__(self, data):
        self.data = data
        signature, size, _, _, providers = self.words('<4sIHHI', 0)
        assert (signature, size, providers) == (b'CRIM', len(data), 1)
        self.guid = uuid.UUID(bytes_le=data[16:32])
        (at,) = self.words('<I', 32)
        signature, size, self.message, count = self.words('<4sIII', at)
        assert signature == b'WEVT' and at + size == len(data)
        self.tables = {}
        end = at + 16 + 8 * count
        for index in range(count):  # without gaps, in their order
            _, offset = self.words('<II', at + 16 + 8 * index)
            signature, size, entries = self.words('<4sII', offset)
            assert offset == end and offset % 4 == 0, (signature, offset, end)
            end = offset + size
            self.tables[signature.decode()] = (offset, entries)
        assert end == len(data)

    def words(self, form, at):
        return struct.unpack_from(form, self.data, at)

    def name(self, at):
        (size,) = self.words('<I', at)
        assert size % 4 == 0
        return self.data[at + 4:at + size].decode('utf-16-le').split('\0')[0]

    def rows(self, table, form, skip=12):
        at, count = self.tables[table]
        size = struct.calcsize(form)
        return {at + skip + size * i: self.words(form, at + skip + size * i) for i in range(count)}

    def template(self, at):
        """Names of the values, from the list and from the binary XML."""
        signature, size, items, names, items_at, kind = self.words('<4sIIIII', at)
        assert signature == b'TEMP' and items == names and kind == 1
        listed = []
        for index in range(items):
            flags, given, shown, _, _, _, name_at = self.words('<IBBHIII', items_at + 20 * index)
            assert (flags, given, shown) == (0, 1, 1)
            listed.append(self.name(name_at))
            assert at < name_at < at + size
        return listed, self.xml(at + 40, items_at)

    def xml(self, at, end):
        names = []

        def text(here):
            _, length = self.words('<HH', here)
            return self.data[here + 4:here + 4 + 2 * length].decode('utf-16-le'), here + 6 + 2 * length

        assert self.data[at:at + 7] == b'\x0f\x01\x01\x00\x01\xff\xff'
        (size,) = self.words('<I', at + 7)
        close = at + 11 + size
        element, at = text(at + 11)
        assert element == 'EventData' and self.data[at] == 2
        at += 1
        while self.data[at] == 0x41:
            (size,) = self.words('<I', at + 3)
            next_at = at + 7 + size
            element, at = text(at + 7)
            assert element == 'Data'
            (size,) = self.words('<I', at)
            value_at = at + 4 + size
            assert self.data[at + 4] == 6
            attribute, at = text(at + 5)
            assert attribute == 'Name' and self.data[at:at + 2] == b'\x05\x01'
            (length,) = self.words('<H', at + 2)
            names.append(self.data[at + 4:at + 4 + 2 * length].decode('utf-16-le'))
            assert at + 4 + 2 * length == value_at
            # A value that is always there, the text of that number.
            assert self.data[value_at:value_at + 2] == b'\x02\x0d'
            assert self.words('<HB', value_at + 2) == (len(names) - 1, 1)
            assert self.data[value_at + 5] == 4
            at = value_at + 6
            assert at == next_at
        assert self.data[at:at + 2] == b'\x04\x00' and at + 1 == close and end - close < 5
        return names


class EventsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        subprocess.check_call([sys.executable, os.path.join(EVENTS, 'compile_events.py'),
                               os.path.join(EVENTS, 'events.json'), cls.folder])
        with open(os.path.join(EVENTS, 'events.json'), encoding='utf-8') as file:
            cls.given = json.load(file)
        for event in cls.given['events']:
            if isinstance(event['fields'], str):
                event['fields'] = cls.given['fields'][event['fields']]
        cls.resource = Resource(cls.read('wevt.bin'))
        cls.texts = cls.message_table(cls.read('messages.bin'))

    @classmethod
    def read(cls, name):
        with open(os.path.join(cls.folder, name), 'rb') as file:
            return file.read()

    @staticmethod
    def message_table(data):
        out, (blocks,) = {}, struct.unpack_from('<I', data)
        for index in range(blocks):
            low, high, at = struct.unpack_from('<III', data, 4 + 12 * index)
            for number in range(low, high + 1):
                size, flags = struct.unpack_from('<HH', data, at)
                assert flags == 1
                out[number] = data[at + 4:at + size].decode('utf-16-le').rstrip('\0')
                at += size
        return out

    def test_provider_and_channel(self):
        self.assertEqual(str(self.resource.guid), self.given['guid'])
        self.assertIn(self.given['provider'], self.texts[self.resource.message])
        ((value, name, _, message),) = self.resource.rows('CHAN', '<IIII').values()
        self.assertEqual((value, self.resource.name(name)), (16, self.given['channel']))
        self.assertIn(self.given['channel'], self.texts[message])

    def test_events(self):
        levels = self.resource.rows('LEVL', '<III')
        keywords = self.resource.rows('KEYW', '<QII')
        events = list(self.resource.rows('EVNT', '<HBBBBHQIIIIIIII', skip=16).values())
        self.assertEqual(len(events), len(self.given['events']))
        for row, given in zip(events, self.given['events']):
            (number, version, channel, level, _, _, mask, message, template, _, level_at, _, count, at, _) = row
            self.assertEqual((number, version, channel, message), (given['id'], 0, 16, given['id']))
            self.assertEqual(levels[level_at][0], level)
            self.assertEqual({2: 'error', 3: 'warning', 4: 'information'}[level], given['level'])
            self.assertTrue(self.texts[levels[level_at][1]])
            names = [keywords[place] for place in self.resource.words('<%dI' % count, at)] if count else []
            self.assertEqual([self.resource.name(k[2]) for k in names],
                             [given['keyword']] if 'keyword' in given else [])
            self.assertEqual(mask, 1 << 63 | sum(k[0] for k in names))
            listed, in_xml = self.resource.template(template) if template else ([], [])
            self.assertEqual(listed, given['fields'])
            self.assertEqual(in_xml, given['fields'])
            text = self.texts[number]
            for index, field in enumerate(given['fields']):
                self.assertIn('%s: %%%d' % (field, index + 1), text)

    def test_manifest(self):
        root = ElementTree.fromstring(self.read('agent.man'))
        strings = {s.get('id'): s.get('value') for s in root.iter(PLACE + 'string')}
        templates = {t.get('tid'): [d.get('name') for d in t.iter(PLACE + 'data')]
                     for t in root.iter(PLACE + 'template')}
        provider = next(root.iter(PLACE + 'provider'))
        self.assertEqual(uuid.UUID(provider.get('guid')), uuid.UUID(self.given['guid']))
        self.assertEqual(next(root.iter(PLACE + 'channel')).get('name'), self.given['channel'])
        events = list(root.iter(PLACE + 'event'))
        self.assertEqual([int(e.get('value')) for e in events], [e['id'] for e in self.given['events']])
        for event, given in zip(events, self.given['events']):
            self.assertEqual(templates.get(event.get('template'), []), given['fields'])
            self.assertEqual(event.get('keywords'), given.get('keyword'))
        for element in root.iter():  # every text that is referred to is there
            message = element.get('message')
            if message:
                self.assertIn(message[len('$(string.'):-1], strings)


if __name__ == '__main__':
    unittest.main()
