// The service for its operators: live figures of the queue, the workers and the requests.

import type { ComponentChildren, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

import { getJson, isAbort } from "../client/http";
import type { Ingest, ServiceFigures, WorkerFigures } from "../client/types";
import { html } from "../html";
import { grouped } from "../numbers";
import { ProblemPanel } from "../problems/panel";
import { problemText } from "../problems/texts";
import { connection } from "../shell/session";
import { Ingests } from "./ingests";
import { IntervalChart } from "./interval_chart";

const EVERY_MS = 2000;
const MIB = 1024 * 1024;

export function ServiceView(): VNode {
  const { figures, ingests, error, retry } = useFigures();
  return html`<div class="service">
    <header class="view-header">
      <h1 tabindex="-1">The service</h1>
      <p class="lead">${figures === null ? "Reading the figures …" : `Version ${figures.version}, the last five minutes`}</p>
    </header>
    ${error !== null && html`<${ProblemPanel} error=${error} onRetry=${retry} />`}
    ${figures !== null && html`<${Figures} figures=${figures} ingests=${ingests} />`}
  </div>`;
}

function Figures({ figures, ingests }: { figures: ServiceFigures; ingests: readonly Ingest[] }): VNode {
  const { queue, memory, requests, cache, problems } = figures;
  return html`<div class="figures">
    ${Object.entries(problems).map(([part, problem]) => html`<p class="note" role="alert" key=${part}>${part}: ${problem}</p>`)}
    <dl class="tiles">
      <${Tile} label="Waiting" value=${queue && String(queue.depth + queue.parked)} />
      <${Tile} label="Running" value=${queue && String(queue.running)} />
      <${Tile} label="Oldest in the queue" value=${queue && seconds(queue.oldest_age_s)} />
      <${Tile} label="From the cache" value=${cache && percent(cache.hit_ratio)} />
      <${Tile} label="Requests" value=${requests && grouped(requests.count)} />
      <${Tile} label="Median answer" value=${requests && milliseconds(requests.duration_ms.p50)} />
      <${Tile} label="99th percentile" value=${requests && milliseconds(requests.duration_ms.p99)} />
      <${Tile} label="Pictures held" value=${memory && `${(memory.image_bytes / MIB).toFixed(1)} MiB`} />
    </dl>
    ${ingests.length > 0 && html`<${Ingests} ingests=${ingests} />`}
    ${requests &&
    html`<div class="charts">
      <${IntervalChart} title="Requests per second" intervals=${requests.intervals} value="rate" />
      <${IntervalChart} title="Median duration in ms" intervals=${requests.intervals} value="duration" />
    </div>`}
    <${Table} title="Workers" head=${["Worker", "State", "Model", "Runs on", "Running", "Per second"]} rows=${(figures.workers ?? []).map(workerRow)} empty="No worker is running." />
    <${Table}
      title="Endpoints"
      head=${["Endpoint", "Requests", "Median", "99th percentile"]}
      rows=${(requests?.by_route ?? []).map((route) => [
        `${route.method} ${route.route ?? "unknown path"}`,
        grouped(route.count),
        milliseconds(route.duration_ms.p50),
        milliseconds(route.duration_ms.p99),
      ])}
      empty="No request yet."
    />
    <${Table}
      title="Problems"
      head=${["Code", "Status", "Answers"]}
      rows=${(requests?.by_problem ?? []).map(({ code, status, count }) => [code, String(status), grouped(count)])}
      empty="No request was refused in the last five minutes."
    />
  </div>`;
}

function Tile({ label, value }: { label: string; value: string | null }): VNode {
  return html`<div class="tile">
    <dt>${label}</dt>
    <dd>${value ?? "–"}</dd>
  </div>`;
}

interface TableProps {
  title: string;
  head: readonly string[];
  rows: readonly (readonly ComponentChildren[])[];
  empty: string;
}

function Table({ title, head, rows, empty }: TableProps): VNode {
  return html`<section class="figure-table" aria-label=${title}>
    <h2>${title}</h2>
    ${rows.length === 0
      ? html`<p class="note">${empty}</p>`
      : html`<div class="table-room" tabindex="0" role="region" aria-label=${`${title}, as a table`}>
          <table>
            <thead>
              <tr>${head.map((name) => html`<th scope="col" key=${name}>${name}</th>`)}</tr>
            </thead>
            <tbody>
              ${rows.map(
                (row, index) => html`<tr key=${index}>
                  ${row.map((cell, column) => (column === 0 ? html`<th scope="row">${cell}</th>` : html`<td>${cell}</td>`))}
                </tr>`,
              )}
            </tbody>
          </table>
        </div>`}
  </section>`;
}

function workerRow(worker: WorkerFigures): string[] {
  return [
    `${worker.host ?? "unknown"}, process ${worker.pid ?? "?"}`,
    worker.ready ? "ready" : (worker.error ?? "starting"),
    worker.model ?? "–",
    [worker.device, worker.encoder, worker.precision].filter(Boolean).join(", ") || "–",
    worker.running === null ? "–" : `${worker.running} of ${worker.concurrency ?? "?"}`,
    worker.runs_per_s?.toFixed(1) ?? "–",
  ];
}

function useFigures(): { figures: ServiceFigures | null; ingests: readonly Ingest[]; error: unknown; retry: () => void } {
  const [live, setLive] = useState<{ figures: ServiceFigures | null; ingests: readonly Ingest[] }>({ figures: null, ingests: [] });
  const [error, setError] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const read = async (): Promise<void> => {
      try {
        const { signal } = abort;
        const figures = await getJson<ServiceFigures>(connection, { path: "api/service", signal });
        // Without Redis, the figures name the problem, and the ingests are unknown.
        const found = await getJson<{ ingests: Ingest[] }>(connection, { path: "api/ingests", signal }).catch(() => null);
        if (signal.aborted) return;
        setLive({ figures, ingests: found ? found.ingests : [] });
        setError(null);
        timer = setTimeout(poll, EVERY_MS);
      } catch (failed) {
        if (isAbort(failed)) return;
        setError(failed);
        // Other errors wait for a key, or for the end of a countdown.
        if (problemText(failed).remedy === "retry") timer = setTimeout(poll, EVERY_MS);
      }
    };
    // A tab that nobody sees asks for nothing.
    const poll = (): void => void (document.hidden ? (timer = setTimeout(poll, EVERY_MS)) : read());
    poll();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [attempt]);
  return { ...live, error, retry: () => setAttempt((count) => count + 1) };
}

function milliseconds(value: number | null): string {
  if (value === null) return "–";
  return value < 10 ? `${value.toFixed(1)} ms` : `${grouped(Math.round(value))} ms`;
}

function seconds(value: number | null): string {
  return value === null ? "–" : `${value.toFixed(1)} s`;
}

function percent(value: number | null): string {
  return value === null ? "–" : `${Math.round(100 * value)} %`;
}
