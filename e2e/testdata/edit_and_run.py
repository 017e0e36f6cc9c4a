"""Drives a kernel as an editor does: runs cells by id, edited or not, and prints what each shows.

usage: edit_and_run.py CELLAR NOTEBOOK < [[id, source], …]
"""
import json, os, sys
from jupyter_client import KernelManager

cellar, notebook = sys.argv[1:3]
manager = KernelManager()
manager._kernel_spec = None
spec = manager.kernel_spec_manager.kernel_spec_class(
    argv=[cellar, "kernel", "--connection-file", "{connection_file}"], language="go", display_name="Go", interrupt_mode="message")
manager._kernel_spec = spec
manager.start_kernel(cwd=os.path.dirname(notebook), env={**os.environ, "JPY_SESSION_NAME": notebook})
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=60)
for cell, source in json.load(sys.stdin):
    message = client.session.msg("execute_request", dict(code=source, silent=False, store_history=True, user_expressions={}, allow_stdin=False, stop_on_error=True))
    message["metadata"] = {"cellId": cell}
    client.shell_channel.send(message)
    shown = []
    while True:
        m = client.get_iopub_msg(timeout=120)
        if m["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        content = m["content"]
        if m["msg_type"] == "stream":
            shown.append(content["text"].strip())
        elif m["msg_type"] in ("display_data", "execute_result"):
            shown.append(content["data"]["text/plain"])
        elif m["msg_type"] == "clear_output":  # of the word that a first start takes long
            shown.clear()
        elif m["msg_type"] == "error":
            shown.append("error: " + content["evalue"])
        elif m["msg_type"] == "status" and content["execution_state"] == "idle":
            break
    print(cell + ": " + " | ".join(shown))
client.stop_channels()
manager.shutdown_kernel()
