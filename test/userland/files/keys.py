# A terminal of 80 columns with somebody at it, for programs that want one: keys.py STEP... -- COMMAND ARGUMENT...
#
#   see=TEXT     waits until the screen shows TEXT
#   gone=TEXT    waits until it does not
#   type=KEYS    presses keys; \r, \e and the like stand for what they do in C
#   show         prints the screen as it is, without blanks at the ends of lines
#   run=LINE     runs a command of the shell outside the terminal
#   size=R,C     makes the terminal that large
#
# The status is the command's; 99 when something was not seen.
import fcntl, os, pty, select, struct, subprocess, sys, termios, time

import pyte

PATIENCE = 60


class Screen(pyte.Screen):
    def select_graphic_rendition(self, *attributes, private=False):
        """Not what xterm is asked about its keys in the same form."""
        if not private:
            super().select_graphic_rendition(*attributes)


class Terminal:
    def __init__(self, command):
        self.screen = Screen(80, 24)
        self.stream = pyte.ByteStream(self.screen)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
            os.execvp(command[0], command)
        self.screen.write_process_input = lambda text: os.write(self.fd, text.encode())

    def read(self, seconds):
        """Draws what comes; false at the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self.fd, 65536)
        except OSError:
            piece = b""
        if piece:
            self.stream.feed(piece)
        return bool(piece)

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def wait(self, holds, what):
        end, there = time.monotonic() + PATIENCE, True
        while not holds("\n".join(self.lines())):
            if not there or time.monotonic() > end:
                print(f"not seen: {what}, but", *self.lines(), sep="\n")
                os.kill(self.pid, 9)
                sys.exit(99)
            there = self.read(0.1)

    def perform(self, step):
        verb, _, text = step.partition("=")
        if verb == "type":
            text = text.replace("\\e", "\\x1b").encode().decode("unicode_escape")
        if verb == "see":
            self.wait(lambda shown: text in shown, text)
        elif verb == "gone":
            self.wait(lambda shown: text not in shown, text)
        elif verb == "type":
            os.write(self.fd, text.encode())
        elif verb == "show":
            print("+" + "-" * 30, *self.lines(), "+" + "-" * 30, sep="\n", flush=True)
        elif verb == "run":
            subprocess.run(["bash", "-c", text])
        elif verb == "size":
            rows, columns = map(int, text.split(","))
            fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
            self.screen.resize(rows, columns)
        else:
            sys.exit(f"no such step: {step}")


def main():
    at = sys.argv.index("--")
    terminal = Terminal(sys.argv[at + 1:])
    for step in sys.argv[1:at]:
        terminal.perform(step)
    end = time.monotonic() + PATIENCE
    while terminal.read(0.1) and time.monotonic() < end:
        pass
    os.close(terminal.fd)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1]))


main()
