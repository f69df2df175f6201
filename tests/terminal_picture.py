"""The moving picture of a terminal in the README: script/pictures. Types a few commands at a real busker, on a
terminal of its own, and writes what is seen, when it is seen, as an SVG that moves by CSS alone."""

import argparse
import contextlib
import html
import os
import pathlib
import pty
import select
import subprocess
import termios
import time

import pyte

COLUMNS, ROWS = 100, 33
CELL_WIDTH, CELL_HEIGHT, MARGIN = 8.4, 18, 14
KEY_SECONDS, READING_SECONDS, END_SECONDS = 0.035, 1.6, 6
BYTES_MAX = 150_000
FRAME_SECONDS = 0.04  # what is seen for less is not seen

STYLE = """
svg{{background:var(--paper);border-radius:8px;font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;
--paper:#f6f8fa;--ink:#1f2328;--dim:#656d76;--green:#1a7f37;--red:#cf222e;--cyan:#1b7c83;--yellow:#9a6700}}
@media(prefers-color-scheme:dark){{svg{{--paper:#161b22;--ink:#e6edf3;--dim:#8b949e;--green:#3fb950;--red:#f85149;--cyan:#39c5cf;
--yellow:#d29922}}}}
text{{fill:var(--ink);white-space:pre}}.d{{fill:var(--dim)}}.green{{fill:var(--green)}}.red{{fill:var(--red)}}.cyan{{fill:var(--cyan)}}
.brown{{fill:var(--yellow)}}.b{{font-weight:bold}}
g{{visibility:hidden;animation:{seconds:.2f}s step-end infinite}}g.e{{visibility:visible}}
@media(prefers-reduced-motion:reduce){{g{{animation:none!important}}}}
"""


class Recording:
    """What stands on the screen from when on."""

    def __init__(self):
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.now = 0.0
        self.frames = []  # of (seconds, lines)

    def feed(self, data):
        self.stream.feed(data)
        lines = [self.line(row) for row in range(ROWS)]
        if self.frames and self.frames[-1][1] == lines:
            return
        if self.frames and self.now - self.frames[-1][0] < FRAME_SECONDS:
            self.frames.pop()
        self.frames.append((self.now, lines))

    def line(self, row):
        """Its runs of one look: (column, text, classes)."""
        runs = []
        cells = self.screen.buffer[row]
        for column in range(COLUMNS):
            cell = cells[column]
            classes = " ".join(filter(None, ("" if cell.fg == "default" else cell.fg, "b" if cell.bold else "")))
            if runs and runs[-1][2] == classes and runs[-1][0] + len(runs[-1][1]) == column:
                runs[-1] = (runs[-1][0], runs[-1][1] + cell.data, classes)
            else:
                runs.append((column, cell.data, classes))
        return tuple((column, text.rstrip(), classes) for column, text, classes in runs if text.strip())

    def type(self, command):
        self.feed(b"\x1b[1m$\x1b[0m ")
        self.now += 0.5
        for key in command:
            self.feed(key.encode())
            self.now += KEY_SECONDS
        self.now += 0.3
        self.feed(b"\r\n")

    def run(self, command, folder, environment):
        """On a terminal, by the clock."""
        self.type(command)
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (ROWS, COLUMNS))
        begun, before = time.monotonic(), self.now
        program = subprocess.Popen(["bash", "-c", command], cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        with contextlib.suppress(OSError):  # of a terminal that nobody has open any more
            while True:
                select.select([ours], [], [])
                data = os.read(ours, 65536)
                if not data:
                    break
                self.now = before + time.monotonic() - begun
                # pyte has no faint: it is drawn as what it is closest to.
                self.feed(data.replace(b"\x1b[2m", b"\x1b[90m"))
        os.close(ours)
        if program.wait() != 0:
            raise SystemExit(f"{command}: exit code {program.returncode}\n" + "\n".join(self.screen.display))
        self.now += READING_SECONDS


def spans(frames):
    """Each line of the screen, and from when until when it stands there: (row, line, begin, end); end None: to the last."""
    found, standing = [], {}
    for at, lines in frames:
        for row, line in enumerate(lines):
            if row in standing and standing[row][0] == line:
                continue
            if row in standing:
                found.append((row, *standing.pop(row), at))
            if line:
                standing[row] = (line, at)
    return found + [(row, *entry, None) for row, entry in standing.items()]


def picture(frames, seconds, title):
    """The SVG: every line that stands there for a while is a group with a time of its own."""
    groups = {}
    for row, line, begin, end in spans(frames):
        groups.setdefault((begin, end), []).append((row, line))
    rules, body = [], []
    for number, ((begin, end), lines) in enumerate(sorted(groups.items(), key=lambda item: item[0][0])):
        is_still = len(frames) == 1
        rule = f"{0 if is_still else begin / seconds:.2%}{{visibility:visible}}"
        if begin > 0 and not is_still:
            rule = "0%{visibility:hidden}" + rule
        if end is not None:
            rule += f"{end / seconds:.2%}{{visibility:hidden}}"
        rules.append(f"@keyframes k{number}{{{rule}}}")
        texts = []
        for row, runs in lines:
            for column, text, classes in runs:
                kind = "d" if classes == "brightblack" else classes
                texts.append(f'<text x="{MARGIN + column * CELL_WIDTH:.1f}" y="{MARGIN + row * CELL_HEIGHT + 14}" '
                             f'textLength="{len(text) * CELL_WIDTH:.1f}"' + (f' class="{kind}"' if kind else "") +
                             f">{html.escape(text)}</text>")
        body.append(f'<g style="animation-name:k{number}"' + (' class="e"' if end is None else "") + f'>{"".join(texts)}</g>')
    width, height = COLUMNS * CELL_WIDTH + 2 * MARGIN, ROWS * CELL_HEIGHT + 2 * MARGIN
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
            f'role="img"><title>{html.escape(title)}</title><style>{STYLE.format(seconds=seconds)}{"".join(rules)}</style>'
            f'{"".join(body)}</svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="of the service")
    parser.add_argument("file", help="the SVG to write")
    parser.add_argument("title")
    parser.add_argument("command", nargs="+")
    words = parser.parse_args()
    recording = Recording()
    recording.feed(b"")
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | {"TERM": "xterm-256color"}
    for command in words.command:
        recording.run(command, words.folder, environment)
    recording.feed(b"\x1b[1m$\x1b[0m ")
    seconds = recording.now + END_SECONDS
    file = pathlib.Path(words.file)
    # Not every browser tells a picture that its reader wants no motion; the page that shows it chooses.
    for name, frames in ((file, recording.frames), (file.with_stem(file.stem + "-still"), recording.frames[-1:])):
        svg = picture(frames, seconds, words.title)
        name.write_text(svg)
        print(f"{name}: {len(frames)} frames, {recording.now:.0f} s, {len(svg) / 1024:.0f} KiB")
        if len(svg) > BYTES_MAX:
            raise SystemExit(f"{name} is larger than {BYTES_MAX} bytes")


if __name__ == "__main__":
    main()
