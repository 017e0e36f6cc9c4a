// Opens examples/displays in JupyterLab, runs it and checks that the page draws each form, also in the dark theme.
//
// Called by the Go test TestDisplays as jupyterlab.mjs is by TestJupyterLab.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [url, token, notebook, screenshot] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CELLAR_TEST_CHROMIUM, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1200, height: 3700 } });
try {
  await page.goto(`${url}/lab/tree/${notebook}?token=${token}`);
  const cells = page.locator(".jp-Notebook .jp-CodeCell");
  await cells.first().waitFor({ timeout: 120_000 });
  await page.locator(".jp-KernelName", { hasText: "Go (Cellar)" }).waitFor({ timeout: 120_000 });
  await page.getByText("Go (Cellar) | Idle").waitFor({ timeout: 120_000 }); // what is run before is forgotten
  await cells.first().click();
  await page.getByRole("menuitem", { name: "Run", exact: true }).click();
  await page.getByText("Run All Cells", { exact: true }).click();

  const part = (n, selector) => cells.nth(n).locator(`.jp-OutputArea-output ${selector}`);
  const shows = (n, selector, text) => part(n, selector).filter(text ? { hasText: text } : {}).first().waitFor({ timeout: 120_000 });
  await cells.nth((await cells.count()) - 1).locator(".jp-InputPrompt", { hasText: /\[\d+\]/ }).waitFor({ timeout: 120_000 });
  await shows(0, "td", "Lyon <Rhône>");
  await shows(1, "th", "Reykjavík");
  await shows(2, "small", "500 rows × 12 columns, the first 100 rows shown");
  // A long table scrolls under its head.
  const head = part(2, "thead");
  const top = (await head.boundingBox()).y;
  await part(2, "div").first().evaluate((e) => [e, ...e.querySelectorAll("div")].forEach((d) => (d.scrollTop = 300)));
  assert.ok(Math.abs((await head.boundingBox()).y - top) < 30, "the head stays");
  await shows(3, "code", "*fs.PathError");
  assert.equal(await part(4, "img").evaluate((img) => img.naturalWidth), 240, "the picture's width");
  await shows(5, "mjx-container");
  await shows(6, "strong", "Markdown");
  await shows(6, "mjx-container");
  await cells.nth(6).locator('.jp-OutputArea-output[data-mime-type="image/svg+xml"]').waitFor({ timeout: 120_000 });
  await cells.nth(6).locator(".jp-RenderedJSON", { hasText: "names" }).waitFor({ timeout: 120_000 });
  await shows(6, ".vega-embed canvas, .vega-embed svg");
  await shows(7, "b", "done");
  assert.equal(await part(7, "progress").evaluate((p) => p.value), 500, "the bar's end");

  // Widgets: a chart that follows a slider and a choice, a button with a text.
  await shows(8, ".vega-embed canvas, .vega-embed svg");
  await part(8, "select").selectOption("log");
  await part(8, ".noUi-handle").focus();
  await page.keyboard.press("ArrowRight");
  await part(8, ".widget-readout").filter({ hasText: "4" }).waitFor({ timeout: 120_000 });
  await part(9, "input[type=text]").fill("Ada");
  await part(9, "button").click();
  await shows(9, ".widget-label", "Hello Ada");
  await shows(8, ".vega-embed canvas, .vega-embed svg");
  await page.screenshot({ path: screenshot });

  await page.getByRole("menuitem", { name: "Settings", exact: true }).click();
  await page.getByText("Theme", { exact: true }).first().hover();
  await page.getByText("JupyterLab Dark", { exact: true }).first().click();
  await page.locator('body[data-jp-theme-light="false"]').waitFor({ state: "attached", timeout: 120_000 });
  // Cells of a table are light on dark.
  const shade = (color) => color.match(/\d+/g).slice(0, 3).reduce((sum, c) => sum + Number(c), 0);
  const [text, under] = await part(2, "td").first().evaluate((td) => {
    let back = td;
    while (back && /rgba\(.*, 0\)/.test(getComputedStyle(back).backgroundColor)) back = back.parentElement;
    return [getComputedStyle(td).color, getComputedStyle(back).backgroundColor];
  });
  assert.ok(shade(text) - shade(under) > 300, `text ${text} on ${under}`);
  await page.screenshot({ path: screenshot.replace(".png", "-dark.png") });
  console.log("good");
} catch (e) {
  await page.screenshot({ path: screenshot });
  throw e;
} finally {
  await browser.close();
}
