"""Runs a Python module that is a kernel, for a run that nobody watches, at once or in forks of a server.

    launcher.py run MODULE -f CONNECTION_FILE ...    as `python -m MODULE -f CONNECTION_FILE ...`
    launcher.py serve DESCRIPTOR [MODULE ...]        forks ipykernels for the other end of a socket, with these modules imported

A notebook finds what it would find under `python -m ipykernel_launcher`, because that is what runs in the end. Three things are otherwise:
outputs are never thrown away, however many wait to be sent; messages are numbered when they are sent, so that one that is lost is missed;
and debugpy, a quarter of the cost of a start, is not imported unless the notebook does. Where an ipykernel has no place for one of these, it is
left as it is. Other kernels that are made with ipykernel (those of bash, Scheme, Octave) get the first two. xeus-python, which has places for none,
is slowed down in a flood, and counts what it sends.
"""

from __future__ import annotations

import sys

if not getattr(sys.flags, "safe_path", False):
    del sys.path[0]  # this file's folder, before anything is imported from it

import atexit
import builtins
import functools
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import itertools
import json
import logging
import os
import re
import runpy
import signal
import threading
import time
import types
from typing import Any, NoReturn


def prepare() -> bool:
    """Imports ipykernel as we want it, and says whether debugpy was left out. What is wrong is reported by ipykernel_launcher."""
    try:
        from ipykernel.kernelapp import IPKernelApp
    except Exception:
        return False
    keep_outputs(IPKernelApp)
    if "debugpy" in sys.modules or importlib.util.find_spec("debugpy") is None:
        return False
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # its import fails, and ipykernel does without
    try:
        importlib.import_module("ipykernel.debugger")
    except Exception:
        return False
    finally:
        del sys.modules["debugpy"]
    return True


def leave_traces() -> None:
    """Does to the process what an import of debugpy does, for the notebooks that have come to live with it."""
    os.environ.setdefault("PYDEVD_USE_FRAME_EVAL", "NO")

    def debugpy_breakpointhook() -> None:  # without it, breakpoint() in a cell would ask somebody what to do
        import debugpy

        debugpy.breakpoint()

    def execfile(file: str, glob: dict[str, Any] | None = None, loc: dict[str, Any] | None = None) -> None:
        import debugpy.server.api
        from _pydev_bundle._pydev_execfile import execfile  # type: ignore[import-not-found]

        execfile(file, sys._getframe(1).f_globals if glob is None else glob, loc)

    def runfile(*arguments: Any, **named: Any) -> None:
        import debugpy.server.api
        from _pydev_bundle.pydev_umd import runfile  # type: ignore[import-not-found]

        runfile(*arguments, **named)

    sys.breakpointhook = debugpy_breakpointhook
    builtins.execfile = execfile  # type: ignore[attr-defined]
    builtins.runfile = runfile  # type: ignore[attr-defined]


def keep_outputs(application: Any) -> None:
    """Lifts the limit of 1,000 unsent messages on iopub, beyond which ZeroMQ drops what a notebook shows."""
    original = getattr(application, "init_iopub", None)
    if original is None:
        return
    import zmq

    @functools.wraps(original)
    def init_iopub(self: Any, context: zmq.Context[Any]) -> None:
        number_what_is_sent(getattr(self, "session", None))
        context.setsockopt(zmq.SNDHWM, 0)  # of the sockets made from here on
        try:
            original(self, context)
        finally:
            context.sockopts.pop(zmq.SNDHWM, None)
        atexit.register(send_rest)

    application.init_iopub = init_iopub
    close = application.close

    @functools.wraps(close)
    def quiet_close(self: Any) -> None:
        for name in ("asyncio", "tornado.general"):
            logging.getLogger(name).disabled = True  # they tell of sockets that are closed under them, as if a cell had
        close(self)

    application.close = quiet_close


