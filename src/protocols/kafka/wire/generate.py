#!/usr/bin/env python3
"""Makes C++ from the descriptions in schema/ (run by module.cmake).

  generate.py api FILE.api OUT      OUT/<api>.h, <api>.cc and <api>_fields.h
  generate.py table OUT FILE.api... OUT/api_keys.h, api_table.cc and messages.h

The same input gives the same output, byte for byte.
"""
import os
import re
import sys

import schema
from schema import NEVER, NUMBERS, snake

INCLUDE = 'protocols/kafka/wire'
KEYWORDS = {'default', 'delete', 'operator', 'private', 'public', 'class', 'struct', 'enum', 'new', 'register', 'union'}
CPP_NUMBERS = {
    'int8': 'std::int8_t', 'int16': 'std::int16_t', 'uint16': 'std::uint16_t', 'int32': 'std::int32_t',
    'uint32': 'std::uint32_t', 'int64': 'std::int64_t', 'float64': 'double', 'bool': 'bool', 'string': 'std::string',
    'uuid': 'Uuid',
}
WIRE_BYTES = {
    'int8': 1, 'int16': 2, 'uint16': 2, 'int32': 4, 'uint32': 4, 'int64': 8, 'float64': 8, 'bool': 1, 'uuid': 16,
}


def member(field):
    return field.name + '_' if field.name in KEYWORDS else field.name


def condition(inner, outer):
    """C++ for "the version is in inner", where it is known to be in outer. None: always."""
    low, high = inner[0] > outer[0], inner[1] < outer[1]
    if low and high:
        if inner[0] == inner[1]:
            return f'version == {inner[0]}'
        return f'version >= {inner[0]} && version <= {inner[1]}'
    if low:
        return f'version >= {inner[0]}'
    if high:
        return f'version <= {inner[1]}'
    return None


def element_type(field, message):
    if field.type in CPP_NUMBERS:
        return CPP_NUMBERS[field.type]
    if field.type == 'bytes':
        return 'Bytes'
    if field.type == 'records':  # decoded by the broker as a part of the frame, sent by it as stored parts
        return 'Bytes' if message.kind == 'request' else 'ByteChain'
    return message.name + field.type


def cpp_type(field, message):
    text = element_type(field, message)
    if field.is_array:
        text = f'std::vector<{text}>'
    if field.is_nullable():
        text = f'std::optional<{text}>'
    return text


def number_literal(value):
    if value == '-2147483648':
        return '-2147483647 - 1'
    if value == '-9223372036854775808':
        return '-9223372036854775807 - 1'
    return value


def starts_null(field):
    return field.default == 'null' or (field.type == 'records' and field.is_nullable() and field.default is None)


def initial(field):
    """The default member initializer, with what stands before it."""
    if field.is_nullable():
        if starts_null(field):
            return ''
        if field.default not in (None, '""'):
            return f' = {field.default}'
        if field.struct and not field.is_array:
            raise schema.SchemaError(f'{field.name}: a struct that may be missing starts as null')
        return '{std::in_place}'
    if field.is_array or field.struct or field.type in ('uuid', 'bytes', 'records'):
        if field.default is not None:
            raise schema.SchemaError(f'{field.name}: no default for this type')
        return ''
    if field.type == 'string':
        return '' if field.default in (None, '""') else f' = {field.default}'
    if field.type == 'bool':
        return f' = {field.default or "false"}'
    return f' = {number_literal(field.default or "0")}'


def differs_from_default(field, message):
    """C++ for "in.field is not what a reader takes when the field was not sent"."""
    name = f'in.{member(field)}'
    if field.is_nullable():
        if starts_null(field):
            return f'{name}.has_value()'
        return f'!({name} && {name}->empty())'
    if field.is_array or field.type in ('string', 'bytes', 'records'):
        return f'!{name}.empty()' if field.default in (None, '""') else f'{name} != {field.default}'
    if field.struct:
        return f'!({name} == {message.name}{field.type}{{}})'
    if field.type == 'uuid':
        return f'!{name}.is_zero()'
    if field.type == 'bool':
        return f'!{name}' if field.default == 'true' else name
    return f'{name} != {number_literal(field.default or "0")}'


def fields_at(struct, version):
    return [field for field in struct.fields if field.versions[0] <= version <= field.versions[1]]


