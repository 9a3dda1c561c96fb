#!/usr/bin/env python3
"""Usage: manual_test.py PROGRAM FILE...
Runs the examples of manuals. In a code block, "$ anonvma ..." is a command and the lines behind it are
its output, where "..." stands for any lines. Other commands are not run. Exits with 1 if an output is
another one, or if there is no example at all."""
import os
import subprocess
import sys
import tempfile

NOT_IN_THIS_BUILD = 69
ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")


def examples(path):
    """The commands of a file, with their shown output."""
    found, inside = [], False
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            if line.startswith("```"):
                inside = not inside
                shown = None
            elif inside and line.startswith("$ "):
                shown = []
                found.append((line[2:], shown))
            elif inside and shown is not None:
                shown.append(line)
    return [(command, shown) for command, shown in found if command.startswith("anonvma ")]


def difference(shown, output):
    """None if the output is as shown, else the first line that is not."""
    at, skips = 0, False
    for line in shown:
        if line == "...":
            skips = True
            continue
        if skips and line in output[at:]:
            at = output.index(line, at)
        if at == len(output) or output[at] != line:
            return line
        at, skips = at + 1, False
    return None if skips or at == len(output) else output[at]


def main():
    program, failures, ran = os.path.realpath(sys.argv[1]), 0, 0
    files = [os.path.realpath(path) for path in sys.argv[2:]]
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(program, os.path.join(folder, "anonvma"))
        os.symlink(os.path.join(os.path.realpath(ROOT), "traces"), os.path.join(folder, "traces"))
        env = dict(os.environ, LC_ALL="C.UTF-8", PATH=folder + os.pathsep + os.environ["PATH"])
        for path in files:
            for command, shown in examples(path):
                done = subprocess.run(command, shell=True, cwd=folder, env=env, capture_output=True, text=True)
                if done.returncode == NOT_IN_THIS_BUILD:
                    print(f"not run, as this build lacks something: $ {command}: {done.stderr}")
                    continue
                wrong = difference(shown, done.stdout.splitlines())
                ran += 1
                if done.returncode != 0 or wrong is not None:
                    failures += 1
                    print(f"{path}: $ {command}: status {done.returncode}, not as shown: {wrong}\n{done.stderr}")
    print(f"{ran} examples, {failures} differ")
    return failures > 0 or ran == 0


if __name__ == "__main__":
    sys.exit(main())
