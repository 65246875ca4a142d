// Waits for a service that cannot be reached, and continues once it answers.

import { useEffect, useRef } from "preact/hooks";

import { getJson } from "../client/http";
import { connection } from "../shell/session";

const PAUSE_MIN_MS = 1000;
const PAUSE_MAX_MS = 10_000;

// The pause outlasts a panel, so that a request that always breaks its connection is not repeated each second.
let pauseMs = PAUSE_MIN_MS;
let endedAt = -Infinity;

/** Call `onBack` once the service answers after an error; a null error waits for nothing. */
export function useReconnection(error: unknown, onBack: () => void): void {
  const latest = useRef(onBack);
  latest.current = onBack;
  useEffect(() => (error === null ? undefined : waitForService(() => latest.current())), [error]);
}

/** Ask the service again and again while the tab is visible; return a function that stops. */
function waitForService(onBack: () => void): () => void {
  const ending = new AbortController();
  const { signal } = ending;
  let probe = new AbortController();
  let timer = 0;
  const stop = (): void => {
    ending.abort();
    probe.abort();
    clearTimeout(timer);
    endedAt = performance.now();
  };
  const waitLonger = (): void => {
    timer = setTimeout(ask, pauseMs);
    pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS);
  };
  const ask = (): void => {
    clearTimeout(timer);
    // A request that hangs ends with the next one.
    probe.abort();
    if (document.hidden) return;
    probe = new AbortController();
    waitLonger();
    getJson(connection, { path: "livez", signal: probe.signal }).then(
      () => {
        if (signal.aborted) return;
        stop();
        onBack();
      },
      () => undefined,
    );
  };
  if (performance.now() - endedAt > 2 * PAUSE_MAX_MS) pauseMs = PAUSE_MIN_MS;
  addEventListener("online", ask, { signal });
  document.addEventListener("visibilitychange", ask, { signal });
  waitLonger();
  return stop;
}