def is_tagged(field, version):
    return field.tag is not None and field.tagged[0] <= version <= field.tagged[1]


def wire_bytes_min(field, version, flexible_from):
    """The fewest bytes that a value of the field's type (of its elements' type) takes."""
    compact = version >= flexible_from
    if field.type in WIRE_BYTES:
        return WIRE_BYTES[field.type]
    if field.type == 'string':
        return 1 if compact else 2
    if field.type in ('bytes', 'records'):
        return 1 if compact else 4
    return struct_bytes_min(field.struct, version, flexible_from)


def struct_bytes_min(struct, version, flexible_from):
    compact = version >= flexible_from
    total = 1 if compact else 0
    for field in fields_at(struct, version):
        if is_tagged(field, version):
            continue
        if field.is_array:
            total += 1 if compact else 4
        elif field.struct and field.is_nullable():
            total += 1
        else:
            total += wire_bytes_min(field, version, flexible_from)
    return total


def element_bytes_min(field, flexible_from):
    versions = range(field.versions[0], field.versions[1] + 1)
    fewest = min(wire_bytes_min(field, version, flexible_from) for version in versions)
    if fewest == 0:
        raise schema.SchemaError(f'{field.name}: elements without content')
    return fewest


class Codec:
    """The read and write functions of one struct."""

    def __init__(self, message, struct):
        self.message = message
        self.struct = struct
        self.flexible_from = message.api.flexible_from
        low, high = struct.versions
        self.always_compact = low >= self.flexible_from
        self.never_compact = high < self.flexible_from
        self.type = struct.name if struct is message.root else f'{message.name}{struct.name}'
        self.lines = []

    def compact(self):
        return 'true' if self.always_compact else 'false' if self.never_compact else 'compact'

    def null_allowed(self, field):
        return condition(field.nullable, field.versions) or 'true'

    def arguments(self, field, compact):
        return f'{compact}, {self.null_allowed(field)}' if field.is_nullable() else compact

    def read_element(self, field):
        if field.struct:
            return 'read_fields(in, version, item)'
        if field.type in NUMBERS:
            return 'in.number(item)'
        if field.type in ('bool', 'uuid'):
            return f'in.{"boolean" if field.type == "bool" else "uuid"}(item)'
        return f'in.{"string" if field.type == "string" else "bytes"}(item, {self.compact()})'

    def reads(self, field, compact):
        """C++ that reads the field and is false when it could not."""
        target = f'out.{member(field)}'
        if field.is_array:
            item = element_type(field, self.message)
            smallest = element_bytes_min(field, self.flexible_from)
            return (f'in.array({target}, {self.arguments(field, compact)}, {smallest}, '
                    f'[&]({item}& item) {{\n        return {self.read_element(field)};\n      }})')
        if field.struct:
            if field.is_nullable():
                item = element_type(field, self.message)
                return f'in.structure({target}, [&]({item}& item) {{ return read_fields(in, version, item); }})'
            return f'read_fields(in, version, {target})'
        if field.type in NUMBERS:
            return f'in.number({target})'
        if field.type in ('bool', 'uuid'):
            return f'in.{"boolean" if field.type == "bool" else "uuid"}({target})'
        kind = 'string' if field.type == 'string' else 'bytes'
        return f'in.{kind}({target}, {self.arguments(field, compact)})'

    def write_element(self, field):
        if field.struct:
            return 'write_fields(out, version, item)'
        if field.type in NUMBERS:
            return 'out.number(item)'
        if field.type in ('bool', 'uuid'):
            return f'out.{"boolean" if field.type == "bool" else "uuid"}(item)'
        return f'out.{"string" if field.type == "string" else "bytes"}(item, {self.compact()})'

    def writes(self, field, compact):
        source = f'in.{member(field)}'
        if field.is_array:
            item = element_type(field, self.message)
            item = item if field.type in NUMBERS + ('bool',) else f'const {item}&'
            return (f'out.array({source}, {self.arguments(field, compact)}, '
                    f'[&]({item} item) {{\n    {self.write_element(field)};\n  }});')
        if field.struct:
            if field.is_nullable():
                item = element_type(field, self.message)
                return f'out.structure({source}, [&](const {item}& item) {{ write_fields(out, version, item); }});'
            return f'write_fields(out, version, {source});'
        if field.type in NUMBERS:
            return f'out.number({source});'
        if field.type in ('bool', 'uuid'):
            return f'out.{"boolean" if field.type == "bool" else "uuid"}({source});'
        kind = 'string' if field.type == 'string' else 'bytes'
        return f'out.{kind}({source}, {self.arguments(field, compact)});'

    def plain_range(self, field):
        """The versions in which the field stands in line, or None."""
        if field.tag is None:
            return field.versions
        if field.tagged[1] != field.versions[1]:
            raise schema.SchemaError(f'{field.name}: once tagged, a field stays tagged')
        if field.tagged[0] == field.versions[0]:
            return None
        return field.versions[0], field.tagged[0] - 1

    def tagged_fields(self):
        tagged = sorted((field for field in self.struct.fields if field.tag is not None), key=lambda field: field.tag)
        if any(field.tagged[0] < self.flexible_from for field in tagged):
            raise schema.SchemaError(f'{self.struct.name}: tagged fields in versions that have none')
        return tagged

    def reader(self):
        self.lines = []
        for field in self.struct.fields:
            plain = self.plain_range(field)
            if plain is None:
                continue
            if field.struct and field.is_nullable() and not field.is_array and field.nullable != field.versions:
                raise schema.SchemaError(f'{field.name}: a struct may be missing in all of its versions or in none')
            when = condition(plain, self.struct.versions)
            guard = f'{when} && ' if when else ''
            self.lines.append(f'  if ({guard}!{self.reads(field, self.compact())}) return in.refuse("{field.name}");')
        tagged = self.tagged_fields()
        if self.never_compact:
            self.lines.append('  return true;')
        elif not tagged:
            self.lines.append('  return in.skip_tagged_fields();' if self.always_compact else
                              '  return !compact || in.skip_tagged_fields();')
        else:
            if not self.always_compact:
                self.lines.append('  if (!compact) return true;')
            self.lines.append('  return in.tagged_fields([&](std::uint32_t tag, bool& known) {')
            for field in tagged:
                # Tagged fields stand only in flexible versions: what is known of the version here.
                outer = (max(self.struct.versions[0], self.flexible_from), self.struct.versions[1])
                when = condition(field.tagged, outer)
                guard = f' && {when}' if when else ''
                self.lines.append(
                    f'    if (tag == {field.tag}{guard}) return {self.reads(field, "true")} || in.refuse("{field.name}");')
            self.lines += ['    known = false;', '    return true;', '  });']
        return self.function(f'bool read_fields(Reader& in, std::int16_t version, {self.type}& out)')

    def writer(self):
        self.lines = []
        for field in self.struct.fields:
            plain = self.plain_range(field)
            if plain is None:
                continue
            when = condition(plain, self.struct.versions)
            guard = f'if ({when}) ' if when else ''
            self.lines.append(f'  {guard}{self.writes(field, self.compact())}')
        tagged = self.tagged_fields()
        if not self.never_compact and not tagged:
            self.lines.append('  out.unsigned_varint(0);' if self.always_compact else
                              '  if (compact) out.unsigned_varint(0);')
        elif tagged:
            if not self.always_compact:
                self.lines.append('  if (!compact) return;')
            outer = (max(self.struct.versions[0], self.flexible_from), self.struct.versions[1])
            for field in tagged:
                when = condition(field.tagged, outer)
                guard = f'{when} && ' if when else ''
                self.lines.append(
                    f'  const bool has_{field.name} = {guard}{differs_from_default(field, self.message)};')
            count = ' + '.join(f'has_{field.name}' for field in tagged)
            self.lines.append(f'  out.unsigned_varint(static_cast<std::uint32_t>({count}));')
            for field in tagged:
                self.lines.append(
                    f'  if (has_{field.name}) out.tagged({field.tag}, [&](Writer& out) {{ {self.writes(field, "true")} }});')
        return self.function(f'void write_fields(Writer& out, std::int16_t version, const {self.type}& in)')

    def function(self, head):
        text = '\n'.join(self.lines)
        if re.search(r'\bcompact\b', text):
            text = f'  const bool compact = version >= {self.flexible_from};\n{text}'
        name, parameters = head.rstrip(')').split('(')
        parameters = [parameter if re.search(rf'\b{parameter.split()[-1]}\b', text) else f'[[maybe_unused]] {parameter}'
                      for parameter in parameters.split(', ')]
        return f'{name}({", ".join(parameters)}) {{\n{text}\n}}\n'


