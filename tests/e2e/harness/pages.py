"""The pages of the documentation: their blocks, the commands in these, their links and headings.

What a page's fences say behind their language:

    ```console              run in the order of the page: commands behind `$ `, then what they print
    ```sh                   run; nothing is compared
    ```sh not run: REASON   not run here, and why
    ```sh until ^C          each command goes on for ever: it is interrupted once it is connected
    ```toml not checked: REASON
"""

import re
import subprocess

SHELLS = ("console", "sh", "shell", "bash")
FENCE = re.compile(r"^(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=fence) *$", re.M | re.S)
LINK = re.compile(r"(?<!!)\[(?:[^][]|\[[^][]*\])*\]\(([^() ]+)\)")
# How a line begins that somebody is meant to type.
TYPED = re.compile(
    r"(\$ |[A-Z_]+=\S+ )?(sudo|ws(serve|pub|tap|bench)|curl|jq|cmake|ctest|sqlite3|systemctl|openssl|zcat|kill|printf"
    r"|echo|python3|clang-format|(\./)?(scripts|bench|tests|build)/\S+)(\s|$)"
)


class Block:
    """One fenced block."""

    def __init__(self, page, match, text):
        self.page = page
        self.line = text.count("\n", 0, match.start()) + 1
        self.language, _, self.how = match["info"].strip().partition(" ")
        self.text = match["text"]

    def __repr__(self):
        return f"{self.page.name}, line {self.line}"

    @property
    def is_shell(self):
        return self.language in SHELLS

    @property
    def until_interrupted(self):
        return self.how == "until ^C"

    @property
    def is_left_out(self):
        """Whether it says why it is not run, or not checked; any other word behind the language is a mistake."""
        if not self.how or self.until_interrupted and self.is_shell:
            return False
        wanted = "not run" if self.is_shell else "not checked"
        assert re.fullmatch(rf"{wanted}: \S.{{8,}}", self.how), (
            f"{self!r}: ```{self.language} {self.how}: it may say '{wanted}: REASON'"
            f"{' or until ^C' if self.is_shell else ''}"
        )
        return True

    def commands(self):
        """Each command whole, with the lines that it goes over."""
        if self.language == "console":
            whole = re.findall(r"^\$ .*(?:\n> .*)*", self.text, re.M)
            return [re.sub(r"^[$>] ", "", command, flags=re.M) for command in whole]
        commands, begun = [], ""
        for line in self.text.splitlines():
            begun += line + "\n"
            if not line.endswith("\\") and is_whole(begun):
                commands.append(begun.rstrip("\n"))
                begun = ""
        assert not begun, f"{self!r}: this is no whole command:\n{begun}"
        return [command for command in commands if re.sub(r"(?m)^\s*#.*", "", command).strip()]

    def shown(self):
        """What a block of ```console says that its commands print, in lines."""
        return [line for line in self.text.splitlines() if not re.match(r"\$ |> ", line)]


def is_whole(script):
    return subprocess.run(["bash", "-n", "-c", script], stderr=subprocess.DEVNULL, check=False).returncode == 0


def blocks(page):
    text = page.read_text(encoding="utf-8")
    return [Block(page, match, text) for match in FENCE.finditer(text)]


def prose(page):
    """The page without its fenced blocks, as many lines as before."""
    text = page.read_text(encoding="utf-8")
    return FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)


def indented_blocks(page):
    """(line, text) of each block that stands four columns in."""
    lines = prose(page).split("\n")
    found, at = [], 0
    while at < len(lines):
        start = at
        if lines[at].startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            while at < len(lines) and (lines[at].startswith("    ") or not lines[at].strip()):
                at += 1
            found.append((start + 1, "\n".join(line[4:] for line in lines[start:at]).rstrip() + "\n"))
        else:
            at += 1
    return found


def links(page):
    return LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page)))


def anchors(page):
    """The names that GitHub gives the headings of a page."""
    names, times = set(), {}
    for heading in re.findall(r"^#{1,6} +(.*?)[ #]*$", prose(page), re.M):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^][]*)\]\([^()]*\)", r"\1", heading).lower()).replace(" ", "-")
        times[name] = times.get(name, -1) + 1
        names.add(f"{name}-{times[name]}" if times[name] else name)
    return names


def dead_links(pages):
    """(page, target) of each link to a file or a heading that is not there."""
    dead = []
    for page in pages:
        for target in links(page):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            there = (page.parent / file) if file else page
            if not there.exists() or anchor and there.suffix == ".md" and anchor not in anchors(there):
                dead.append((page.name, target))
    return dead
