// Starts the page.

import { render } from "preact";

import { html } from "./html";
import { App } from "./shell/app";
import { takeKeyFromAddress } from "./shell/session";

takeKeyFromAddress();
const root = document.getElementById("page");
let starts = 0;
function start(): void {
  if (root !== null) render(html`<${App} key=${(starts += 1)} />`, root);
}
start();
// An address with another key that is opened in the same tab loads no page.
addEventListener("hashchange", () => takeKeyFromAddress() && start());
