"""The house: each room includes only rooms on the floors below its own, so that no rooms include each other in a
circle.

A room is a folder of lib/common or tools/wsserve, or one file (with its header) directly in tools/wsserve. Each other
tool is one room. docs/design.md shows the same floors.
"""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]

# From the ground up, the rooms of one floor in one line.
LIB = [
    "common net protocol tls",
    "websocket",
    "client",
    "cli",
]
WSSERVE = [
    "auth frame index json_object log routing",
    "audit loop",
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
