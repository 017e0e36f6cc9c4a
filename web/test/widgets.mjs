// Opens a Go notebook with widgets in JupyterLab, moves them and checks what Go makes of it.
//
// Called by the Go test TestWidgets as jupyterlab.mjs is by TestJupyterLab.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [url, token, notebook, screenshot] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CELLAR_TEST_CHROMIUM, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1200, height: 2000 } });
try {
  await page.goto(`${url}/lab/tree/${notebook}?token=${token}`);
  const cells = page.locator(".jp-Notebook .jp-CodeCell");
  await cells.first().waitFor({ timeout: 120_000 });
  await page.locator(".jp-KernelName", { hasText: "Go (Cellar)" }).waitFor({ timeout: 120_000 });
  await page.getByText("Go (Cellar) | Idle").waitFor({ timeout: 120_000 }); // what is run before is forgotten
  await cells.first().click();
  await page.getByRole("menuitem", { name: "Run", exact: true }).click();
  await page.getByText("Run All Cells", { exact: true }).click();

  const part = (n, selector) => cells.nth(n).locator(`.jp-OutputArea ${selector}`).first();
  const shows = (n, text) => cells.nth(n).locator(".jp-OutputArea-output", { hasText: text }).first().waitFor({ timeout: 120_000 });
  const ran = (n) => cells.nth(n).locator(".jp-InputPrompt", { hasText: /\[\d+\]/ }).waitFor({ timeout: 120_000 });
  await ran((await cells.count()) - 1);

  // A slider, set to 50 by the second cell: the program sees where it is moved, and moves it back.
  await part(0, ".noUi-handle").focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
  await shows(0, "size is 53");
  await cells.nth(1).locator(".cm-content").click();
  await page.keyboard.press("Shift+Enter");
  await shows(1, "the program reads 53 and sets 50");
  await part(0, ".widget-readout").filter({ hasText: "50" }).waitFor({ timeout: 120_000 });

  // A button whose function shows something, then panics; the session lives on.
  await part(2, "button").click();
  await shows(2, "clicked 1 times");
  await part(2, "button").click();
  await shows(2, "clicked 2 times");
  await part(2, "button").click();
  await shows(2, "enough");

  // Texts and choices in boxes.
  await part(3, "input[type=text]").fill("Ada");
  await part(3, "input[type=text]").press("Enter");
  await cells.nth(3).locator(".jp-OutputArea .widget-label", { hasText: "hello Ada from London, false" }).waitFor({ timeout: 120_000 });
  await part(3, "select").selectOption("Paris");
  await part(3, "input[type=checkbox]").check();
  await cells.nth(3).locator(".jp-OutputArea .widget-label", { hasText: "hello Ada from Paris, true" }).waitFor({ timeout: 120_000 });

  // A value made anew of other values.
  await part(4, ".noUi-handle").focus();
  await page.keyboard.press("ArrowRight");
  await shows(4, "1000");

  // A widget with its own JavaScript.
  await part(5, "button.count").click();
  await shows(5, "the page counts 1");
  await part(5, "button.count").filter({ hasText: "1 of 10" }).waitFor({ timeout: 120_000 });

  await page.screenshot({ path: screenshot });

  // A page loaded anew has the widgets as they stand in the program.
  await page.locator(".jp-Notebook").click({ position: { x: 5, y: 5 } });
  await page.keyboard.press("Control+s");
  await page.waitForTimeout(2000);
  await page.reload();
  await part(0, ".widget-readout").filter({ hasText: "50" }).waitFor({ timeout: 120_000 });
  await part(5, "button.count").filter({ hasText: "1 of 10" }).waitFor({ timeout: 120_000 });
  await part(5, "button.count").click();
  await part(5, "button.count").filter({ hasText: "2 of 10" }).waitFor({ timeout: 120_000 });
  console.log("good");
} catch (e) {
  await page.screenshot({ path: screenshot });
  throw e;
} finally {
  await browser.close();
}
