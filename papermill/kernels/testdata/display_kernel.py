"""A kernel made with ipykernel, as those of bash and Scheme are: `20000` is a cell that displays as many texts."""
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel


class DisplayKernel(Kernel):
    implementation, implementation_version, banner = "display", "1", ""
    language_info = {"name": "display", "mimetype": "text/plain", "file_extension": ".txt"}

    def do_execute(self, code, silent, store_history=True, user_expressions=None, allow_stdin=False, **more):
        for _ in range(int(code)):
            self.send_response(self.iopub_socket, "display_data", {"data": {"text/plain": "x" * 500}, "metadata": {}})
        return {"status": "ok", "execution_count": self.execution_count, "payload": [], "user_expressions": {}}


IPKernelApp.launch_instance(kernel_class=DisplayKernel)
