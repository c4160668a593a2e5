#!/usr/bin/env python3
"""Compiles events.json, the one list of what the agent writes to the Windows event log, as Microsoft's
mc.exe compiles a manifest:

    compile_events.py events.json FOLDER

    wevt.bin        resource WEVT_TEMPLATE: the provider's channel, levels, keywords, events, and the
                    name of each value; layout as in libfwevt's "Windows Event manifest binary format",
                    and as found in resources that mc.exe made
    messages.bin    resource RT_MESSAGETABLE (MESSAGE_RESOURCE_DATA of winnt.h): texts for people; serves
                    the classic source, too
    agent.man       the manifest that `wevtutil im` registers; @PROGRAM@ stands for the program's path
    events.rc       for windres: all three
    log_events.h    for the program: identifiers, levels, keywords, names of values
"""
import hashlib
import json
import os
import struct
import sys
import uuid
from xml.sax.saxutils import escape, quoteattr

LEVELS = {'error': (2, 'win:Error', 'Error'), 'warning': (3, 'win:Warning', 'Warning'),
          'information': (4, 'win:Informational', 'Information')}
CHANNEL = 16  # values below are Windows' own
CHANNEL_BIT = 1 << 63  # the first channel of a provider
NO_MESSAGE = 0xFFFFFFFF
PROVIDER_MESSAGE, CHANNEL_MESSAGE = 0x90000001, 0x90000002
UNICODE_STRING = 1  # as input and output type of a value
# Kinds in a provider's directory.
LEVL, TASK, OPCO, KEYW, EVNT, CHAN, MAPS, TTBL, PRVA = 0, 1, 2, 3, 4, 5, 6, 7, 13


def utf16(text):
    return text.encode('utf-16-le')


def pad(data, to=4):
    return data + bytes(-len(data) % to)


def name_block(text):
    """A counted name: its size (with itself), UTF-16 and a NUL."""
    body = pad(utf16(text) + b'\0\0')
    return struct.pack('<I', len(body) + 4) + body


def name_hash(text):
    """[MS-EVEN6] 2.2.12, NameHash."""
    value = 0
    for unit in struct.unpack('<%dH' % len(text), utf16(text)):
        value = (value * 65599 + unit) & 0xFFFFFFFF
    return value & 0xFFFF


def xml_name(text):
    return struct.pack('<HH', name_hash(text), len(text)) + utf16(text) + b'\0\0'


def binary_xml(fields):
    """<EventData><Data Name="...">value</Data>...</EventData> as [MS-EVEN6] 2.2.12 has it, names inline."""
    elements = b''
    for index, field in enumerate(fields):
        attribute = b'\x06' + xml_name('Name') + b'\x05\x01' + struct.pack('<H', len(field)) + utf16(field)
        body = (xml_name('Data') + struct.pack('<I', len(attribute)) + attribute + b'\x02' +
                b'\x0d' + struct.pack('<HB', index, UNICODE_STRING) + b'\x04')
        elements += b'\x41\xff\xff' + struct.pack('<I', len(body)) + body
    body = xml_name('EventData') + b'\x02' + elements + b'\x04'
    return b'\x0f\x01\x01\x00' + b'\x01\xff\xff' + struct.pack('<I', len(body)) + body + b'\x00'


def template(fields, at):
    """TEMP at offset `at` of the resource."""
    fragment = pad(binary_xml(fields))
    identifier = hashlib.md5(fragment).digest()
    items_at = at + 40 + len(fragment)
    names_at = items_at + 20 * len(fields)
    items = names = b''
    for field in fields:
        items += struct.pack('<IBBHIII', 0, UNICODE_STRING, UNICODE_STRING, 0, 0, 0, names_at + len(names))
        names += name_block(field)
    body = struct.pack('<IIII', len(fields), len(fields), items_at, 1) + identifier + fragment + items + names
    return b'TEMP' + struct.pack('<I', len(body) + 8) + body


def table(signature, at, entries, texts, entry_size, make):
    """A table whose entries point to names behind them; make(entry, offset of its name)."""
    names_at = at + 12 + entry_size * len(entries)
    body = names = b''
    for entry, text in zip(entries, texts):
        body += make(entry, names_at + len(names))
        names += name_block(text)
    return signature + struct.pack('<II', 12 + len(body) + len(names), len(entries)) + body + names


