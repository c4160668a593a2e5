#!/usr/bin/env python3
"""Writes the list of delayed imports that dlltool made into an x64 program's header, as other linkers do:

    delay_directory.py PROGRAM NM
"""
import re
import struct
import subprocess
import sys

program, nm = sys.argv[1:]
symbols = subprocess.run([nm, program], stdout=subprocess.PIPE, text=True, check=True).stdout
(address,) = re.findall(r'^([0-9a-f]+) \w __DELAY_IMPORT_DESCRIPTOR_', symbols, re.M)
with open(program, 'r+b') as image:
    image.seek(0x3C)
    optional = struct.unpack('<I', image.read(4))[0] + 24
    image.seek(optional + 24)
    (base,) = struct.unpack('<Q', image.read(8))
    image.seek(optional + 112 + 13 * 8)  # IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT
    image.write(struct.pack('<II', int(address, 16) - base, 32))
