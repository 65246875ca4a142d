// Submits searches, and reads albums.

import { type Answer, type Connection, getJson, type Query, type Request, readDocument, send, ServiceError } from "./http";
import { type FollowOptions, followJob } from "./jobs";
import type { Album, Result } from "./types";

export type Part =
  | { kind: "text"; text: string; weight: number }
  | { kind: "image"; id: string; weight: number }
  | { kind: "album"; id: string; weight: number };

export interface Filters {
  genres: readonly string[];
  artists: readonly string[];
  yearMin: number | null;
  yearMax: number | null;
  minScore: number | null;
  bestNewMusic: boolean;
  color: string | null;
}

export interface Search {
  parts: readonly Part[];
  filters: Filters;
  minSimilarity: number | null;
  k: number;
  offset: number;
  explain: boolean;
}

export interface SearchOptions extends FollowOptions {
  /** Returns the bytes of an uploaded picture. */
  picture: (id: string) => Promise<Blob>;
  onUpload?: (fraction: number) => void;
}

export interface Found {
  result: Result;
  cache: string | null;
}

/** The seconds after which the service answers with the job instead of the result. */
export const IMMEDIATE_S = 0.3;

/** Search, and follow the job until it ends; throw a ServiceError if the search fails. */
export async function search(connection: Connection, asked: Search, options: SearchOptions): Promise<Found> {
  const request = await searchRequest(asked, options.picture);
  const answer = await send(connection, {
    ...request,
    query: [...(request.query ?? []), ["wait", String(IMMEDIATE_S)]],
    signal: options.signal,
    onUpload: hasPicture(asked) ? options.onUpload : undefined,
  });
  if (answer.status !== 202) return found(readDocument<Result>(answer.body), answer);
  return found(await followJob(connection, answer.body, options), answer);
}

export function hasPicture(asked: Pick<Search, "parts">): boolean {
  return asked.parts.some((part) => part.kind === "image");
}

/** Return the simplest request for a search: a plain search if it has one part of weight 1. */
export async function searchRequest(asked: Search, picture: (id: string) => Promise<Blob>): Promise<Request> {
  const [only] = asked.parts;
  const query = queryOf(asked);
  const isPlain = asked.parts.length === 1 && only?.weight === 1 && !(only.kind === "album" && isPathSegment(only.id));
  if (!isPlain) {
    return { method: "POST", path: "api/search", body: await composedBody(asked, picture), contentType: "application/json" };
  }
  switch (only.kind) {
    case "text":
      return { method: "GET", path: "api/search-by-text", query: [["query", only.text], ...query] };
    case "album":
      return { method: "GET", path: `api/albums/${encodeURIComponent(only.id)}/similar`, query };
    case "image": {
      const blob = await picture(only.id);
      const contentType = blob.type.startsWith("image/") ? blob.type : "application/octet-stream";
      return { method: "POST", path: "api/search-by-image", query, body: blob, contentType };
    }
  }
}

/** Return whether browsers would resolve an id in a path instead of sending it, even if it is encoded. */
function isPathSegment(id: string): boolean {
  return id === "." || id === "..";
}

/** Read an album with its metadata; no album has an id that cannot be in a path. */
export async function readAlbum(connection: Connection, id: string): Promise<Album> {
  if (isPathSegment(id)) throw new ServiceError("album_not_found", `no album has the id ${id}`);
  const query: Query = [
    ["include", "metadata"],
    ["include", "reviewer"],
  ];
  return getJson<Album>(connection, { path: `api/albums/${encodeURIComponent(id)}`, query });
}

export function filterQuery(filters: Filters): Query {
  const query: [string, string][] = [
    ...filters.genres.map((genre): [string, string] => ["genre", genre]),
    ...filters.artists.map((artist): [string, string] => ["artist", artist]),
  ];
  if (filters.yearMin !== null) query.push(["year_min", String(filters.yearMin)]);
  if (filters.yearMax !== null) query.push(["year_max", String(filters.yearMax)]);
  if (filters.minScore !== null) query.push(["min_score", String(filters.minScore)]);
  if (filters.bestNewMusic) query.push(["best_new_music", "true"]);
  if (filters.color !== null) query.push(["color", filters.color]);
  return query;
}

function queryOf(asked: Search): Query {
  return [
    ["k", String(asked.k)],
    ...(asked.offset ? [["offset", String(asked.offset)] as const] : []),
    ...(asked.minSimilarity === null ? [] : [["min_similarity", String(asked.minSimilarity)] as const]),
    ...(asked.explain ? [["explain", "true"] as const] : []),
    ...filterQuery(asked.filters),
  ];
}

/** Return the fields of the JSON body of a composed search, without the image data. */
export function composedFields(asked: Search): Record<string, unknown> {
  const { filters } = asked;
  return {
    k: asked.k,
    ...(asked.offset ? { offset: asked.offset } : {}),
    ...(asked.minSimilarity === null ? {} : { min_similarity: asked.minSimilarity }),
    ...(asked.explain ? { explain: true } : {}),
    ...(filters.genres.length ? { genre: filters.genres } : {}),
    ...(filters.artists.length ? { artist: filters.artists } : {}),
    ...(filters.yearMin === null ? {} : { year_min: filters.yearMin }),
    ...(filters.yearMax === null ? {} : { year_max: filters.yearMax }),
    ...(filters.minScore === null ? {} : { min_score: filters.minScore }),
    ...(filters.bestNewMusic ? { best_new_music: true } : {}),
    ...(filters.color === null ? {} : { color: filters.color }),
  };
}

async function composedBody(asked: Search, picture: (id: string) => Promise<Blob>): Promise<string> {
  const parts = await Promise.all(
    asked.parts.map(async (part) => {
      const weight = part.weight === 1 ? {} : { weight: part.weight };
      if (part.kind === "text") return { text: part.text, ...weight };
      if (part.kind === "album") return { album_id: part.id, ...weight };
      return { image: await base64(await picture(part.id)), ...weight };
    }),
  );
  return JSON.stringify({ parts, ...composedFields(asked) });
}

async function base64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  // A call may have only some ten thousand arguments.
  for (let start = 0; start < bytes.length; start += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  }
  return btoa(text);
}

function found(result: Result, answer: Answer): Found {
  if (!Array.isArray(result.results)) throw new ServiceError("no_gateway", "the answer is not a result");
  return { result, cache: answer.header("X-Cache") };
}
