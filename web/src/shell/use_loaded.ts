// Loads a document from the service, and keeps it until the page is closed or the key changes.

import { useEffect, useState } from "preact/hooks";

import { readKey } from "./session";

export interface Loaded<T> {
  value: T | null;
  error: unknown;
  reload: () => void;
}

// The documents that were loaded or are being loaded. Several parts of the page may need one document.
const documents = new Map<string, Promise<unknown>>();
// The loaded documents, which are shown at once, so that nothing moves later.
const values = new Map<string, unknown>();

/** Load a document under a name; a null name loads nothing, and keeps the previous value. */
export function useLoaded<T>(name: string | null, load: () => Promise<T>): Loaded<T> {
  const key = name === null ? null : `${readKey() ?? ""} ${name}`;
  const [state, setState] = useState<{ value: T | null; error: unknown }>({ value: null, error: null });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (key === null) return;
    let isCurrent = true;
    loadOnce(key, load).then(
      (value) => isCurrent && setState({ value, error: null }),
      (error: unknown) => isCurrent && setState((before) => ({ ...before, error })),
    );
    return () => {
      isCurrent = false;
    };
  }, [key, attempt]);
  const known = key === null ? undefined : (values.get(key) as T | undefined);
  return { ...(known === undefined ? state : { value: known, error: null }), reload: () => setAttempt((count) => count + 1) };
}

function loadOnce<T>(key: string, load: () => Promise<T>): Promise<T> {
  const known = documents.get(key) as Promise<T> | undefined;
  if (known) return known;
  const loading = load();
  documents.set(key, loading);
  // A failed document is loaded again when it is needed again.
  loading.then(
    (value) => values.set(key, value),
    () => documents.delete(key),
  );
  return loading;
}
