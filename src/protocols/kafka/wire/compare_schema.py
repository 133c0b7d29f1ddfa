#!/usr/bin/env python3
"""Compares schema/*.api with the message definitions inside a published kafka-clients jar.

  compare_schema.py kafka-clients-4.4.0.jar

In every valid version of each request and response: the fields, their order, types, nullability, tags, defaults, and
what may be ignored; for each API its key, valid versions, flexible versions, and that no unstable version is served.
Prints what differs and fails, unless EXCEPTIONS has it with a reason. APIs that only the jar has are counted.
"""
import glob
import json
import os
import re
import sys
import zipfile

import schema
from schema import NEVER, snake

# What the comparison prints, up to its colon, and why it is right so.
EXCEPTIONS = {}

FOLDER = 'common/message/'


def read_definition(jar, name):
    lines = jar.read(f'{FOLDER}{name}.json').decode('utf-8').splitlines()
    kept = (re.sub(r'\s//[^"]*$', '', line) for line in lines if not line.lstrip().startswith('//'))
    return json.loads('\n'.join(kept))


def jar_range(text):
    if text in (None, 'none'):
        return NEVER, -1
    match = re.fullmatch(r'(\d+)(\+|-(\d+))?', text)
    low = int(match[1])
    return low, low if match[2] is None else int(match[3]) if match[3] else NEVER


def contains(versions, version):
    return versions is not None and versions[0] <= version <= versions[1]


def plain_default(kind, is_array, value):
    """One spelling for each default: the absent one is what Kafka's code starts with."""
    if value == 'null':
        return 'null'
    if is_array or kind in ('uuid', 'bytes', 'records') or kind[0].isupper():
        return str(value) if value not in (None, '') else 'empty'
    if kind == 'string':
        return '' if value is None else str(value).strip('"')
    if kind == 'bool':
        return str(value or 'false').lower()
    if kind == 'float64':
        return str(float(value or 0))
    return str(int(str(value or 0), 0))


def jar_shape(fields, version, flexible, shared, path=''):
    """The fields that a version has: [(path, facts)] in line, then {tag: (path, facts)} as sorted pairs."""
    plain, tagged = [], []
    for field in fields:
        if not contains(jar_range(field['versions']), version):
            continue
        is_array = field['type'].startswith('[]')
        kind = field['type'].removeprefix('[]')
        is_struct = kind[0].isupper()
        facts = {
            'type': ('array of ' if is_array else '') + ('struct' if is_struct else kind),
            'nullable': contains(jar_range(field.get('nullableVersions')), version),
            'tag': field.get('tag') if contains(jar_range(field.get('taggedVersions')), version) else None,
            'default': plain_default(kind, is_array, field.get('default')),
            'ignorable': str(field.get('ignorable', False)).lower() == 'true',
            'flexible': flexible and field.get('flexibleVersions') != 'none',
        }
        name = f'{path}{snake(field["name"])}'
        entries = [(name, facts)]
        if is_struct:
            below = field.get('fields') or shared[kind]
            entries += jar_shape(below, version, flexible, shared, name + '.')
        (plain if facts['tag'] is None else tagged).append(entries)
    tagged.sort(key=lambda entries: entries[0][1]['tag'])
    return [entry for entries in plain + tagged for entry in entries]


def own_shape(struct, version, flexible, path=''):
    plain, tagged = [], []
    for field in struct.fields:
        if not contains(field.versions, version):
            continue
        facts = {
            'type': ('array of ' if field.is_array else '') + ('struct' if field.struct else field.type),
            'nullable': contains(field.nullable, version),
            'tag': field.tag if contains(field.tagged, version) else None,
            'default': plain_default(field.type, field.is_array, field.default),
            'ignorable': field.ignorable,
            'flexible': flexible,
        }
        name = path + field.name
        entries = [(name, facts)]
        if field.struct:
            entries += own_shape(field.struct, version, flexible, name + '.')
        (plain if facts['tag'] is None else tagged).append(entries)
    tagged.sort(key=lambda entries: entries[0][1]['tag'])
    return [entry for entries in plain + tagged for entry in entries]