class Events:
    def __init__(self, path):
        with open(path, encoding='utf-8') as file:
            raw = json.load(file)
        self.provider, self.channel = raw['provider'], raw['channel']
        self.guid = uuid.UUID(raw['guid'])
        self.access, self.max_size = raw['access'], raw['max_size']
        self.keywords = raw['keywords']
        self.events = raw['events']
        for event in self.events:
            if isinstance(event['fields'], str):
                event['fields'] = raw['fields'][event['fields']]
            lines = [event['title']] + ['%s: {%s}' % (field, field) for field in event['fields']]
            message = '\r\n'.join(lines)
            for index, field in enumerate(event['fields']):
                message = message.replace('{%s}' % field, '%%%d' % (index + 1))
            event['message'] = message
        self.levels = sorted({event['level'] for event in self.events}, key=lambda level: LEVELS[level][0])

    def mask(self, event):
        return CHANNEL_BIT | (self.keywords[event['keyword']] if 'keyword' in event else 0)

    def messages(self):
        """Texts by identifier."""
        out = {event['id']: event['message'] for event in self.events}
        for level in self.levels:
            out[0x50000000 | LEVELS[level][0]] = LEVELS[level][2]
        for name, mask in self.keywords.items():
            out[0x10000000 | mask.bit_length()] = name
        out[PROVIDER_MESSAGE], out[CHANNEL_MESSAGE] = self.provider, self.channel
        return out

    def message_table(self):
        entries = sorted(self.messages().items())
        blocks = []  # runs of identifiers
        for number, text in entries:
            if not blocks or blocks[-1][-1][0] + 1 != number:
                blocks.append([])
            blocks[-1].append((number, text))
        header, body = struct.pack('<I', len(blocks)), b''
        start = 4 + 12 * len(blocks)
        for block in blocks:
            header += struct.pack('<III', block[0][0], block[-1][0], start + len(body))
            for _, text in block:
                data = pad(utf16(text + '\r\n') + b'\0\0')
                body += struct.pack('<HH', len(data) + 4, 1) + data  # 1: Unicode
        return header + body

    def wevt_template(self):
        at = 16 + 20  # CRIM, and one provider in it
        kinds = [CHAN, TTBL, PRVA, LEVL, KEYW, EVNT]
        cursor = at + 16 + 8 * len(kinds)
        blocks, offsets = b'', {}

        def add(kind, data):
            nonlocal blocks, cursor
            offsets[kind] = cursor
            blocks += data
            cursor += len(data)

        add(CHAN, table(b'CHAN', cursor, [CHANNEL], [self.channel], 16,
                        lambda value, name: struct.pack('<IIII', value, name, 0, CHANNEL_MESSAGE)))
        templates, places = b'', {}
        for event in self.events:
            key = tuple(event['fields'])
            if key and key not in places:
                places[key] = cursor + 12 + len(templates)
                templates += template(event['fields'], places[key])
        add(TTBL, b'TTBL' + struct.pack('<II', 12 + len(templates), len(places)) + templates)
        name = pad(utf16(self.provider) + b'\0\0')
        add(PRVA, b'PRVA' + struct.pack('<IIII', 20 + len(name), 1, 0x10000001, cursor + 20) + name)
        levels = [LEVELS[level] for level in self.levels]
        level_at = {level: cursor + 12 + 12 * index for index, level in enumerate(self.levels)}
        add(LEVL, table(b'LEVL', cursor, levels, [level[1] for level in levels], 12,
                        lambda level, name: struct.pack('<III', level[0], 0x50000000 | level[0], name)))
        masks = list(self.keywords.values())
        keyword_at = {name: cursor + 12 + 16 * index for index, name in enumerate(self.keywords)}
        add(KEYW, table(b'KEYW', cursor, masks, list(self.keywords), 16,
                        lambda mask, name: struct.pack('<QII', mask, 0x10000000 | mask.bit_length(), name)))
        lists_at, rows, lists = cursor + 16 + 48 * len(self.events), b'', b''
        for event in self.events:
            keyword = event.get('keyword')
            rows += struct.pack(
                '<HBBBBHQIIIIIIII', event['id'], 0, CHANNEL, LEVELS[event['level']][0], 0, 0,
                self.mask(event), event['id'], places.get(tuple(event['fields']), 0), 0,
                level_at[event['level']], 0, 1 if keyword else 0, lists_at + len(lists) if keyword else 0, 0)
            if keyword:
                lists += struct.pack('<I', keyword_at[keyword])
        add(EVNT, b'EVNT' + struct.pack('<III', 16 + len(rows) + len(lists), len(self.events), 0) + rows + lists)

        directory = b''.join(struct.pack('<II', kind, offsets[kind]) for kind in kinds)
        wevt = struct.pack('<4sIII', b'WEVT', 16 + len(directory) + len(blocks), PROVIDER_MESSAGE,
                           len(kinds)) + directory + blocks
        crim = struct.pack('<4sIHHI', b'CRIM', at + len(wevt), 5, 1, 1) + self.guid.bytes_le + struct.pack('<I', at)
        return crim + wevt

    def manifest(self):
        strings = {}

        def string(key, text):
            strings[key] = text
            return quoteattr('$(string.%s)' % key)

        def printf(text):  # in a manifest, lines of a text are %n
            return text.replace('\r\n', '%n')

        templates, events = {}, ''
        for event in self.events:
            key = tuple(event['fields'])
            if key and key not in templates:
                templates[key] = 'T%d' % event['id']
            events += '          <event value="%d" symbol=%s version="0" channel="Operational" level="%s"' % (
                event['id'], quoteattr(event['name']), LEVELS[event['level']][1])
            if 'keyword' in event:
                events += ' keywords=%s' % quoteattr(event['keyword'])
            if key:
                events += ' template="%s"' % templates[key]
            events += ' message=%s/>\n' % string('event.%d' % event['id'], printf(event['message']))
        body = ''
        for key, name in templates.items():
            body += '          <template tid="%s">\n' % name
            for field in key:
                body += '            <data name=%s inType="win:UnicodeString"/>\n' % quoteattr(field)
            body += '          </template>\n'
        keywords = ''.join('          <keyword name=%s mask="0x%016X" message=%s/>\n' % (
            quoteattr(name), mask, string('keyword.' + name, name)) for name, mask in self.keywords.items())
        head = '''<?xml version="1.0" encoding="utf-8"?>
<instrumentationManifest xmlns="http://schemas.microsoft.com/win/2004/08/events">
  <instrumentation xmlns:win="http://manifests.microsoft.com/win/2004/08/windows/events">
    <events>
      <provider name=%s guid="{%s}" symbol="RPC_MARSHAL" resourceFileName="@PROGRAM@"
                messageFileName="@PROGRAM@" message=%s>
        <channels>
          <channel chid="Operational" name=%s type="Operational" enabled="true" isolation="Custom"
                   access=%s message=%s>
            <logging><maxSize>%d</maxSize></logging>
          </channel>
        </channels>
''' % (quoteattr(self.provider), str(self.guid).upper(), string('provider', self.provider),
            quoteattr(self.channel), quoteattr(self.access), string('channel', self.channel), self.max_size)
        table_text = ''.join('        <string id=%s value=%s/>\n' % (quoteattr(key), quoteattr(text))
                             for key, text in strings.items())
        return (head + '        <keywords>\n' + keywords + '        </keywords>\n        <templates>\n' + body +
                '        </templates>\n        <events>\n' + events + '        </events>\n' +
                '      </provider>\n    </events>\n  </instrumentation>\n  <localization>\n' +
                '    <resources culture="en-US">\n      <stringTable>\n' + table_text +
                '      </stringTable>\n    </resources>\n  </localization>\n</instrumentationManifest>\n')

    def header(self):
        guid = '{0x%08x, 0x%04x, 0x%04x, {%s}}' % (
            self.guid.time_low, self.guid.time_mid, self.guid.time_hi_version,
            ', '.join('0x%02x' % byte for byte in self.guid.bytes[8:]))
        out = ('// Made from events.json by compile_events.py: what the agent writes to the event log.\n'
               '#pragma once\n\n#include "agent/service/event_record.h"\n\n'
               'namespace rpcmarshal::agent {\n\n'
               'inline constexpr LogProvider kLogProvider{"%s", L"{%s}", %s};\n\n' % (
                   self.provider, str(self.guid), guid))
        for event in self.events:
            name = event['name']
            fields = event['fields']
            if fields:
                out += 'inline constexpr const char* kLog%sFields[] = {%s};\n' % (
                    name, ', '.join('"%s"' % field for field in fields))
            out += ('inline constexpr LogEvent kLog%s{%d, %d, %d, 0x%016xu, %s};\n' % (
                name, event['id'], LEVELS[event['level']][0], CHANNEL, self.mask(event),
                'kLog%sFields' % name if fields else '{}'))
        return out + '\n}  // namespace rpcmarshal::agent\n'


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    events = Events(sys.argv[1])
    folder = sys.argv[2]
    os.makedirs(folder, exist_ok=True)

    def write(name, data):
        with open(os.path.join(folder, name), 'wb') as out:
            out.write(data if isinstance(data, bytes) else data.encode('utf-8'))

    write('wevt.bin', events.wevt_template())
    write('messages.bin', events.message_table())
    write('agent.man', events.manifest())
    write('log_events.h', events.header())
    write('events.rc', 'LANGUAGE 9, 1\n1 WEVT_TEMPLATE "%s/wevt.bin"\n1 11 "%s/messages.bin"\n'
                       'EVENTS RCDATA "%s/agent.man"\n' % (folder, folder, folder))


if __name__ == '__main__':
    main()
