// The connection to the service, and the API key, which is kept until the tab is closed.

import type { Connection } from "../client/http";

const KEY = "cover-search.key";

export const connection: Connection = { base: new URL("../", document.baseURI), key: readKey };

export function readKey(): string | null {
  return sessionStorage.getItem(KEY);
}

export function keepKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, key);
}

/** Take the key from the fragment of the address, as in `#key=…`, and erase the fragment at once. */
export function takeKeyFromAddress(): void {
  const [, key] = /^#key=([\x21-\x7e]+)$/.exec(location.hash) ?? [];
  if (key === undefined) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  keepKey(key);
}
