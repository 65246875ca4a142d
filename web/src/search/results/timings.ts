// How long the stages of a search took, and whether its answer came from the cache.

import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";

import type { Found } from "../../client/search";
import type { Timings } from "../../client/types";
import { html } from "../../html";
import { grouped } from "../../numbers";
import { Icon } from "../../shell/icons";

const STAGES: readonly [keyof Timings, string][] = [
  ["queue", "In the queue"],
  ["decode", "Decoding the picture"],
  ["embed", "Reading it with the model"],
  ["search", "Comparing the covers"],
  ["total", "Together"],
];
const CACHE: Record<string, string> = {
  hit: "from the cache; the times are those of the first search",
  miss: "computed for this search",
  coalesced: "shared with the same search of somebody else",
};

export function TimingsDetails({ found }: { found: Found }): VNode {
  const { timings_ms: timings, model, truncated } = found.result;
  const details = useRef<HTMLDetailsElement>(null);
  useClosing(details);
  return html`<details ref=${details} class="timings">
    <summary title="How long it took"><${Icon} name="clock" />${found.cache === "hit" ? "from the cache" : milliseconds(timings.total)}</summary>
    <div class="timings-panel">
      <table>
        <caption class="hidden">Times of this search</caption>
        <tbody>
          ${STAGES.map(
            ([stage, label]) => html`<tr key=${stage}>
              <th scope="row">${label}</th>
              <td>${milliseconds(timings[stage])}</td>
            </tr>`,
          )}
          <tr>
            <th scope="row"><code>X-Cache</code></th>
            <td><code>${found.cache ?? "none"}</code></td>
          </tr>
        </tbody>
      </table>
      <p>The answer was ${CACHE[found.cache ?? ""] ?? "computed"}. Model: ${model}.</p>
      ${truncated && html`<p>The text is longer than the model reads; its end was ignored.</p>`}
    </div>
  </details>`;
}

/** Close the panel, which covers results, by Escape or by a click beside it. */
function useClosing(details: { current: HTMLDetailsElement | null }): void {
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    const close = (): void => details.current?.removeAttribute("open");
    const press = (event: PointerEvent): void => {
      if (!details.current?.contains(event.target as Node)) close();
    };
    const type = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || !details.current?.open) return;
      if (details.current.contains(document.activeElement)) details.current.querySelector("summary")?.focus();
      close();
    };
    addEventListener("pointerdown", press, { signal });
    addEventListener("keydown", type, { signal });
    return () => ending.abort();
  }, []);
}

function milliseconds(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${grouped(Math.round(value))} ms`;
}
