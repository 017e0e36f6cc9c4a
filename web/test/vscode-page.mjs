// The page of vscode.mjs: what VS Code's Jupyter extension does around the widget manager that it runs in a notebook's outputs.
//
// ipywidgets.js is the extension's own bundle. The extension gives its manager a kernel connection of @jupyterlab/services too.
import { CommsOverSubshells, KernelAPI, ServerConnection } from "@jupyterlab/services";
import { KernelConnection } from "@jupyterlab/services/lib/kernel/default";
import { activate } from "./ipywidgets.js";

const widgetView = "application/vnd.jupyter.widget-view+json";

activate();
vscIPyWidgets8.load(); // the extension takes version 8 for every kernel that is not Python's

const query = new URLSearchParams(location.search);
const serverSettings = ServerConnection.makeSettings({
  baseUrl: location.origin, wsUrl: location.origin.replace("http", "ws"), token: query.get("token"), appendToken: true,
});
const model = query.has("kernel") ? await KernelAPI.getKernelModel(query.get("kernel"), serverSettings)
  : await KernelAPI.startNew({ name: "cellar" }, serverSettings);
const kernel = new KernelConnection({ model, serverSettings, commsOverSubshells: CommsOverSubshells.Disabled }); // the extension has none
await kernel.info;

// Modules other than Jupyter's own: for a kernel that is not Python's, the extension takes them from npm, by a content network.
const scripts = {
  widgetsRegisteredInRequireJs: new Set(),
  async loadWidgetScript(module, version) {
    requirejs.config({ paths: { [module]: `npm/${module}@${version}/dist/index` } });
  },
  successHandler() {},
  errorHandler(name, module, version, error) { console.error(`${module}@${version} has no ${name}:`, error); },
};
const manager = new vscIPyWidgets.WidgetManager(kernel, undefined, scripts, () => {});

async function showWidget(view, node) {
  const widget = await manager.get_model(view.model_id);
  await manager.display_view(view, await manager.create_view(widget, { el: node }), { node });
}

// The renderers of the editor, as far as the notebook needs them. The manager uses them for what is in an Output widget.
const renderers = {
  [widgetView]: showWidget,
  "text/html": (html, node) => { node.innerHTML = html; },
  "text/plain": (text, node) => { node.textContent = text; },
};
for (const [mime, render] of Object.entries(renderers)) {
  manager.registerMimeRenderer(mime, async ({ data }, node) => render(data[mime], node));
}

// The cells' outputs: a message belongs to the cell whose request its parent is, also when the cell has long ended.
const cells = new Map();
const displays = new Map();
const views = [];
function show(data, node) {
  const mime = Object.keys(renderers).find((mime) => mime in data);
  return renderers[mime](data[mime], node);
}
kernel.iopubMessage.connect((_, { header, parent_header, content }) => {
  const cell = cells.get(parent_header.msg_id);
  const id = content.transient?.display_id;
  const add = (className) => {
    const node = document.createElement("div");
    node.className = className;
    return cell.appendChild(node);
  };
  switch (cell && header.msg_type) {
    case "stream":
      add(content.name).textContent = content.text;
      break;
    case "error":
      add("error").textContent = `${content.ename}: ${content.evalue}`;
      break;
    case "clear_output":
      cell.replaceChildren();
      break;
    case "display_data":
    case "execute_result":
      displays.set(id, add("display"));
      if (widgetView in content.data) views.push([cell.className, content.data[widgetView]]);
      show(content.data, displays.get(id));
      break;
    case "update_display_data":
      show(content.data, displays.get(id));
  }
});

function section(className) {
  const node = document.createElement("section");
  node.className = className;
  return document.body.appendChild(node);
}

window.notebook = {
  kernel: kernel.id,
  // run gives the cell's outputs a place, and returns the status when the cell has ended.
  async run(n, code) {
    const future = kernel.requestExecute({ code }, false);
    cells.set(future.msg.header.msg_id, section(`cell-${n}`));
    return (await future.done).content.status;
  },
  // views are the widgets that are shown: [cell, content of its output].
  views: () => views,
  // restore asks the kernel for the widgets that it has, and shows these. It returns whether the kernel told of all at once.
  async restore(views) {
    let atOnce = false;
    kernel.iopubMessage.connect((_, { content }) => { atOnce ||= content.data?.method === "update_states"; });
    await manager._loadFromKernel();
    for (const [cell, view] of views) await showWidget(view, section(cell));
    return atOnce;
  },
};
