// Moves the widgets of a Go notebook in the widget manager of VS Code's Jupyter extension, and checks what Go makes of it.
//
// Called by the Go test TestVSCode as jupyterlab.mjs is by TestJupyterLab. VS Code itself is not here: vscode-page.mjs stands for what
// surrounds the manager. The first cells are those of widgets.mjs.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const [url, token, file, screenshot] = process.argv.slice(2);
const { outputFiles } = await build({
  entryPoints: [fileURLToPath(import.meta.resolve("./vscode-page.mjs"))], external: ["./ipywidgets.js"],
  bundle: true, format: "esm", target: "esnext", write: false,
});
const files = {
  "page.js": { body: outputFiles[0].text, contentType: "text/javascript" },
  "require.js": { path: fileURLToPath(import.meta.resolve("requirejs/require.js")) },
  "ipywidgets.js": { path: fileURLToPath(import.meta.resolve("@vscode/jupyter-ipywidgets8")) },
  "npm/anywidget@*/dist/index.js": { path: fileURLToPath(import.meta.resolve("anywidget")) },
  "": {
    contentType: "text/html",
    body: `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/lab/api/themes/@jupyterlab/theme-light-extension/index.css">
      <script src="require.js"></script><script type="module" src="page.js"></script>`,
  },
};

const browser = await chromium.launch({
  executablePath: process.env.CELLAR_TEST_CHROMIUM,
  args: ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets"], // the page comes from no server
});
const page = await browser.newPage({ viewport: { width: 1000, height: 1250 } });
const log = [];
page.setDefaultTimeout(120_000);
page.on("console", (m) => log.push(m.text()));
page.on("pageerror", (e) => log.push(e.message));
try {
  await page.route(`${url}/vscode/**`, (route) => {
    const found = files[decodeURI(new URL(route.request().url()).pathname.slice("/vscode/".length))];
    return found ? route.fulfill(found) : route.fulfill({ status: 404 });
  });
  const open = async (query) => {
    await page.goto(`${url}/vscode/?token=${token}${query}`);
    await page.waitForFunction(() => window.notebook);
  };
  const part = (n, selector, text) => page.locator(`.cell-${n} ${selector}`, { hasText: text }).first();
  const shows = (n, text, selector = "div") => part(n, selector, text).waitFor();

  const answer = await fetch(`${url}/api/contents/${file}`, { headers: { Authorization: `token ${token}` } });
  const sources = (await answer.json()).content.cells.map((c) => c.source);
  await open("");
  const run = async (n) => assert.equal(await page.evaluate(([n, code]) => notebook.run(n, code), [n, sources[n]]), "ok", sources[n]);

  // A slider: the program sees where it is moved, and moves it.
  await run(0);
  await part(0, ".noUi-handle").focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
  await shows(0, "size is 23");
  await run(1);
  await shows(1, "the program reads 23 and sets 50");
  await shows(0, "50", ".widget-readout");

  // A button whose function shows something, then panics; the session lives on.
  await run(2);
  for (const text of ["clicked 1 times", "clicked 2 times", "enough"]) {
    await part(2, "button").click();
    await shows(2, text);
  }

  // Texts and choices in boxes.
  await run(3);
  await part(3, "input[type=text]").fill("Ada");
  await part(3, "input[type=text]").press("Enter");
  await shows(3, "hello Ada from London, false", ".widget-label");
  await part(3, "select").selectOption("Paris");
  await part(3, "input[type=checkbox]").check();
  await shows(3, "hello Ada from Paris, true", ".widget-label");

  // A value made anew of other values.
  await run(4);
  await shows(4, "100", "td");
  await part(4, ".noUi-handle").focus();
  await page.keyboard.press("ArrowRight");
  await shows(4, "1000", "td");

  // A widget with its own JavaScript.
  await run(5);
  await part(5, "button.count").click();
  await shows(5, "the page counts 1");
  await shows(5, "1 of 10", "button.count");

  // Every other control, moved by hand, then by the program.
  await run(6);
  const control = (name) => part(6, ".jupyter-widgets:has(> label)", name);
  const tells = (text) => shows(6, text, ".widget-label");
  await control("number").locator("input").fill("4");
  await control("number").locator("input").press("Enter");
  await tells("number 4,");
  await control("range").locator(".noUi-handle").first().focus();
  await page.keyboard.press("ArrowRight");
  await tells("range [3 5],");
  await control("list").locator("select").selectOption("pear");
  await tells("list pear,");
  await control("several").locator("select").selectOption(["two", "three"]);
  await tells("several [two three],");
  await part(6, ".widget-radio-box label", "green").check();
  await tells("radio green,");
  await control("notes").locator("textarea").fill("a\nb");
  await tells("notes \"a\\nb\",");
  await control("secret").locator("input[type=password]").fill("mum");
  await tells("secret mum,");
  await part(6, ".widget-toggle-button").click();
  await tells("toggle true,");
  await part(6, ".lm-TabBar-tab", "more").click();
  await shows(6, "slanted", ".widget-html i");
  await part(6, ".lm-TabBar-tab", "controls").click();
  await run(7);
  await tells("number 7, range [0 1], list apple, several [one], radio red, notes \"from Go\", secret dad, toggle false,");
  assert.equal(await control("number").locator("input").inputValue(), "7");
  assert.equal(await control("list").locator("select").inputValue(), "apple");
  assert.deepEqual(await control("several").locator("option:checked").allTextContents(), ["one"]);
  assert.ok(await part(6, ".widget-radio-box label", "red").isChecked());
  assert.equal(await control("notes").locator("textarea").inputValue(), "from Go");
  assert.equal(await control("secret").locator("input").inputValue(), "dad");
  await shows(6, "0 – 1", ".widget-readout");
  await part(6, ".widget-toggle-button:not(.mod-active)").waitFor();

  // What is printed and shown in an area, another widget among it.
  await run(8);
  await part(8, "button").click();
  await shows(8, "a line", ".jp-OutputArea");
  await shows(8, "bold", ".jp-OutputArea b");
  await shows(8, "within", ".jp-OutputArea .widget-label");

  // A bar of progress, moved by a button.
  await run(9);
  await shows(9, "0/4");
  await part(9, "button").click();
  await shows(9, "4/4");

  // A button is heard while a cell runs, also where a front-end knows no subshells.
  await run(10);
  const halted = run(11);
  await shows(11, "waiting");
  await part(10, "button").click();
  await halted;

  await page.screenshot({ path: screenshot });

  // A page loaded anew asks for the widgets as they stand in the program, and moves them. (VS Code as it is does not ask, though its
  // manager can: there the cell is run again.)
  const views = await page.evaluate(() => notebook.views());
  await open(`&kernel=${await page.evaluate(() => notebook.kernel)}`);
  assert.ok(await page.evaluate((views) => notebook.restore(views), views), "all states came at once");
  await shows(0, "50", ".widget-readout");
  await shows(3, "hello Ada from Paris, true", ".widget-label");
  await shows(5, "1 of 10", "button.count");
  await part(5, "button.count").click();
  await shows(5, "2 of 10", "button.count");
  await tells("number 7,");
  await shows(8, "a line", ".jp-OutputArea");
  await part(3, "select").selectOption("London");
  await shows(3, "hello Ada from London, true", ".widget-label");
  console.log("good");
} catch (e) {
  await page.screenshot({ path: screenshot });
  console.log(log.join("\n"));
  throw e;
} finally {
  await browser.close();
}
