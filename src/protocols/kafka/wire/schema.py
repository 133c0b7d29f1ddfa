"""Reads the message descriptions in schema/*.api; schema/notation.txt describes how these are written.

Used by generate.py (C++ from the descriptions) and compare_schema.py (check against a published client jar).
"""
import re

NUMBERS = ('int8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'float64')
PRIMITIVES = NUMBERS + ('bool', 'string', 'uuid', 'bytes', 'records')
NEVER = 32767  # a first version that no message reaches


class SchemaError(Exception):
    pass


class Field:
    """One line: a name, a type and what holds in which version. Ranges are pairs of inclusive versions."""

    def __init__(self, name):
        self.name = name
        self.type = None  # a primitive or the name of a struct
        self.is_array = False
        self.versions = None
        self.nullable = None
        self.tag = None
        self.tagged = None
        self.default = None
        self.ignorable = False
        self.sensitive = False
        self.struct = None  # of a struct type: its Struct

    def is_nullable(self):
        return self.nullable is not None


class Struct:
    def __init__(self, name, versions):
        self.name = name
        self.versions = versions  # of the line that it stands under
        self.fields = []


class Message:
    """A request or a response: its own fields and the structs below it, innermost first."""

    def __init__(self, api, kind):
        self.api = api
        self.kind = kind
        self.name = api.name + kind.capitalize()
        self.root = Struct(self.name, api.valid)
        self.structs = []


class Api:
    def __init__(self):
        self.name = None
        self.key = None
        self.valid = None
        self.flexible_from = None
        self.serve = None
        self.advertise = None
        self.request = None
        self.response = None


def snake(name):
    return re.sub(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])', '_', name).lower()


def parse_range(text, outer):
    """`3+`, `3-12` or `3`; with an outer range it must lie within that one."""
    match = re.fullmatch(r'(\d+)(\+|-(\d+))?', text)
    if not match:
        raise SchemaError(f'"{text}" is no version range')
    low = int(match[1])
    high = low if match[2] is None else int(match[3]) if match[3] else NEVER
    if outer and match[2] == '+':
        high = outer[1]
    if low > high or (outer and (low < outer[0] or high > outer[1])):
        raise SchemaError(f'version range "{text}" is empty or leaves that of the line above')
    return low, high


def parse_field(words, outer):
    field = Field(words[0])
    if not re.fullmatch(r'[a-z][a-z0-9_]*', field.name):
        raise SchemaError(f'"{field.name}" is no field name')
    type_name = words[1]
    nullable = type_name.endswith('?')
    type_name = type_name.rstrip('?')
    if type_name.startswith('[') and type_name.endswith(']'):
        field.is_array, type_name = True, type_name[1:-1]
    if type_name not in PRIMITIVES and not re.fullmatch(r'[A-Z][A-Za-z0-9]*', type_name):
        raise SchemaError(f'"{type_name}" is no type')
    field.type = type_name
    field.versions = outer

    rest = list(words[2:])
    if rest and re.match(r'v\d', rest[0]):
        field.versions = parse_range(rest.pop(0)[1:], outer)
    if nullable:
        field.nullable = field.versions
    while rest:
        word = rest.pop(0)
        if word == 'null' and rest:
            field.nullable = parse_range(rest.pop(0)[1:], field.versions)
        elif word == 'tag' and rest:
            field.tag = int(rest.pop(0))
            field.tagged = field.versions
            if rest and re.match(r'v\d', rest[0]):
                field.tagged = parse_range(rest.pop(0)[1:], field.versions)
        elif word == '=' and rest:
            field.default = rest.pop(0)
        elif word in ('ignorable', 'sensitive'):
            setattr(field, word, True)
        else:
            raise SchemaError(f'unexpected "{word}"')
    return field


