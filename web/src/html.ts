// `html` makes Preact elements from template literals.

import htm from "htm";
import { h, type VNode } from "preact";

// htm's own types allow several roots and text; every template of this page has one root element.
export const html = htm.bind(h) as unknown as (strings: TemplateStringsArray, ...values: unknown[]) => VNode;
