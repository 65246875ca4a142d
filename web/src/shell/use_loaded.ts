// Loads a document from the service, and keeps it until the page is closed or the key changes.

import { useEffect, useState } from "preact/hooks";

import { isAbort } from "../client/http";
import { readKey } from "./session";

export interface Loaded<T> {
  value: T | null;
  error: unknown;
  reload: () => void;
}

const cache = new Map<string, unknown>();

/** Load a document under a name; a null name loads nothing, and keeps the previous value. */
export function useLoaded<T>(name: string | null, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const key = name === null ? null : `${readKey() ?? ""} ${name}`;
  const [state, setState] = useState<{ value: T | null; error: unknown }>(() => ({
    value: key === null ? null : ((cache.get(key) as T | undefined) ?? null),
    error: null,
  }));
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (key === null) return;
    const kept = cache.get(key) as T | undefined;
    if (kept !== undefined) {
      setState({ value: kept, error: null });
      return;
    }
    const abort = new AbortController();
    load(abort.signal).then(
      (value) => {
        cache.set(key, value);
        if (!abort.signal.aborted) setState({ value, error: null });
      },
      (error: unknown) => {
        if (!abort.signal.aborted && !isAbort(error)) setState((before) => ({ ...before, error }));
      },
    );
    return () => abort.abort();
  }, [key, attempt]);
  return { ...state, reload: () => setAttempt((count) => count + 1) };
}
