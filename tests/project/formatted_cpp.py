"""Reads C++ as clang-format leaves it: the functions, classes and names of a file, without a compiler.

The reader knows namespaces, classes (also in each other) and functions, and skips what stands in a function's body. It
takes from the format that a body's brace stands behind a space (`f() {`) and an initializer's does not (`x_{0}`).
"""

import re
from dataclasses import dataclass, field


@dataclass
class Function:
    """One declaration or definition of a function."""

    name: str  # "publish", without what stands before the last "::"
    owner: str  # "Channel", of a method; "" of any other function
    at: int  # where the name begins in the text
    line: int
    lines: int  # from the first line of the head to the last of the body; 0 of a declaration
    is_public: bool  # as seen by who has the object; true outside of a class
    overrides: bool


@dataclass
class Class:
    name: str  # "Outer::Inner", without namespaces
    bases: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)  # public ones, each overload by itself, without constructors
    members: list[str] = field(default_factory=list)  # data that each object has


@dataclass
class Sources:
    functions: list[Function]
    classes: list[Class]


COMMENTS_AND_TEXTS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL,
)
DIRECTIVES = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
NOT_LINE_ENDS = re.compile(r"[^\n]")


def blank(match):
    return NOT_LINE_ENDS.sub(" ", match.group())


def code_of(text):
    """The text with comments, strings and characters blanked: the same length, the same lines."""
    return COMMENTS_AND_TEXTS.sub(blank, text)


def partners(code):
    """Where the parenthesis or brace that begins at a place ends."""
    ends, open_ones = {}, []
    for match in re.finditer(r"[(){}]", code):
        if match.group() in "({":
            open_ones.append(match.start())
        else:
            ends[open_ones.pop()] = match.start()
    return ends


def behind_angles(code, at):
    """Of the place of a "<": the place behind its ">"."""
    depth = 0
    for match in re.finditer(r"[<>]", code[at:]):
        depth += 1 if match.group() == "<" else -1
        if depth == 0:
            return at + match.end()
    return len(code)


ACCESS = re.compile(r"\s*(public|protected|private):")
REQUIRES = re.compile(r"\s*requires\s*(?=\()")
TEMPLATE = re.compile(r"\s*template\s*(?=<)")
ATTRIBUTE = re.compile(r"\s*(\[\[[^\]]*\]\]|alignas\([^)]*\))")
NO_MEMBER = re.compile(r"\s*(using|typedef|friend|static_assert|extern|static|class|struct|union|enum|requires)\b")
CLASS_HEAD = re.compile(r"\s*(?:class|struct|union)\b(?P<name>[^:({]*(?:::[^:({]*)*)(?::(?P<bases>[^{]*))?$")
NAMESPACE_HEAD = re.compile(r"\s*(?:inline\s+)?namespace\b[\w:\s]*$")


