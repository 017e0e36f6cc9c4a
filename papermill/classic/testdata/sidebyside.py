"""Runs command lines by Papermill and by ours with the same files, pipes and terminals, and prints what each did as JSON.

The rows come as JSON on standard input. Papermill is imported once, and where no kernel is started each of its runs is a fork, since most
of it would be imports.
"""

import importlib
import json
import os
import pty
import shutil
import signal
import sys
import tempfile
import threading
import traceback

import papermill.cli
import papermill.execute
import tqdm.auto  # noqa: F401

script = os.path.join(os.path.dirname(sys.executable), "papermill")
notebooks = os.path.join(os.path.dirname(papermill.__file__), "tests", "notebooks")


def drain(fd, into):
    while True:
        try:
            data = os.read(fd, 1 << 16)
        except OSError:  # a terminal whose other side has gone
            return
        if not data:
            return
        into.append(data)


def theirs(args):
    code = 0
    try:
        importlib.reload(papermill.cli)  # it looks at its pipes when it is imported
        papermill.cli.papermill(args, prog_name="papermill")
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(row, files, ours):
    folder = tempfile.mkdtemp(prefix="side-")
    try:
        for name in os.listdir(notebooks):
            if name.endswith(".ipynb"):
                shutil.copy(os.path.join(notebooks, name), folder)
        for name, text in files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        os.mkdir(os.path.join(folder, "folder"))
        before = {name: os.stat(os.path.join(folder, name)).st_mtime_ns for name in os.listdir(folder)}
        if row["tty"]:
            out, out_child = pty.openpty()
        else:
            out, out_child = os.pipe()
        err, err_child = os.pipe()
        feed, in_child = None, None
        if row["pipe"]:
            in_child, feed = os.pipe()
        else:
            in_child = os.open(os.path.join(folder, row["stdin"]) if row["stdin"] else os.devnull, os.O_RDONLY)
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                os.chdir(folder)
                for fd, to in ((in_child, 0), (out_child, 1), (err_child, 2)):
                    os.dup2(fd, to)
                os.closerange(3, 256)
                os.environ.update(row["env"] or {})
                if ours:
                    os.environ["RUN_AS_PAPERMILL"] = "1"
                    os.execv(ours, ["papermill", *row["args"]])
                if row["runs"]:  # a kernel, whose client has threads
                    os.execv(script, [script, *row["args"]])
                theirs(row["args"])
            except BaseException:
                traceback.print_exc()
                os._exit(99)
        os.close(in_child), os.close(out_child), os.close(err_child)
        late = threading.Timer(60, os.killpg, (pid, signal.SIGKILL))
        late.start()
        written, said = [], []
        readers = [threading.Thread(target=drain, args=a) for a in ((out, written), (err, said))]
        for r in readers:
            r.start()
        if feed is not None:
            try:
                with open(feed, "wb") as f, open(os.path.join(folder, row["pipe"]), "rb") as notebook:
                    f.write(notebook.read())
            except BrokenPipeError:
                pass
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        for r in readers:
            r.join()
        late.cancel()
        made = {}
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if before.get(name) != os.stat(path).st_mtime_ns and os.path.isfile(path):
                with open(path, encoding="utf-8") as f:
                    made[name] = f.read()
        return {"code": code, "out": b"".join(written).decode(), "err": b"".join(said).decode(), "files": made}
    finally:
        shutil.rmtree(folder)


job = json.load(sys.stdin)
for row in job["rows"]:
    print(json.dumps([run(row, job["files"], None), run(row, job["files"], job["ours"])]), flush=True)
