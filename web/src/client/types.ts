// The documents that the HTTP API answers with (docs/http.md).

export interface Album {
  id: string;
  artist: string;
  album_name: string;
  genre: string | null;
  genres: string[];
  release_year: number | null;
  pitchfork_score: number | null;
  best_new_music: boolean;
  cover_url: string | null;
  thumbnail_urls?: { "256": string; "512": string } | null;
  metadata?: Record<string, unknown>;
  reviewer?: string | null;
}

export interface Explanation {
  parts: { part: number; contribution: number }[];
  words: { word: string; similarity: number; group: string }[];
}

export interface Match extends Album {
  similarity: number;
  explain?: Explanation;
}

export type Timings = Record<"queue" | "decode" | "embed" | "search" | "total", number>;

export interface Result {
  job_id: string | null;
  query_type: "image" | "text" | "composed" | "album";
  requested?: number | null;
  total_results: number;
  exhausted?: boolean;
  truncated?: boolean;
  results: Match[];
  named?: Album[];
  model: string;
  timings_ms: Timings;
  albums_without_palette?: number | null;
}

export type JobStatus = "queued" | "running" | "succeeded" | "failed" | "canceled";

export interface Job {
  id: string;
  status: JobStatus;
  queue_position: number | null;
  cached: boolean;
  coalesced: boolean;
  error: { code: string; detail: string; problem?: string } | null;
  result: Result | null;
}

export interface Problem {
  status: number;
  title: string;
  detail: string;
  code: string;
  request_id: string | null;
  errors?: { parameter: string; detail: string }[];
}

export interface Facets {
  total_albums: number;
  genres: { genre: string | null; count: number }[];
  decades: { decade: number | null; count: number }[];
  scores: { score: number | null; count: number }[];
  best_new_music: { best_new_music: boolean; count: number }[];
  colors: { color: string | null; hex: string | null; count: number }[];
}

export interface FoundAlbum extends Album {
  match: "exact" | "prefix" | "words" | "similar" | null;
}

export interface Health {
  status: "healthy" | "degraded" | "unhealthy";
  workers: number;
  queue_depth: number;
  total_albums: number;
  problems: Record<string, string>;
}

export interface Stats {
  total_albums: number;
  year_range: { min: number | null; max: number | null };
  pitchfork_scores: { average: number | null; best_new_music_count: number };
  albums_without_palette: number;
}

export interface Durations {
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

export interface CacheFigures {
  hits: number;
  misses: number;
  coalesced: number;
  hit_ratio: number | null;
}

export interface Interval {
  time: string;
  seconds: number;
  count: number;
  status_classes: Record<string, number>;
  duration_ms: Durations;
  cache: CacheFigures;
}

export interface ProcessFigures {
  id: string | null;
  host: string | null;
  pid: number | null;
  version: string | null;
  started_at: string | null;
}

export interface WorkerFigures extends ProcessFigures {
  ready: boolean | null;
  error: string | null;
  model: string | null;
  device: string | null;
  encoder: string | null;
  precision: string | null;
  concurrency: number | null;
  running: number | null;
  runs_per_s: number | null;
}

export interface ServiceFigures {
  time: string | null;
  version: string;
  problems: Record<string, string>;
  queue: {
    depth: number;
    depth_by_kind: Record<string, number>;
    oldest_age_s: number | null;
    parked: number;
    running: number;
    runs_per_s: number | null;
  } | null;
  memory: {
    image_bytes: number;
    image_bytes_max: number;
    shared_bytes: number;
    shared_bytes_max: number;
    redis_bytes: number | null;
    redis_bytes_max: number | null;
  } | null;
  workers: WorkerFigures[] | null;
  gateways: ProcessFigures[] | null;
  requests: {
    window_s: number;
    count: number;
    duration_ms: Durations;
    by_route: { method: string; route: string | null; count: number; duration_ms: Durations }[];
    by_problem: { code: string; status: number; count: number }[];
    intervals: Interval[];
  } | null;
  cache: CacheFigures | null;
}

export interface Ingest {
  id: string;
  name: string;
  source: string;
  state: string;
  phase: string;
  done: number;
  total: number | null;
  per_s: number | null;
  remaining_s: number | null;
  elapsed_s: number;
  added: number;
  changed: number;
  unchanged: number;
  deleted: number;
  left_out: number;
  left_out_by_reason: Record<string, number>;
  first_left_out: { id: string; detail: string }[];
  error: string | null;
}
