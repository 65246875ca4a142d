// Starts the page.

import { render } from "preact";

import { html } from "./html";
import { App } from "./shell/app";
import { takeKeyFromAddress } from "./shell/session";

takeKeyFromAddress();
const root = document.getElementById("page");
if (root !== null) render(html`<${App} />`, root);