def has_bytes(struct):
    return any(field.type in ('bytes', 'records') for field in struct.fields)


def equality(struct, name):
    if not has_bytes(struct):
        return f'  friend bool operator==(const {name}&, const {name}&) = default;\n'
    for field in struct.fields:
        if field.type in ('bytes', 'records') and field.is_array:
            raise schema.SchemaError(f'{field.name}: no arrays of bytes yet')
    parts = [f'same(a.{member(field)}, b.{member(field)})' if field.type in ('bytes', 'records') else
             f'a.{member(field)} == b.{member(field)}' for field in struct.fields]
    joined = ' &&\n           '.join(parts)
    return f'  friend bool operator==(const {name}& a, const {name}& b) {{\n    return {joined};\n  }}\n'


def range_note(inner, outer):
    if inner[1] == outer[1]:
        return f'v{inner[0]}+'
    return f'v{inner[0]}' if inner[0] == inner[1] else f'v{inner[0]}-{inner[1]}'


def struct_body(struct, message):
    lines = []
    for field in struct.fields:
        notes = []
        if field.versions != struct.versions:
            notes.append(range_note(field.versions, struct.versions))
        if field.is_nullable() and field.nullable != field.versions:
            notes.append('null ' + range_note(field.nullable, field.versions))
        if field.tag is not None:
            notes.append(f'tag {field.tag}')
        if field.sensitive:
            notes.append('sensitive')
        note = f'  // {", ".join(notes)}' if notes else ''
        lines.append(f'  {cpp_type(field, message)} {member(field)}{initial(field)};{note}\n')
    return ''.join(lines)