class Reader:
    def __init__(self, text):
        self.code = DIRECTIVES.sub(blank, code_of(text))
        self.ends = partners(self.code)
        self.found = Sources([], [])
        self.scopes = []  # (Class or None, access)

    def line_of(self, at):
        return self.code.count("\n", 0, at) + 1

    def read(self):
        start = at = 0
        while match := re.compile(r"[({};]").search(self.code, at):
            at, mark = match.start(), match.group()
            if mark == "(":
                at = self.ends[at] + 1
            elif mark == ";":
                self.declaration(start, at)
                start = at = at + 1
            elif mark == "}":
                self.scopes.pop()
                start = at = at + 1
            else:
                start, at = self.brace(start, at)
        return self.found

    def without_prefix(self, start, end):
        """The place behind access, attributes and templates; notes the access."""
        while True:
            if match := ACCESS.match(self.code, start, end):
                self.scopes[-1] = (self.scopes[-1][0], match.group(1))
                start = match.end()
            elif match := TEMPLATE.match(self.code, start, end):
                start = behind_angles(self.code, match.end())
            elif match := REQUIRES.match(self.code, start, end):
                start = self.ends[match.end()] + 1
                while more := re.compile(r"\s*&&\s*(?=\()").match(self.code, start, end):
                    start = self.ends[more.end()] + 1
            elif match := ATTRIBUTE.match(self.code, start, end):
                start = match.end()
            else:
                return start

    def brace(self, start, at):
        """What the brace opens; returns where the statement begins, and where to read on."""
        begin = self.without_prefix(start, at)
        head = self.code[begin:at]
        end = self.ends[at]
        if NAMESPACE_HEAD.match(head) or not head.strip() and not self.scopes:
            self.scopes.append((None, "public"))
            return at + 1, at + 1
        if (match := CLASS_HEAD.match(ATTRIBUTE.sub("", head))) and "=" not in head:
            self.open_class(match)
            return at + 1, at + 1
        if self.code[at - 1] in " \n" and (place := self.function_name(begin, at)):
            first = begin + len(head) - len(head.lstrip())
            self.function(place, first, end, head)
            return end + 1, end + 1
        return start, end + 1  # an initializer or an enum: the statement goes on

    def open_class(self, match):
        name = re.sub(r"\bfinal\b|<.*", "", match.group("name")).split()
        outer = self.scopes[-1][0] if self.scopes else None
        full = (outer.name + "::" if outer else "") + (name[-1] if name else "")
        found = Class(full)
        for base in drop_nested(match.group("bases") or "").split(","):
            found.bases += re.findall(r"(\w+)\s*$", base)
        self.found.classes.append(found)
        is_class = match.group().lstrip().startswith("class")
        self.scopes.append((found, "private" if is_class else "public"))

    def function_name(self, begin, end):
        """The match of the name before a function's parameters; None of what is no function."""
        at = begin
        while match := re.compile(r"[(<=,{;]").search(self.code, at, end):
            if match.group() == "<" and not re.search(r"\boperator\s*<?$", self.code[begin : match.start()]):
                at = behind_angles(self.code, match.start())
                continue
            if operator := re.search(r"\boperator\b", self.code[begin:end]):
                return re.compile("operator").search(self.code, begin + operator.start())
            if match.group() != "(":
                return None
            names = list(re.finditer(r"~?\w+", self.code[begin : match.start()]))
            if names and names[-1].group() in ("explicit", "alignas", "decltype"):
                at = self.ends[match.start()] + 1
                continue
            if not names or self.code[begin + names[-1].end() : match.start()].strip():
                return None
            return re.compile(r"~?\w+").match(self.code, begin + names[-1].start())
        return None

    def function(self, name, first, end, head):
        owner, access = self.scopes[-1] if self.scopes else (None, "public")
        qualifier = re.search(r"(\w+)(?:<[^<>]*>)?::$", self.code[first : name.start()].rstrip())
        owner_name = owner.name.split("::")[-1] if owner else qualifier.group(1) if qualifier else ""
        has_body = self.code[end] == "}"
        line = self.line_of(first)
        function = Function(
            name=name.group(),
            owner=owner_name,
            at=name.start(),
            line=line,
            lines=self.line_of(end) - line + 1 if has_body else 0,
            is_public=access == "public",
            overrides=bool(re.search(r"\b(override|final)\b", head)),
        )
        self.found.functions.append(function)
        if owner and function.is_public and name.group().lstrip("~") != owner_name:
            owner.methods.append(name.group())

    def declaration(self, start, end):
        begin = self.without_prefix(start, end)
        text = self.code[begin:end]
        owner = self.scopes[-1][0] if self.scopes else None
        if not text.strip() or re.match(r"\s*(using|typedef|friend|static_assert|class|struct|union|enum)\b", text):
            return
        if place := self.function_name(begin, end):
            self.function(place, begin + len(text) - len(text.lstrip()), end, text)
        elif owner and not NO_MEMBER.match(text):
            owner.members += re.findall(r"(\w+)\s*(?:\[[^\]]*\]\s*)*(?=[,;]|$)", plain(text))


def plain(text):
    """A declaration of data without its templates' arguments and its initializers."""
    text = re.sub(r"=[^,;]*(?:\{.*)?$", "", drop_nested(text))
    return re.sub(r"\s*:\s*\d+", "", text)


def drop_nested(text):
    before = None
    while before != text:
        before, text = text, re.sub(r"<[^<>]*>|\([^()]*\)|\{[^{}]*\}", "", text)
    return text


def read(text):
    return Reader(text).read()