def number_what_is_sent(session: Any) -> None:
    """Numbers a kernel's messages when they are sent: who counts what comes would miss those that are made and never sent.

    Those are the result of an object that shows itself, what a hook swallows, and what can't be written as JSON. Only this session is changed,
    since clients in a notebook, such as nbclient's, find answers by the identifiers that their messages were made with. A session that is
    made otherwise is left as it is; gaps.go tells identifiers by the word in them. They may overtake each other, as threads do.
    """
    numbers = itertools.count()
    unused: list[int] = []  # of messages that could not be written after all

    def serialize(msg: Any, ident: Any = None) -> list[bytes]:
        if not isinstance(msg, dict):
            return original(msg, ident)  # type: ignore[no-any-return]
        content = msg.get("content")
        if isinstance(content, dict):
            try:
                content = session.pack(content)  # may fail, or take its time: before there is a number that somebody waits for
            except UnicodeEncodeError:  # all that was printed since the last message would be lost with half a surrogate pair
                content = session.pack(without_surrogates(content))
        try:
            number = unused.pop()
        except IndexError:
            number = next(numbers)
        try:
            header = {**msg["header"], "msg_id": f"{session.session}_{os.getpid()}_sent_{number}"}
            return original({**msg, "header": header, "content": content}, ident)  # type: ignore[no-any-return]
        except BaseException:
            unused.append(number)
            raise

    try:
        original = session.serialize
        tried = session.msg("status", {"execution_state": "starting"})
        frames = serialize(tried, b"topic")
        number = frames.index(b"<IDS|MSG>") + 2
        tried["header"] = session.unpack(frames[number])
        if tried["header"]["msg_id"].endswith("_sent_0") and original(tried, b"topic") == frames:
            session.serialize = serialize
    except Exception:
        pass


def without_surrogates(value: Any) -> Any:
    """Puts U+FFFD in the place of what UTF-8 can't have."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, dict):
        return {without_surrogates(k): without_surrogates(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_surrogates(v) for v in value]
    return value


class Adapt(importlib.abc.MetaPathFinder):
    """Adapts a kernel once somebody imports the module that it is made with, and does nothing where nobody does."""

    def __init__(self) -> None:
        self.by_module = {
            "ipykernel.kernelapp": lambda module: keep_outputs(module.IPKernelApp),
            "xeus_python_shell.shell": lambda module: pace_outputs(module.XPythonShell, module.XDisplayPublisher, module.XDisplayHook),
        }

    def find_spec(self, name: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        adapt = self.by_module.get(name)
        if adapt is None:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        original = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            original(module)
            try:
                adapt(module)
            except AttributeError:
                pass  # another version, which is left as it is

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def pace_outputs(shell: Any, publisher: Any, hook: Any) -> None:
    """Lets xeus-python's thread that sends come along in a flood: it drops what is beyond 1,000 messages, and can't be told not to. And counts
    what it was given to send, so that the runner can tell whether it has dropped some after all."""
    messages = itertools.count(1)
    asked = 0

    def counted() -> None:
        if next(messages) % 50 == 0:
            time.sleep(0.001)

    def cellar_sent(_: Any) -> int:
        nonlocal asked
        asked += 1
        return next(messages) - asked

    def paced(send: Any) -> Any:
        @functools.wraps(send)
        def wrapper(*arguments: Any, **named: Any) -> Any:
            result = send(*arguments, **named)
            counted()
            return result

        return wrapper

    shell.cellar_sent = cellar_sent
    publisher.publish = paced(publisher.publish)
    finish = hook.finish_displayhook

    @functools.wraps(finish)
    def finish_displayhook(self: Any) -> None:
        shows = bool(self.data)
        finish(self)
        if shows:
            counted()

    hook.finish_displayhook = finish_displayhook
    run_cell = shell.run_cell_async

    @functools.wraps(run_cell)
    def first_run(*arguments: Any, **named: Any) -> Any:
        shell.run_cell_async = run_cell
        stream = type(sys.stdout)  # that of standard error, too; by now it is the kernel's own
        write = vars(stream).get("write")
        if isinstance(write, property):
            stream.write = property(lambda self: paced(write.__get__(self)))
        else:
            del shell.cellar_sent
        return run_cell(*arguments, **named)

    shell.run_cell_async = first_run


def send_rest() -> None:
    """Sends what threads have printed since the last cell. Python waits for them at its end, but ipykernel closes iopub before its next flush."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass  # the notebook has put something else in its place


def run(module: str, arguments: list[str]) -> None:
    """Does what `python -m MODULE` does from here on."""
    main = types.ModuleType("__main__")
    if "__annotations__" in vars(sys.modules["__main__"]):
        main.__annotations__ = {}
    sys.modules["__main__"] = main
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, os.getcwd())
    if hasattr(sys, "orig_argv"):
        options = sys.orig_argv[1 : sys.orig_argv.index(__file__)]
        sys.orig_argv[1:] = [*options, "-m", module, *arguments]
    sys.argv[:] = ["-m", *arguments]
    runpy._run_module_as_main(module)  # type: ignore[attr-defined]  # what the interpreter calls for -m


# What a kernel imports while it starts, beyond what prepare does. A missing one costs time, no more.
LATER = """pdb psutil faulthandler sqlite3 unicodedata tornado.platform.asyncio IPython.core.completerlib IPython.core.debugger
IPython.core.logger IPython.core.oinspect IPython.extensions.storemagic IPython.utils.wildcard""".split()


