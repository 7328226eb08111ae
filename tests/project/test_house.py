"""The house: each room includes only rooms on the floors below its own, so that no rooms include each other in a
circle; functions and classes stay small; and what a header declares is called.

A room is a folder of lib/common or tools/wsserve, or one file (with its header) directly in tools/wsserve. Each other
tool is one room. docs/design.md shows the same floors.
"""

import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import formatted_cpp  # noqa: E402

ROOT = pathlib.Path(__file__).parents[2]

# From the ground up, the rooms of one floor in one line.
LIB = [
    "common net protocol tls",
    "cbor websocket",
    "client",
    "cli",
]
WSSERVE = [
    "auth frame index json_object log routing",
    "audit dialect loop",
    "broker",
    "cluster limits store",
    "channel status transport",
    "fanout presence",
    "http",
    "settings",
    "config connection",
    "command",
    "server",
    "main",
]

MOST_LINES = 60  # of a function
MOST_METHODS = 30  # public ones, of a class of wsserve
MOST_MEMBERS = 20  # of a class of wsserve

# What may be larger, or be called by no program, and why. What needs no exception any more fails.
EXCEPTIONS = {
    "large class wsserve/config/options.h: Options": "One member an option, as the reader of the command line wants.",
    "large class wsserve/settings.h: Settings": "One member a setting; it is a value without methods.",
    "large class wsserve/status/stats.h: ShardCounters": "One member a counter; it is a value without methods.",
    "large class wsserve/connection/connection.h: Connection": (
        "Services and commands reach the client, the writer and the pending replies through it; they are to be handed "
        "these parts themselves."
    ),
    "large class wsserve/connection/peer.h: Peer": (
        "Commands, the fan-out and the sessions use it; subscriptions, recovery and delivery are to become parts."
    ),
    "large class wsserve/server/shard.h: Shard": "It owns each part of a shard and the lists of its turn.",
    "large class wsserve/server/server.h: Server": (
        "It owns what all shards share, and shows it to them as a ServerView, which has most of these methods."
    ),
    "large class wsserve/store/writer.h: Writer": "Its thread's state, the figures for other threads and both locks.",
    "uncalled wsserve/broker/broker.h: Listener::broken": (
        "Only a broker that is far away breaks a log; the broker of the tests does, and channels are ready for it."
    ),
    "uncalled wsserve/frame/chunk.h: Chunk::intrusive_ptr_add_ref": "boost::intrusive_ptr calls it.",
    "uncalled common/websocket/message_reader.h: MessageReader::mid_message": (
        "The fuzzing of whole conversations claims by it that no frame was sent in part."
    ),
    "uncalled wsbench/limit_server.h: LimitServer::stop": "Tests end the loop with it; the program is ended by a signal.",
    "uncalled wspub/publisher.h: Publisher::totals": "Tests compare the counts, of which the program prints a summary.",
    "uncalled wsserve/connection/conflation.h: Conflation::slot_bytes": "Tests measure the bound of the memory by it.",
    "uncalled wsserve/frame/chunk_memory.h: region_bytes": "Tests measure by it that memory is used again.",
    "uncalled wsserve/fanout/fanout.h: Fanout::looks": "Tests measure by it what tidying costs.",
    "uncalled wsserve/limits/admission.h: Admission::addresses": "Tests measure the bound of the table by it.",
}
# By Boost.System, where a result has no value; by loops over a range.
CALLED_BY_LIBRARIES = {"throw_exception_from_error", "begin", "end"}

SOURCES = [
    path
    for base in ("lib", "tools")
    for path in sorted((ROOT / base).rglob("*"))
    if path.suffix in (".h", ".cc") or path.name.endswith(".h.in")
]


def room_of(path):
    """Of a path as an include names it: ("wsserve", "http") of wsserve/http/router.h."""
    tool, *folders, name = path.split("/")
    if tool not in ("common", "wsserve"):
        return tool, tool
    if folders:
        return tool, folders[0]
    return tool, "common" if tool == "common" else name.split(".")[0]


def name_in_include(path):
    return path.relative_to(ROOT).as_posix().split("/", 1)[1].removesuffix(".in")


def all_arrows(sources):
    """Pairs of rooms of which the first includes the second, with the includes: "http/router.h: wsserve/settings.h"."""
    arrows = {}
    for name, text in sources.items():
        for included in re.findall(r'^\s*#\s*include\s*"([^"]+)"', text, re.MULTILINE):
            ends = room_of(name), room_of(included)
            if ends[0] != ends[1]:
                arrows.setdefault(ends, []).append(f"{name}: {included}")
    return arrows


