// What the page shows while a search takes longer than a moment: the upload, the queue, and a button to cancel.

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

import { getJson } from "../client/http";
import type { Health } from "../client/types";
import { html } from "../html";
import { connection } from "../shell/session";
import type { RunningSearch } from "./use_search";

/** A search that was answered sooner shows no sign of waiting. */
const SHOWN_AFTER_MS = 300;
/** The time in the queue after which the page asks whether a worker is there. */
const DOUBT_AFTER_MS = 3000;

export function Waiting({ search }: { search: RunningSearch }): VNode | null {
  const isLoading = search.loading !== null;
  const isLate = useDelay(isLoading, SHOWN_AFTER_MS);
  const isQueued = search.job?.status === "queued";
  const isDoubtful = useDelay(isQueued, DOUBT_AFTER_MS);
  const hasWorker = useWorkers(isDoubtful);
  if (!isLate && search.job === null) return null;
  const text = isDoubtful && hasWorker === false ? "No worker is running. The search waits for one." : stateText(search);
  return html`<div class="waiting">
    <progress class="waiting-bar" aria-label="Progress" value=${search.upload !== null && search.upload < 1 ? search.upload : undefined}></progress>
    <p role="status">${text}</p>
    <button type="button" class="button" onClick=${search.cancel}>Cancel</button>
  </div>`;
}

function stateText({ upload, job }: RunningSearch): string {
  if (upload !== null && upload < 1) return `Uploading: ${Math.round(100 * upload)} %`;
  if (job?.status === "running") return "Looking at the covers …";
  if (job?.status === "queued") {
    const ahead = (job.queue_position ?? 1) - 1;
    if (ahead === 0) return "Next in the queue …";
    return ahead === 1 ? "One search is ahead of this one …" : `${ahead} searches are ahead of this one …`;
  }
  return "Searching …";
}

/** Return whether a condition has been true for some time. */
function useDelay(isTrue: boolean, afterMs: number): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (!isTrue) return;
    const timer = setTimeout(() => setLate(true), afterMs);
    return () => clearTimeout(timer);
  }, [isTrue, afterMs]);
  return isLate && isTrue;
}

/** Return whether a worker is ready, or null while this is not known. */
function useWorkers(isAsking: boolean): boolean | null {
  const [hasWorker, setHasWorker] = useState<boolean | null>(null);
  useEffect(() => {
    setHasWorker(null);
    if (!isAsking) return;
    const abort = new AbortController();
    getJson<Health>(connection, { path: "health", signal: abort.signal }).then(
      (health) => setHasWorker(health.workers > 0),
      () => undefined,
    );
    return () => abort.abort();
  }, [isAsking]);
  return hasWorker;
}
