// Follows a job by its server-sent events, or by polling, and cancels it.

import { readEvents } from "./events";
import { type Answer, type Connection, openStream, type Query, readDocument, send, ServiceError } from "./http";
import type { Job, Result } from "./types";

/** How long the service waits for the end of a job before it answers a poll. */
const POLL_S = 20;
const POLL_PAUSE_MS = 1000;
/** The pause between the polls of a hidden tab. */
const HIDDEN_POLL_PAUSE_MS = 5000;
/** The time without a packet after which a stream of events is given up; the service sends at least a comment every 15 s. */
const STALLED_MS = 40_000;

export interface FollowOptions {
  signal?: AbortSignal;
  /** Called with each state of the job. */
  onJob?: (job: Job) => void;
}

/** Return the result of a job, which an answer contains, once the job has ended; throw a ServiceError if the job failed. */
export async function followJob(connection: Connection, body: string, options: FollowOptions): Promise<Result> {
  let job = readJob(body, options);
  const path = `api/jobs/${encodeURIComponent(job.id)}`;
  let hasEvents = true;
  while (!hasEnded(job)) {
    // Browsers open six connections to a host, for all tabs together; tabs that nobody looks at must not hold them.
    if (hasEvents && !document.hidden) {
      const ended = await followEvents(connection, `${path}/events`, options);
      if (ended === null) hasEvents = false;
      else if (ended !== "hidden") job = ended;
      continue;
    }
    const query: Query = [["wait", document.hidden ? "0" : String(POLL_S)]];
    job = readJob((await send(connection, { method: "GET", path, query, signal: options.signal })).body, options);
    // A proxy may answer at once.
    if (!hasEnded(job)) await pause(document.hidden ? HIDDEN_POLL_PAUSE_MS : POLL_PAUSE_MS);
  }
  if (job.result === null) throw jobError(job);
  return job.result;
}

export function cancelJob(connection: Connection, id: string): Promise<Answer> {
  return send(connection, { method: "POST", path: `api/jobs/${encodeURIComponent(id)}/cancel` });
}

function jobError(job: Job): ServiceError {
  if (job.status === "canceled") return new ServiceError("job_canceled", "the job was canceled");
  return new ServiceError(job.error?.code ?? "internal", job.error?.detail ?? "the job has no result");
}

/** Return the job once it has ended, "hidden" once the tab is hidden, or null if the events end early, are damaged, or stop. */
async function followEvents(connection: Connection, path: string, options: FollowOptions): Promise<Job | "hidden" | null> {
  const stream = new AbortController();
  const abort = (): void => stream.abort();
  let isHidden = false;
  const hide = (): void => {
    isHidden = true;
    abort();
  };
  let timer = 0;
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(abort, STALLED_MS);
  };
  options.signal?.addEventListener("abort", abort);
  // The tab is shown, so the next change hides it.
  document.addEventListener("visibilitychange", hide);
  wait();
  try {
    const response = await openStream(connection, path, stream.signal);
    if (!response.ok || !response.body) return null;
    for await (const event of readEvents(response.body, wait)) {
      if (event.name === "problem") return null;
      const job = readJob(event.data, options);
      if (hasEnded(job)) return job;
    }
  } catch (error) {
    if (options.signal?.aborted) throw error;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
    document.removeEventListener("visibilitychange", hide);
  }
  return isHidden ? "hidden" : null;
}

function readJob(body: string, { onJob }: FollowOptions): Job {
  const job = readDocument<Job>(body);
  if (typeof job.status !== "string") throw new ServiceError("no_gateway", "the answer is not a job");
  onJob?.(job);
  return job;
}

function hasEnded(job: Job): boolean {
  return job.status !== "queued" && job.status !== "running";
}

/** Wait for some time, or until the tab is shown or hidden. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, milliseconds);
    document.addEventListener("visibilitychange", end);
    function end(): void {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", end);
      resolve();
    }
  });
}