def floors_of(tool, floors):
    return {(tool, room): number for number, floor in enumerate(floors) for room in floor.split()}


# The library stands under each tool.
FLOORS = floors_of("common", LIB)
TOOLS = {tool: {(tool, tool): 0} for tool in ("wsbench", "wspub", "wstap")} | {"wsserve": floors_of("wsserve", WSSERVE)}


def runs_down(here, there):
    if there in FLOORS:
        return here not in FLOORS or FLOORS[there] < FLOORS[here]
    floors = TOOLS.get(here[0], {})
    return here in floors and there in floors and floors[there] < floors[here]


def arrows_up(sources):
    return {ends: includes for ends, includes in all_arrows(sources).items() if not runs_down(*ends)}


@pytest.fixture(scope="module")
def sources():
    return {name_in_include(path): path.read_text() for path in SOURCES}


def test_every_file_has_a_room_and_every_room_a_file(sources):
    listed = [*FLOORS, *(room for floors in TOOLS.values() for room in floors)]
    found = {room_of(name): name for name in sources}
    assert not [name for room, name in found.items() if room not in listed]
    assert not [room for room in listed if room not in found]
    assert len(listed) == len(" ".join(LIB + WSSERVE).split()) + 3, "a room stands on two floors"


def test_every_include_in_quotes_is_one_of_these_files(sources):
    missing = [
        include
        for includes in all_arrows(sources).values()
        for include in includes
        if include.split(": ")[1] not in sources
    ]
    assert not missing


def test_no_arrow_runs_up(sources):
    """Where all run down, there is no circle either."""
    assert not arrows_up(sources)


def test_the_store_is_behind_the_broker(sources):
    """Only who makes the broker names the store."""
    assert {here for here, there in all_arrows(sources) if there == ("wsserve", "store")} <= {("wsserve", "config")}


@pytest.mark.parametrize(
    ("name", "included"),
    [
        ("wsserve/frame/chunk.h", "wsserve/connection/connection.h"),  # up
        ("wsserve/fanout/pace.h", "wsserve/presence/people.h"),  # on its floor
        ("wsserve/connection/host.h", "wsserve/server/shard.h"),
        ("wsserve/connection/host.h", "wsserve/command/command_runner.h"),
        ("wsserve/command/command_host.h", "wsserve/server/shard.h"),
        ("common/protocol/event.h", "wsserve/frame/chunk.h"),
        ("common/protocol/event.h", "common/client/url.h"),
        ("wspub/run.cc", "wstap/options.h"),
        ("wspub/run.cc", "wsserve/frame/chunk.h"),
    ],
)
def test_an_arrow_up_is_found(name, included):
    assert arrows_up({name: f'#pragma once\n#include "{included}"\n'})


def shown(heading):
    """The floors that docs/design.md shows below that line, from the ground up."""
    text = (ROOT / "docs/design.md").read_text()
    block = re.search(rf"^{re.escape(heading)}\n\n((?:    .*\n)+)", text, re.MULTILINE)
    assert block, f"docs/design.md has no floors below {heading!r}"
    return [" ".join(line.split()) for line in reversed(block.group(1).splitlines())]


def test_the_design_shows_the_same_floors():
    assert shown("The floors of lib/common:") == LIB
    assert shown("The floors of wsserve:") == WSSERVE


def large_functions(sources):
    return [
        f"large function {name}: {'::'.join(filter(None, (function.owner, function.name)))}"
        for name, text in sources.items()
        for function in formatted_cpp.read(text).functions
        if function.lines > MOST_LINES
    ]


def large_classes(sources):
    return [
        f"large class {name}: {found.name}"
        for name, text in sources.items()
        if name.startswith("wsserve/")
        for found in formatted_cpp.read(text).classes
        if len(found.methods) > MOST_METHODS or len(found.members) > MOST_MEMBERS
    ]


def reached_from(name, includes, seen):
    if name not in seen:
        seen.add(name)
        for included in includes.get(name, []):
            reached_from(included, includes, seen)
    return seen


