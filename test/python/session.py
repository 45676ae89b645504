"""Scripts of Python, one after another, each in a fork of this process, which has PyTorch already: importing it takes longer than most of them run.

A line of JSON a call: {"argv": [SCRIPT, …], "cwd": …, "env": {…}, "out": FILE, "talk": FILE}; argv of ["-c", CODE, …] is code. A line back: the exit
code, or minus the signal that ended it.
"""
import json
import os
import runpy
import sys
import traceback

import torch  # noqa: F401


def work(call):
    for descriptor, name in ((1, call["out"]), (2, call["talk"])):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(call["cwd"])
    os.environ.clear()
    os.environ.update(call["env"])
    script, *rest = call["argv"]
    if script == "-c":
        code, *rest = rest
        sys.argv = ["-c", *rest]
        sys.path[0] = ""
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = [script, *rest]
        sys.path[0] = os.path.dirname(script)
        runpy.run_path(script, run_name="__main__")


def coded(call):
    try:
        work(call)
        return 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os._exit(coded(json.loads(line)) & 255)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