class Parser:
    def __init__(self, path):
        self.path = path
        self.api = Api()
        self.message = None
        self.open = []  # (indent of the fields, struct) from the message down to the innermost struct
        self.last_field = None
        self.named = {}

    def parse(self):
        with open(self.path, encoding='utf-8') as file:
            for number, line in enumerate(file, 1):
                text = line.split('#')[0].rstrip()
                if not text:
                    continue
                try:
                    indent = len(text) - len(text.lstrip())
                    words = text.split()
                    self.head(words) if indent == 0 else self.body(indent, words)
                except SchemaError as error:
                    raise SchemaError(f'{self.path}:{number}: {error}') from None
        self.finish()
        return self.api

    def head(self, words):
        api = self.api
        if words[0] in ('request', 'response'):
            self.close_message()
            if api.valid is None or api.flexible_from is None:
                raise SchemaError('"valid" and "flexible" come before the messages')
            self.message = Message(api, words[0])
            setattr(api, words[0], self.message)
            self.named = {}
            self.open = [(None, self.message.root)]
            self.last_field = None
        elif words[0] == 'api':
            api.name = words[1]
        elif words[0] == 'key':
            api.key = int(words[1])
        elif words[0] == 'valid':
            api.valid = parse_range(words[1], None)
        elif words[0] == 'flexible':
            api.flexible_from = NEVER if words[1] == 'never' else parse_range(words[1], None)[0]
        elif words[0] in ('serve', 'advertise'):
            setattr(api, words[0], parse_range(words[1], None))
        else:
            raise SchemaError(f'unexpected "{words[0]}"')

    def body(self, indent, words):
        if self.message is None:
            raise SchemaError('a field outside of a message')
        while len(self.open) > 1 and self.open[-1][0] is not None and indent < self.open[-1][0]:
            self.open.pop()
        expected, struct = self.open[-1]
        if expected is None:
            self.open[-1] = (indent, struct)
        elif indent > expected:
            struct = self.open_struct(indent)
        elif indent != expected:
            raise SchemaError('this indentation fits no line above')
        if words[0] == 'struct':
            if len(self.open) != 1:
                raise SchemaError('a shared struct stands at the level of the message')
            self.last_field = Field('')
            self.last_field.type = words[1]
            self.last_field.versions = self.api.valid
            return
        field = parse_field(words, struct.versions)
        if any(other.name == field.name for other in struct.fields):
            raise SchemaError(f'a second field "{field.name}"')
        struct.fields.append(field)
        self.last_field = field

    def open_struct(self, indent):
        parent = self.last_field
        if parent is None or parent.type in PRIMITIVES:
            raise SchemaError('fields below something that has none')
        if parent.type in self.named:
            raise SchemaError(f'a second struct "{parent.type}"')
        struct = Struct(parent.type, parent.versions)
        self.named[parent.type] = struct
        self.open.append((indent, struct))
        return struct

    def close_message(self):
        """Ties the struct types to their structs and orders these so that each follows what it uses."""
        if self.message is None:
            return
        ordered = self.message.structs

        def visit(struct, above):
            if struct in above:
                raise SchemaError(f'{self.path}: struct "{struct.name}" contains itself')
            for field in struct.fields:
                if field.type in PRIMITIVES:
                    continue
                if field.type not in self.named:
                    raise SchemaError(f'{self.path}: no struct "{field.type}"')
                field.struct = self.named[field.type]
                visit(field.struct, above + [struct])
            if struct is not self.message.root and struct not in ordered:
                ordered.append(struct)

        visit(self.message.root, [])
        unused = set(self.named) - {struct.name for struct in ordered}
        if unused:
            raise SchemaError(f'{self.path}: unused structs {sorted(unused)}')

    def finish(self):
        self.close_message()
        api = self.api
        for part in ('name', 'key', 'valid', 'flexible_from', 'request', 'response'):
            if getattr(api, part) is None:
                raise SchemaError(f'{self.path}: "{part}" is missing')
        api.serve = api.serve or api.valid
        api.advertise = api.advertise or api.serve


def parse(path):
    return Parser(path).parse()
