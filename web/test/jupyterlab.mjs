// Opens a Go notebook in JupyterLab, runs all its cells and checks what the page shows.
//
// Called by the Go test TestJupyterLab with the server's address and token, the notebook's name and a file for the screenshot; the
// browser is in CELLAR_TEST_CHROMIUM.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [url, token, notebook, screenshot] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CELLAR_TEST_CHROMIUM, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1200, height: 1100 } });
try {
  await page.goto(`${url}/lab/tree/${notebook}?token=${token}`);
  await page.locator(".jp-Notebook .jp-CodeCell").first().waitFor({ timeout: 120_000 });
  // The kernel answered: its name stands in the toolbar.
  await page.locator(".jp-KernelName", { hasText: "Go (Cellar)" }).waitFor({ timeout: 120_000 });
  await page.getByText("Go (Cellar) | Idle").waitFor({ timeout: 120_000 }); // what is run before is forgotten
  await page.locator(".jp-Notebook .jp-CodeCell").first().click();
  await page.getByRole("menuitem", { name: "Run", exact: true }).click();
  await page.getByText("Run All Cells", { exact: true }).click();

  const cells = page.locator(".jp-Notebook .jp-CodeCell");
  const shows = (n, selector, text) =>
    cells.nth(n).locator(`.jp-OutputArea-output${selector}`, text ? { hasText: text } : {}).first().waitFor({ timeout: 120_000 });
  await shows(0, "", "line 2");
  await shows(1, "", "42");
  await shows(2, " b", "bold");
  await shows(3, " img");
  const width = await cells.nth(3).locator("img").first().evaluate((img) => img.complete && img.naturalWidth);
  assert.equal(width, 120, "the picture's width");
  await shows(4, "", "undefined: nope");
  // Run All stopped at the error; the last cell runs by itself and asks for input.
  await cells.nth(5).locator(".cm-content").click();
  await page.keyboard.press("Shift+Enter");
  await page.locator(".jp-Stdin-input").waitFor({ timeout: 120_000 });
  await page.locator(".jp-Stdin-input").fill("Ada");
  await page.keyboard.press("Enter");
  await shows(5, "", "hello Ada");
  // A running cell is stopped by the toolbar's button, and its values live on.
  await cells.nth(6).locator(".cm-content").click();
  await page.keyboard.press("Shift+Enter");
  await cells.nth(6).locator(".jp-InputPrompt", { hasText: "[*]" }).waitFor({ timeout: 120_000 });
  await page.waitForTimeout(1500);
  await page.locator('[data-command="notebook:interrupt-kernel"], [data-jp-item-name="interrupt"] button, jp-button[data-command="notebook:interrupt-kernel"]').first().click();
  await shows(6, "", "interrupted");
  await page.screenshot({ path: screenshot });
  // Completion offers the session's own names.
  await cells.nth(7).locator(".cm-content").click();
  await page.keyboard.press("Control+End");
  await page.keyboard.press("Tab");
  await page.locator(".jp-Completer-item", { hasText: "answer" }).first().waitFor({ timeout: 30_000 }).catch(async (e) => {
    // A single match is put in at once.
    if (!(await cells.nth(7).locator(".cm-content").innerText()).includes("answer")) throw e;
  });
  console.log("good");
} catch (e) {
  await page.screenshot({ path: screenshot });
  throw e;
} finally {
  await browser.close();
}