def serve(descriptor: int, modules: list[str]) -> list[str]:
    """Forks a kernel for every request until the socket is closed. Returns in the forks only: the arguments of the kernel.

    A request is a line of JSON: arguments, env, dir and log. The answers: {"ready": true} or {"error": why} once;
    {"started": pid} or {"error": why} to each request; {"exited": pid, "status": as waitpid gives it} at any time after.
    """
    import select
    import socket

    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)

    def answer(**fields: Any) -> None:
        connection.sendall(json.dumps(fields).encode() + b"\n")

    for name in LATER:
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    before = dict(os.environ)
    for name in modules:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as e:
            answer(error=f"import {name}: {type(e).__name__}: {e}")
            sys.exit(1)
    if threading.active_count() > 1:  # a fork has one thread only: the others' work and locks would be lost in it
        answer(error="a preloaded module starts threads: " + ", ".join(t.name for t in threading.enumerate()[1:]))
        sys.exit(1)
    imported = {name: os.environ.get(name) for name in before.keys() | os.environ.keys() if os.environ.get(name) != before.get(name)}
    answer(ready=True)

    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    kernels: set[int] = set()
    received = b""
    while True:
        ready, _, _ = select.select([connection.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            for pid, status in ended(kernels):
                answer(exited=pid, status=status)
        if connection.fileno() not in ready:
            continue
        chunk = connection.recv(1 << 20)
        if not chunk:
            finish(kernels)
        received += chunk
        while b"\n" in received:
            line, received = received.split(b"\n", 1)
            request = json.loads(line)
            reader, writer = os.pipe()
            try:
                pid = os.fork()
            except OSError as e:
                os.close(reader)
                os.close(writer)
                answer(error=f"fork: {e.strerror}")
                continue
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                for own in wake, woken, reader:
                    os.close(own)
                connection.close()
                return become(request, imported, writer)
            os.close(writer)
            with os.fdopen(reader, "rb") as pipe:
                error = pipe.read().decode()  # ends when the fork has its own session and folder
            if error:
                os.waitpid(pid, 0)
                answer(error=error)
            else:
                kernels.add(pid)
                answer(started=pid)


def ended(kernels: set[int]) -> list[tuple[int, int]]:
    """Reaps the kernels that have ended, and ends what they had started."""
    found = []
    for pid in list(kernels):
        reaped, status = os.waitpid(pid, os.WNOHANG)
        if reaped:
            kill(pid)
            kernels.remove(pid)
            found.append((pid, status))
    return found


def kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass


def finish(kernels: set[int]) -> NoReturn:
    """Leaves no kernel behind when the program that asked for them has gone."""
    for pid in kernels:
        kill(pid)
        os.waitpid(pid, 0)
    os._exit(0)


def become(request: dict[str, Any], imported: dict[str, str | None], writer: int) -> list[str]:
    """Makes this fork the process that a start of its own would have been. imported: what the imports have made of the environment."""
    try:
        os.setsid()
        os.chdir(request["dir"])
        log = os.open(request["log"], os.O_WRONLY | os.O_APPEND)
    except OSError as e:
        os.write(writer, f"{e.filename}: {e.strerror}".encode())
        os._exit(1)
    os.close(writer)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ.clear()
    os.environ.update(request["env"])
    for name, value in imported.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    os.environ["JPY_PARENT_PID"] = str(os.getppid())  # ends when the server does
    renew()
    try:
        from ipykernel.kernelapp import IPKernelApp

        # The class read the variable when it was made. The application that ipykernel_launcher asks for is this one.
        IPKernelApp.instance(parent_handle=os.getppid())
    except Exception:
        pass  # as in prepare
    arguments: list[str] = request["arguments"]
    return arguments


def renew() -> None:
    """Renews what modules hold of a process and may not share with another. Python itself renews random's state."""
    main_thread = threading.main_thread()
    if hasattr(main_thread, "_set_native_id"):  # Python does, from 3.13 on
        main_thread._set_native_id()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None:
        processes.ORIGINAL_DIR = os.getcwd()  # type: ignore[attr-defined]
        processes.current_process().authkey = os.urandom(32)


if __name__ == "__main__":
    mode, first, *arguments = sys.argv[1:]
    module = first if mode == "run" else "ipykernel_launcher"
    if module == "ipykernel_launcher":
        without_debugpy = prepare()
        if mode == "serve":
            arguments = serve(int(first), arguments)
        if without_debugpy:
            leave_traces()
    else:
        sys.meta_path.insert(0, Adapt())
    run(module, arguments)