def message_text(message):
    api = message.api
    flexible = 'kNeverFlexible' if api.flexible_from == NEVER else api.flexible_from
    text = ''
    for struct in message.structs:
        name = message.name + struct.name
        text += f'struct {name} {{\n{struct_body(struct, message)}\n{equality(struct, name)}}};\n\n'
    text += f'struct {message.name} {{\n'
    text += f'  static constexpr std::string_view kName = "{message.name}";\n'
    text += f'  static constexpr std::int16_t kKey = {api.key};\n'
    text += f'  static constexpr VersionRange kVersions{{{api.valid[0]}, {api.valid[1]}}};\n'
    text += f'  static constexpr std::int16_t kFlexibleFrom = {flexible};\n'
    text += ''.join(f'  using {struct.name} = {message.name}{struct.name};\n' for struct in message.structs)
    text += f'\n{struct_body(message.root, message)}' if message.root.fields else ''
    text += f'\n{equality(message.root, message.name)}}};\n\n'
    text += f'bool read_fields(Reader& in, std::int16_t version, {message.name}& out);\n'
    text += f'void write_fields(Writer& out, std::int16_t version, const {message.name}& in);\n'
    return text


def banner(source):
    return f'// Generated from {source}: edit that.\n'


def header_text(api, source):
    return (f'{banner(source)}#pragma once\n\n#include "{INCLUDE}/message.h"\n\nnamespace millrace::kafka {{\n\n'
            f'{message_text(api.request)}\n{message_text(api.response)}\n}}  // namespace millrace::kafka\n')


def source_text(api, source):
    text = (f'{banner(source)}#include "{INCLUDE}/gen/{snake(api.name)}.h"\n\n#include "{INCLUDE}/reader.h"\n'
            f'#include "{INCLUDE}/writer.h"\n\nnamespace millrace::kafka {{\n')
    for message in (api.request, api.response):
        if message.structs:
            text += '\nnamespace {\n'
            for struct in message.structs:
                codec = Codec(message, struct)
                text += f'\n{codec.reader()}\n{codec.writer()}'
            text += '\n}  // namespace\n'
        codec = Codec(message, message.root)
        text += f'\n{codec.reader()}\n{codec.writer()}'
    return text + '\n}  // namespace millrace::kafka\n'


def range_text(versions):
    return f'VersionRange{{{versions[0]}, {versions[1]}}}'


