// Runs the search of the address, page by page; a late answer never replaces the answer of a newer search.

import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { ServiceError, isAbort } from "../client/http";
import { cancelJob } from "../client/jobs";
import { type Found, type Part, search, type Search } from "../client/search";
import type { Job, Match } from "../client/types";
import { readBytes } from "../pictures/store";
import { type Address, countFilters, writeAddress } from "../shell/address";
import type { Navigation } from "../shell/navigation";
import { connection, readKey } from "../shell/session";

export const PAGE = 25;
/** The limits of `offset` and of `offset + k` in the HTTP API. */
const OFFSET_MAX = 950;
const RANKED_MAX = 1000;
/** The text by which albums are ranked if a search consists of filters only. */
export const DEFAULT_TEXT = "album cover";

export interface SearchState {
  /** The search whose matches are shown, as an address without dialogs. */
  shown: string | null;
  matches: readonly Match[];
  first: Found | null;
  /** The number of ranked albums that have been read. */
  next: number;
  /** How the results end: no album is left, or the service ranks no further; null if there are more. */
  end: "exhausted" | "limit" | null;
  loading: "first" | "more" | null;
  job: Job | null;
  /** The uploaded part of a picture, from 0 to 1; null if nothing is being uploaded. */
  upload: number | null;
  error: unknown;
}

const NOTHING: SearchState = {
  shown: null,
  matches: [],
  first: null,
  next: 0,
  end: null,
  loading: null,
  job: null,
  upload: null,
  error: null,
};

export interface RunningSearch extends SearchState {
  loadMore: () => void;
  retry: () => void;
  cancel: () => void;
}

/** A search whose answer is outstanding. */
interface Running {
  abort: AbortController;
  /** The id of its job, if it was not answered at once. */
  job: string | null;
}

interface RequestedPage {
  key: string;
  offset: number;
  asked: Search;
}

type Update = (change: (before: SearchState) => SearchState) => void;

/** Return the request for one page of the search in an address. */
export function searchOf(address: Address, offset: number, explain = false): Search {
  const parts: readonly Part[] = address.parts.length ? address.parts : [{ kind: "text", text: DEFAULT_TEXT, weight: 1 }];
  return {
    parts,
    filters: address.filters,
    minSimilarity: address.minSimilarity,
    k: offset < OFFSET_MAX ? PAGE : RANKED_MAX - OFFSET_MAX,
    offset,
    explain,
  };
}

/** Return the text that identifies a search: its address without dialogs. */
export function searchKey(address: Address): string | null {
  if (address.view !== "search" || (!address.parts.length && !countFilters(address))) return null;
  return writeAddress({ ...address, album: null, code: false });
}

// The loaded pages of the latest searches; the latest search is the last.
const kept = new Map<string, SearchState>();
const KEPT_MAX = 10;

function keptName(key: string): string {
  return `${readKey() ?? ""} ${key}`;
}

function keep(state: SearchState): void {
  if (state.shown === null || state.loading !== null || state.error !== null) return;
  const name = keptName(state.shown);
  kept.delete(name);
  kept.set(name, state);
  for (const oldest of [...kept.keys()].slice(0, -KEPT_MAX)) kept.delete(oldest);
}

/** Run the search of an address; a revisited search shows the pages that it had loaded, if they are kept. */
export function useSearch({ address, isRevisited }: Pick<Navigation, "address" | "isRevisited">): RunningSearch {
  const key = searchKey(address);
  const [state, setState] = useState<SearchState>(NOTHING);
  const running = useRef<Running | null>(null);

  const start = (offset: number): void => {
    stop(running.current);
    const own: Running = { abort: new AbortController(), job: null };
    running.current = own;
    // An answer counts only while its search is the newest.
    const update: Update = (change) => {
      if (running.current === own) setState(change);
    };
    update((before) => ({ ...before, loading: offset ? "more" : "first", error: null, job: null, upload: null }));
    runPage(own, { key: key as string, offset, asked: searchOf(address, offset) }, update);
  };

  useLayoutEffect(() => keep(state), [state]);
  useLayoutEffect(() => {
    if (key === null) {
      setState(NOTHING);
      return;
    }
    const known = isRevisited ? kept.get(keptName(key)) : undefined;
    if (known) setState(known);
    else start(0);
    return () => {
      stop(running.current);
      running.current = null;
    };
  }, [key]);

  return {
    ...state,
    loadMore: () => {
      if (state.loading === null && state.end === null && state.error === null && state.shown === key) start(state.next);
    },
    retry: () => start(state.matches.length && state.shown === key ? state.next : 0),
    cancel: () => {
      stop(running.current);
      running.current = null;
      setState((before) => ({ ...before, loading: null, job: null, upload: null, error: canceled() }));
    },
  };
}

/** Search for one page, and report each change of the state. */
function runPage(own: Running, page: RequestedPage, update: Update): void {
  search(connection, page.asked, {
    signal: own.abort.signal,
    picture: readBytes,
    onUpload: (upload) => update((before) => ({ ...before, upload })),
    onJob: (job) => {
      own.job = job.id;
      update((before) => ({ ...before, job, upload: null }));
    },
  }).then(
    (found) => {
      own.job = null;
      update((before) => withPage(before, found, page));
    },
    (error: unknown) => {
      if (!isAbort(error)) update((before) => ({ ...before, loading: null, job: null, upload: null, error }));
    },
  );
}

function withPage(before: SearchState, found: Found, { key, offset, asked }: RequestedPage): SearchState {
  const { results, exhausted } = found.result;
  const matches = offset ? unique([...before.matches, ...results]) : results;
  return {
    ...before,
    shown: key,
    matches,
    first: offset ? before.first : found,
    next: offset + asked.k,
    end: (exhausted ?? results.length < asked.k) ? "exhausted" : offset + asked.k >= RANKED_MAX ? "limit" : null,
    loading: null,
    job: null,
    upload: null,
    error: null,
  };
}

// If the catalog changes between two pages, a page may repeat an album.
function unique(matches: readonly Match[]): Match[] {
  return [...new Map(matches.map((match) => [match.id, match])).values()];
}

function stop(running: Running | null): void {
  if (running === null) return;
  running.abort.abort();
  // The job would use a worker for an answer that nobody reads. If the job has already ended, nothing happens.
  if (running.job !== null) void cancelJob(connection, running.job).catch(() => undefined);
}

function canceled(): ServiceError {
  return new ServiceError("job_canceled", "the search was canceled");
}
