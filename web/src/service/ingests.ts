// The ingests that run, with their progress, and the last reports of those that have ended.

import type { VNode } from "preact";

import type { Ingest } from "../client/types";
import { html } from "../html";
import { grouped } from "../numbers";

// Phases and states in other words than their own.
const WORDS: Record<string, string> = { albums: "loading", tags: "reading tags", index: "indexing", lost: "stopped reporting" };

export function Ingests({ ingests }: { ingests: readonly Ingest[] }): VNode {
  return html`<section class="figure-table" aria-label="Ingests">
    <h2>Ingests</h2>
    <ul class="ingests">${ingests.map((ingest) => html`<${OneIngest} key=${ingest.id} ...${ingest} />`)}</ul>
  </section>`;
}

function OneIngest({ name, source, state, phase, done, total, per_s, remaining_s, error, ...ingest }: Ingest): VNode {
  const isRunning = state === "running";
  const stage = isRunning ? phase : state;
  const pace = [
    done > 0 && `${grouped(done)} ${total === null ? "" : `of ${grouped(total)} `}${phase === "tags" ? "files" : "albums"}`,
    per_s !== null && `${per_s.toFixed(1)} per second`,
    remaining_s !== null && `${duration(remaining_s)} left`,
  ];
  const kinds = (["added", "changed", "unchanged", "deleted"] as const).filter((kind) => ingest[kind] > 0);
  return html`<li>
    <p><strong><bdi>${name}</bdi>: ${WORDS[stage] ?? stage}</strong></p>
    ${isRunning &&
    html`<p class="note">
      <progress aria-label=${`Progress of ${name}`} value=${total ? done : undefined} max=${total || undefined} />
      ${pace.filter(Boolean).join(", ")}
    </p>`}
    ${error !== null && html`<p dir="auto">${error}</p>`}
    <p>${kinds.map((kind) => `${grouped(ingest[kind])} ${kind}`).join(", ")}${!isRunning && ` after ${duration(ingest.elapsed_s)}`}</p>
    ${ingest.left_out > 0 &&
    html`<details>
      <summary>${grouped(ingest.left_out)} left out</summary>
      <p class="note">${Object.entries(ingest.left_out_by_reason).map(([reason, number]) => `${reason}: ${grouped(number)}`).join(", ")}</p>
      <ul>${ingest.first_left_out.map(({ id, detail }, index) => html`<li key=${index} dir="auto">${source === "table" && html`<bdi>${id}</bdi>: `}${detail}</li>`)}</ul>
    </details>`}
  </li>`;
}

const duration = (seconds: number): string => (seconds < 100 ? `${Math.ceil(seconds)} s` : `${grouped(Math.ceil(seconds / 60))} min`);
