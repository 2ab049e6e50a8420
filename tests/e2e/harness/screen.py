"""A terminal, as much of it as bw speaks to: a real pty, and a model of the screen that stands behind it."""

import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from fcntl import ioctl

from .worker import DEADLINE, bw_command, environment

SEQUENCE = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])")


class Screen:
    """What a terminal of that size shows after what was written to it. It knows two screens, the second of which a program
    may ask for while it runs."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.lines = self._blank()
        self.row = self.column = 0
        self.wraps = self.cursor_shown = True
        self.scrolled = 0  # times, of the second screen
        self._first = None  # while the second is shown: lines and cursor of the first
        self._left = ""

    def _blank(self):
        return [[" "] * self.columns for _ in range(self.rows)]

    @property
    def is_second(self):
        return self._first is not None

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines).rstrip("\n")

    def write(self, text):
        text, self._left = self._left + text, ""
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self._character(text[at])
                at += 1
            elif match := SEQUENCE.match(text, at):
                self._sequence(*match.groups())
                at = match.end()
            else:
                assert len(text) - at < 12, f"no sequence that this model knows: {text[at:at + 20]!r}"
                self._left = text[at:]
                return

    def _character(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self._next_row()
        else:
            assert character.isprintable(), repr(character)
            if self.column == self.columns:
                if self.wraps:
                    self.column = 0
                    self._next_row()
                else:
                    self.column -= 1
            self.lines[self.row][self.column] = character
            self.column += 1

    def _next_row(self):
        if self.row + 1 < self.rows:
            self.row += 1
            return
        self.scrolled += self.is_second
        self.lines = self.lines[1:] + [[" "] * self.columns]

    def _sequence(self, numbers, letter):
        if letter == "H" and not numbers:
            self.row = self.column = 0
        elif letter in "KJ" and not numbers:
            at = min(self.column, self.columns - 1)
            self.lines[self.row][at:] = [" "] * (self.columns - at)
            if letter == "J":
                for row in range(self.row + 1, self.rows):
                    self.lines[row] = [" "] * self.columns
        elif letter in "hl":
            self._mode(numbers, letter == "h")
        else:
            assert letter == "m", f"no sequence that this model knows: {numbers}{letter}"

    def _mode(self, number, on):
        if number == "?7":
            self.wraps = on
        elif number == "?25":
            self.cursor_shown = on
        else:
            assert number == "?1049" and on != self.is_second, (number, on)
            if on:
                self._first = self.lines, self.row, self.column
                self.lines = self._blank()
            else:
                self.lines, self.row, self.column = self._first
                self._first = None


class OnTerminal:
    """bw at a terminal, which it has for standard output and standard error. Use as a context manager."""

    def __init__(self, *args, rows=24, columns=80, **settings):
        self.screen = Screen(rows, columns)
        self.written = ""
        self._terminal, inside = pty.openpty()
        ioctl(inside, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        command = ["setsid", "--ctty", *bw_command(), *map(str, args)]
        self.process = subprocess.Popen(command, env=environment({"TERM": "xterm"} | settings), stdin=inside, stdout=inside,
                                        stderr=inside)
        os.close(inside)

    def wait(self, what, deadline=DEADLINE):
        """Reads until what(text of the screen) is true; its value."""
        end = time.monotonic() + deadline
        while not (value := what(self.screen.text())):
            assert time.monotonic() < end and self._read(end), f"it did not come about in time:\n{self.screen.text()}"
        return value

    def _read(self, end):
        """False once nobody has the other side open any more."""
        if not select.select([self._terminal], [], [], max(0, end - time.monotonic()))[0]:
            return True
        try:
            text = os.read(self._terminal, 65536).decode()
        except OSError:
            return False
        self.written += text
        self.screen.write(text)
        return bool(text)

    def types(self, text):
        os.write(self._terminal, text.encode())

    def resize(self, rows, columns):
        """The screen begins anew, in another size."""
        ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        before = self.screen
        self.screen = Screen(rows, columns)
        self.screen.write("\x1b[?1049h" if before.is_second else "")
        self.screen.wraps, self.screen.cursor_shown = before.wraps, before.cursor_shown

    def wait_exit(self):
        """The exit code, when all has been read."""
        end = time.monotonic() + DEADLINE
        while self._read(end):
            assert time.monotonic() < end, self.screen.text()
        return self.process.wait(DEADLINE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)
        os.close(self._terminal)
