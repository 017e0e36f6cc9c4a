"""What a notebook can find of the process that it runs in, as JSON."""
import ast, asyncio, builtins, faulthandler, gc, json, locale, logging, multiprocessing, os, resource, signal, stat, subprocess, sys, threading
import time, traceback, warnings
import __main__
from ipykernel.kernelapp import IPKernelApp

modules = sorted(m for m, v in sys.modules.items() if v is not None)
blocked = sorted(m for m, v in sys.modules.items() if v is None)
argv = sys.argv

def spec_of(module):
    s = module.__spec__
    return s and [s.name, s.origin, type(s.loader).__name__, s.parent]

def descriptors():
    kinds = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink("/proc/self/fd/" + name)
        except OSError:
            continue
        if "history" in target or "anon_inode" in target:  # come and go
            continue
        target = "log" if target.endswith("/log") else target.split(":[")[0]
        kinds[target] = kinds.get(target, 0) + 1
    return kinds

def handlers():
    found = {}
    for s in signal.valid_signals():
        h = signal.getsignal(s)
        found[int(s)] = getattr(h, "__qualname__", str(h))
    return found

def fails():
    raise ValueError("on purpose")

def shown():
    try:
        fails()
    except ValueError:
        return traceback.format_exc()

with open("told.py", "w") as f:
    f.write("told = len(__import__('sys').argv)")
scope = {"execfile": execfile}
exec("def tell(): execfile('told.py'); return told", scope)
runfile("told.py", args="a b", namespace=scope)
ran = [scope["told"], sys.argv]
sys.argv = argv
breakpoint()

child = "import os, sys; print(repr([sys.argv, sys.path, sorted(os.environ), os.getcwd(), sys.flags.safe_path if hasattr(sys.flags, 'safe_path') else 0]))"
shell, application = get_ipython(), IPKernelApp.instance()
first = shell._orig_sys_modules_main_mod
found = {
    "argv": argv, "run": [*ran, scope["tell"]()], "orig_argv": getattr(sys, "orig_argv", None), "path": sys.path, "flags": str(sys.flags), "xoptions": sys._xoptions,
    "executable": sys.executable, "prefix": [sys.prefix, sys.exec_prefix, sys.base_prefix], "warnoptions": sys.warnoptions,
    "main": [sorted(n for n in vars(__main__) if not n.startswith("_")), spec_of(__main__), __main__.__name__, hasattr(__main__, "__file__"), str(__main__.__doc__)],
    "main before": [sorted(vars(first)), spec_of(first), first.__name__, first.__file__, first.__package__],
    "shell": [type(shell).__mro__.__repr__(), type(shell.parent).__qualname__, shell.kernel.parent is application, type(application).__mro__.__repr__()],
    "application": {n: str(getattr(application, n)) for n in ("argv", "extra_args", "config", "quiet", "capture_fd_output", "log_level", "loaded_config_files", "ipython_dir", "profile", "trio_loop", "interrupt")},
    "parent": [int(os.environ["JPY_PARENT_PID"]) == os.getppid(), application.parent_handle == os.getppid(), application.poller.is_alive()],
    "environment": {k: v for k, v in os.environ.items() if k != "JPY_PARENT_PID"},
    "environment in C": sorted(l for l in subprocess.run(["env"], capture_output=True, text=True).stdout.splitlines() if not l.startswith(("_=", "JPY_PARENT_PID="))),
    "folder": os.getcwd(), "session": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()],
    "umask": [os.umask(0o22), os.umask(0o22)][0], "limits": [resource.getrlimit(r) for r in range(16)], "nice": os.nice(0),
    "descriptors": descriptors(), "signals": handlers(), "blocked": [int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
    "wakeup": signal.set_wakeup_fd(-1) >= 0, "alarms": [signal.getitimer(t) for t in range(3)],
    "gc": [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), gc.get_debug(), len(gc.callbacks)],
    "threads": sorted(t.name.split("-")[0] for t in threading.enumerate()), "daemons": sorted(str(t.daemon) for t in threading.enumerate()),
    "main thread": [threading.current_thread() is threading.main_thread(), threading.main_thread().name, threading.get_native_id() == os.getpid(), threading.main_thread().native_id == os.getpid()],
    "streams": [[type(s).__module__, type(s).__qualname__, s.encoding, s.errors] for s in (sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__)],
    "terminal": [[s.fileno(), s.isatty(), s.line_buffering] for s in (sys.__stdin__, sys.__stdout__, sys.__stderr__)],
    "hooks": [getattr(h, "__qualname__", type(h).__qualname__) for h in (sys.excepthook, sys.displayhook, sys.unraisablehook, sys.breakpointhook, threading.excepthook)],
    "traced": [sys.gettrace() is None, sys.getprofile() is None, threading.gettrace() is None if hasattr(threading, "gettrace") else True],
    "recursion": sys.getrecursionlimit(), "switch": sys.getswitchinterval(), "faulthandler": faulthandler.is_enabled(), "builtins": sorted(dir(builtins)),
    "warnings": str(warnings.filters), "logging": [[type(h).__name__ for h in logging.getLogger(n).handlers] + [logging.getLogger(n).level] for n in (None, "tornado", "asyncio", "traitlets")],
    "locale": [locale.setlocale(locale.LC_ALL), sys.getfilesystemencoding(), sys.getfilesystemencodeerrors(), locale.getpreferredencoding()], "time": [time.tzname, time.timezone],
    "loop": [type(asyncio.get_event_loop()).__qualname__, type(asyncio.get_event_loop_policy()).__qualname__],
    "history": [shell.history_manager.enabled, bool(shell.history_manager.hist_file), shell.execution_count], "namespace": sorted(shell.user_ns_hidden), "extensions": sorted(shell.extension_manager.loaded), "startup": shell.user_ns.get("started"),
    "traceback": shown().replace(str(os.getpid()), "PID"), "spawned": multiprocessing.get_context("spawn").Pool(1).map(len, ["four"]), "start": multiprocessing.get_start_method(),
    "process": [multiprocessing.current_process().name, multiprocessing.parent_process() is None, multiprocessing.process.ORIGINAL_DIR],
    "child": ast.literal_eval(subprocess.run([sys.executable, "-c", child, "x"], capture_output=True, text=True).stdout),
    "module": subprocess.run([sys.executable, "-m", "platform"], capture_output=True, text=True).stdout,
}
import debugpy
print(json.dumps({"found": found, "modules": modules, "blocked": blocked, "debugpy": debugpy.__file__}))