class Calls:
    """Where names stand besides their declarations and definitions."""

    def __init__(self, sources):
        self.read = {name: formatted_cpp.read(text) for name, text in sources.items()}
        includes = {
            name: re.findall(r'^\s*#\s*include\s*"([^"]+)"', text, re.MULTILINE) for name, text in sources.items()
        }
        self.reached = {name: reached_from(name, includes, set()) for name in sources}
        self.derived = {}
        for read in self.read.values():
            for found in read.classes:
                for base in found.bases:
                    self.derived.setdefault(base, set()).add(found.name.split("::")[-1])
        self.owners = {
            name: {function.owner for function in read.functions} | {c.name.split("::")[-1] for c in read.classes}
            for name, read in self.read.items()
        }
        declared = {function.name for read in self.read.values() for function in read.functions}
        self.uses = {}
        for name, text in sources.items():
            own = {function.at for function in self.read[name].functions}
            code = formatted_cpp.code_of(text)
            for match in re.finditer(r"[A-Za-z_]\w*", code):
                if match.group() in declared and match.start() not in own:
                    before = code[max(0, match.start() - 80) : match.start()].rstrip()
                    after = code[match.end() : match.end() + 80].lstrip()[:1]
                    self.uses.setdefault(match.group(), []).append((name, before[-2:], after))

    def family(self, owner):
        found, more = set(), {owner}
        while more:
            found |= more
            more = {each for base in more for each in self.derived.get(base, ())} - found
        return found

    def is_called(self, header, function):
        family = self.family(function.owner)
        for name, before, after in self.uses.get(function.name, []):
            if header not in self.reached[name]:
                continue
            if before.endswith((".", "->")):
                if function.owner and after in ("(", "<"):
                    return True
            elif before == "::" or not function.owner or after in ("(", "<") and family & self.owners[name]:
                return True
        return False


def uncalled(sources):
    """Functions that a header declares and no program names.

    A name tells: what has the name of something else that the caller knows, too, is taken for called.
    """
    calls = Calls(sources)
    found = []
    for header in (name for name in sources if name.endswith((".h", ".h.in"))):
        for function in calls.read[header].functions:
            is_special = function.name in ("operator", function.owner) or function.name.startswith("~")
            if is_special or function.overrides or function.name in CALLED_BY_LIBRARIES:
                continue
            if not calls.is_called(header, function):
                found.append(f"uncalled {header}: {'::'.join(filter(None, (function.owner, function.name)))}")
    return found


def test_only_what_is_listed_is_large_or_uncalled(sources):
    found = large_functions(sources) + large_classes(sources) + uncalled(sources)
    assert not [each for each in found if each not in EXCEPTIONS]
    assert not [each for each in EXCEPTIONS if each not in found], "an exception that is not needed any more"


def test_each_function_is_read(sources):
    """What ends at the first column of a source is a function, or a namespace."""
    for name, text in ((name, text) for name, text in sources.items() if name.endswith(".cc")):
        code = formatted_cpp.code_of(text)
        ends = {function.line + function.lines - 1 for function in formatted_cpp.read(text).functions}
        for match in re.finditer(r"^}$", code, re.MULTILINE):
            line = code.count("\n", 0, match.start()) + 1
            assert line in ends or text.splitlines()[line - 1].startswith("}  // namespace"), f"{name}:{line}"


def lines_of_code(count):
    return "".join(f"  step({number});  // with a brace: {{\n" for number in range(count))


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("void f() {\n", "}\n", "f"),
        ("namespace {\nint Table::f(\n    int a) const {\n", "}\n}  // namespace\n", "Table::f"),
        ("class Outer {\n  class Inner {\n   public:\n    void f() {\n", "}\n  };\n};\n", "Inner::f"),
        ("Table::Table() : a_{1}, b_(2) {\n", "}\n", "Table::Table"),
        ("template <class T>\nauto f(T t) -> std::map<int, T> {\n", "}\n", "f"),
        ("bool operator==(const A& a, const A& b) {\n", "}\n", "operator"),
    ],
)
def test_a_large_function_is_found(before, after, found):
    least = before.count("\n") - before.count("namespace {") - before.count("template") - 3 * before.count("Outer")
    text = before + lines_of_code(MOST_LINES - least) + after
    assert large_functions({"wspub/a.cc": text}) == [f"large function wspub/a.cc: {found}"]
    assert large_functions({"wspub/a.cc": before + lines_of_code(MOST_LINES - 1 - least) + after}) == []