def compare_version(where, ours, theirs):
    our_names, their_names = [name for name, _ in ours], [name for name, _ in theirs]
    differences = [f'{where} {name}: only in the jar' for name in their_names if name not in our_names]
    differences += [f'{where} {name}: not in the jar' for name in our_names if name not in their_names]
    if not differences and our_names != their_names:
        differences.append(f'{where}: order is {our_names}, in the jar {their_names}')
    facts = dict(theirs)
    for name, own in ours:
        for fact, value in own.items():
            if name in facts and facts[name][fact] != value:
                differences.append(f'{where} {name}: {fact} is {value}, in the jar {facts[name][fact]}')
    return differences


def compare_message(message, definition):
    api = message.api
    where = message.name
    differences = []

    def expect(what, ours, theirs):
        if ours != theirs:
            differences.append(f'{where} {what}: {ours}, in the jar {theirs}')

    flexible = jar_range(definition['flexibleVersions'])
    expect('key', api.key, definition['apiKey'])
    expect('valid versions', api.valid, jar_range(definition['validVersions']))
    expect('flexible from', api.flexible_from, flexible[0])
    expect('name', message.name, definition['name'])
    if definition.get('latestVersionUnstable') and contains(api.serve, api.valid[1]):
        differences.append(f'{where} v{api.valid[1]}: served, but unstable in the jar')
    shared = {struct['name']: struct['fields'] for struct in definition.get('commonStructs', [])}
    for version in range(api.valid[0], api.valid[1] + 1):
        ours = own_shape(message.root, version, version >= api.flexible_from)
        theirs = jar_shape(definition['fields'], version, contains(flexible, version), shared)
        differences += compare_version(f'{where} v{version}', ours, theirs)
    return differences


def compare_api(jar, api):
    differences = []
    for message in (api.request, api.response):
        differences += compare_message(message, read_definition(jar, message.name))
    return differences


class Comparison:
    """Of all descriptions: `unexplained` differences, `unneeded` exceptions, and what was looked at."""

    def __init__(self):
        self.apis = []
        self.differences = []
        self.unexplained = []
        self.unneeded = []
        self.fields = 0
        self.only_in_jar = 0

    def lines(self):
        yield from self.unexplained
        yield from (f'{subject}: an exception that is not needed' for subject in self.unneeded)
        yield (f'{len(self.apis)} APIs, {self.fields} fields counted once per version: {len(self.differences)} '
               f'differences, {len(self.unexplained)} of them not explained; {self.only_in_jar} APIs only in the jar')


def open_jar(path):
    return zipfile.ZipFile(path)


def compare(jar, exceptions=None):
    exceptions = EXCEPTIONS if exceptions is None else exceptions
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'schema')
    found = Comparison()
    found.apis = [schema.parse(path) for path in sorted(glob.glob(os.path.join(folder, '*.api')))]
    for api in found.apis:
        found.differences += compare_api(jar, api)
        for message in (api.request, api.response):
            found.fields += sum(len(own_shape(message.root, version, True))
                                for version in range(api.valid[0], api.valid[1] + 1))
    requests = [name for name in jar.namelist() if name.startswith(FOLDER) and name.endswith('Request.json')]
    found.only_in_jar = len(requests) - len(found.apis)
    subjects = {difference.split(':')[0] for difference in found.differences}
    found.unexplained = [line for line in found.differences if line.split(':')[0] not in exceptions]
    found.unneeded = sorted(set(exceptions) - subjects)
    return found


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    with open_jar(arguments[0]) as jar:
        found = compare(jar)
    for line in found.lines():
        print(line)
    return 1 if found.unexplained or found.unneeded else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