def fields_text(api, source):
    text = (f'{banner(source)}#pragma once\n\n#include <concepts>\n#include <type_traits>\n\n'
            f'#include "{INCLUDE}/gen/{snake(api.name)}.h"\n\nnamespace millrace::kafka {{\n')
    for message in (api.request, api.response):
        for struct in message.structs + [message.root]:
            name = struct.name if struct is message.root else f'{message.name}{struct.name}'
            text += ('\ntemplate <class Visitor, class Struct>\n'
                     f'  requires std::same_as<std::remove_const_t<Struct>, {name}>\n'
                     f'void visit_fields([[maybe_unused]] Visitor&& visit, [[maybe_unused]] Struct& in) {{\n')
            for field in struct.fields:
                nullable = range_text(field.nullable) if field.is_nullable() else 'std::nullopt'
                sensitive = ', true' if field.sensitive else ''
                text += (f'  visit(FieldInfo{{"{field.name}", {range_text(field.versions)}, {nullable}{sensitive}}}, '
                         f'in.{member(field)});\n')
            text += '}\n'
    return text + '\n}  // namespace millrace::kafka\n'


def keys_text(apis):
    lines = ''.join(f'  {snake(api.name)} = {api.key},\n' for api in apis)
    return (f'{banner("schema/")}#pragma once\n\n#include <cstdint>\n\nnamespace millrace::kafka {{\n\n'
            f'enum class ApiKey : std::int16_t {{\n{lines}}};\n\n}}  // namespace millrace::kafka\n')


def table_text(apis):
    text = (f'{banner("schema/")}#include "{INCLUDE}/apis.h"\n\nnamespace millrace::kafka {{\nnamespace {{\n\n'
            'constexpr ApiInfo kApis[] = {\n')
    for api in apis:
        flexible = 'kNeverFlexible' if api.flexible_from == NEVER else api.flexible_from
        ranges = ', '.join('{%d, %d}' % versions for versions in (api.valid, api.serve, api.advertise))
        text += f'    {{ApiKey::{snake(api.name)}, "{api.name}", {ranges}, {flexible}}},\n'
    return text + '};\n\n}  // namespace\n\nstd::span<const ApiInfo> apis() { return kApis; }\n\n}  // namespace millrace::kafka\n'


def messages_text(apis):
    text = f'{banner("schema/")}// All messages, for what is done to each of them: tests, fuzzing, printing.\n#pragma once\n\n'
    for api in apis:
        text += f'#include "{INCLUDE}/gen/{snake(api.name)}_fields.h"\n'
    text += '\nnamespace millrace::kafka {\n\n// visit.template operator()<Message>(), in the order of the keys.\n'
    for kind in ('request', 'response'):
        text += f'template <class Visitor>\nvoid for_each_{kind}(Visitor&& visit) {{\n'
        for api in apis:
            text += f'  visit.template operator()<{getattr(api, kind).name}>();\n'
        text += '}\n\n'
    return text + '}  // namespace millrace::kafka\n'


def save(folder, name, text):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
        file.write(text)


def check_table(apis):
    for first, second in zip(apis, apis[1:]):
        if first.key == second.key:
            raise schema.SchemaError(f'{first.name} and {second.name} have the same key')


def main(arguments):
    if len(arguments) == 3 and arguments[0] == 'api':
        path, folder = arguments[1:]
        api = schema.parse(path)
        stem = os.path.splitext(os.path.basename(path))[0]
        if stem != snake(api.name):
            raise schema.SchemaError(f'{path}: the file of {api.name} is named {snake(api.name)}.api')
        source = f'schema/{stem}.api'
        save(folder, f'{stem}.h', header_text(api, source))
        save(folder, f'{stem}.cc', source_text(api, source))
        save(folder, f'{stem}_fields.h', fields_text(api, source))
    elif len(arguments) >= 3 and arguments[0] == 'table':
        apis = sorted((schema.parse(path) for path in arguments[2:]), key=lambda api: api.key)
        check_table(apis)
        save(arguments[1], 'api_keys.h', keys_text(apis))
        save(arguments[1], 'api_table.cc', table_text(apis))
        save(arguments[1], 'messages.h', messages_text(apis))
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except schema.SchemaError as error:
        sys.exit(f'error: {error}')