def test_a_large_class_is_found():
    methods = "".join(f"  [[nodiscard]] int m{number}() const {{ return a_; }}\n" for number in range(MOST_METHODS))
    members = "".join(f"  std::function<void(int)> d{number}_;\n" for number in range(MOST_MEMBERS))
    text = "namespace a {{\nclass Box : public Base {{\n public:\n  Box();\n{}\n private:\n  void m();\n{}}};\n}}\n"
    large = ["large class wsserve/box.h: Box"]
    assert large_classes({"wsserve/box.h": text.format(methods, members)}) == []
    assert large_classes({"wsserve/box.h": text.format(methods + "  void more();\n", members)}) == large
    assert large_classes({"wsserve/box.h": text.format(methods, members + "  int more_ = f({1});\n")}) == large
    assert large_classes({"wsserve/box.h": text.format(methods, members + "  static int more_;\n")}) == []
    assert large_classes({"wspub/box.h": text.format(methods + "  void more();\n", members)}) == []


def test_an_uncalled_function_is_found():
    header = "void used();\nvoid idle();\nclass Box {\n public:\n  void open();\n  void shut();\n};\n"
    own = '#include "wspub/a.h"\nvoid used() {}\nvoid idle() {}\nvoid Box::open() {}\nvoid Box::shut() {}\n'
    caller = '#include "wspub/a.h"\nint main() {\n  used();\n  Box().open();\n  return 0;  // idle(), shut()\n}\n'
    sources = {"wspub/a.h": header, "wspub/a.cc": own, "wspub/main.cc": caller}
    assert uncalled(sources) == ["uncalled wspub/a.h: idle", "uncalled wspub/a.h: Box::shut"]
    stranger = {"wspub/b.cc": "int f(Door& door) { return door.shut() + idle(); }\n"}
    assert uncalled(sources | stranger) == uncalled(sources), "of something else, for it does not know the header"
    friend = {"wspub/b.cc": '#include "wspub/a.h"\nint f(Box& box) { return box.shut() + idle(); }\n'}
    assert uncalled(sources | friend) == []


STEP = re.compile(r"^\d+\. `(?P<file>[^`]+)` `(?P<function>[^`]+)`", re.MULTILINE)


def wrong_steps(page, sources):
    """Steps of the walks that are not in the sources, or that no step before them in their list calls."""
    wrong = []
    for steps in re.findall(r"(?:^\d+\. `.*\n)+", page, re.MULTILINE):
        passed = ""
        for step in STEP.finditer(steps):
            name, function = step.group("file"), step.group("function")
            own = [
                found
                for found in formatted_cpp.read(sources.get(name, "")).functions
                if found.lines and "::".join(filter(None, (found.owner, found.name))) == function
            ]
            calls = not passed or re.search(rf"\b{function.split('::')[-1]}\b", passed)
            if not own or not calls:
                wrong.append(f"{name} {function}")
            lines = formatted_cpp.code_of(sources.get(name, "")).splitlines()
            # The name of the function itself calls nothing.
            bodies = "\n".join("\n".join(lines[found.line - 1 : found.line - 1 + found.lines]) for found in own)
            passed += re.sub(rf"\b{re.escape(function)}\b", "", bodies) + "\n"
    return wrong


def test_the_walks_go_through_the_sources(sources):
    page = (ROOT / "docs/design.md").read_text().split("## Three walks\n")[1].split("\n## ")[0]
    assert len(re.findall(r"^### ", page, re.MULTILINE)) == 3
    assert len(STEP.findall(page)) > 60
    assert not wrong_steps(page, sources)


def test_a_step_that_leads_nowhere_is_found():
    sources = {"wspub/a.cc": "void f() {\n  g();\n}\nvoid g() {\n  return;\n}\nvoid h() { f(); }\n"}
    assert wrong_steps("1. `wspub/a.cc` `f`: begins\n2. `wspub/a.cc` `g`: ends\n", sources) == []
    assert wrong_steps("1. `wspub/a.cc` `g`\n2. `wspub/a.cc` `f`\n", sources) == ["wspub/a.cc f"]
    assert wrong_steps("1. `wspub/a.cc` `f`\n2. `wspub/a.cc` `A::g`\n", sources) == ["wspub/a.cc A::g"]
    assert wrong_steps("1. `wspub/b.cc` `f`\n\nThen:\n\n1. `wspub/a.cc` `g`\n", sources) == ["wspub/b.cc f"]
