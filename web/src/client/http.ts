// Sends requests to the HTTP API, and turns refusals into errors that carry the problem's code.

import type { Problem } from "./types";

/** A refusal by the service, or `offline` if the service could not be reached. */
export class ServiceError extends Error {
  constructor(
    readonly code: string,
    readonly detail: string,
    readonly retryAfterS: number | null = null,
    readonly requestId: string | null = null,
    readonly parameters: readonly string[] = [],
  ) {
    super(detail);
  }
}

export interface Connection {
  /** The address of the service, which ends with a slash. */
  base: URL;
  /** The API key, or null to send none. */
  key: () => string | null;
}

export interface Answer {
  status: number;
  header: (name: string) => string | null;
  body: string;
}

export type Query = readonly (readonly [name: string, value: string])[];

export interface Request {
  method: "GET" | "POST";
  path: string;
  query?: Query;
  body?: Blob | string;
  contentType?: string;
  signal?: AbortSignal | undefined;
  onUpload?: ((fraction: number) => void) | undefined;
}

export function addressOf(connection: Connection, request: Pick<Request, "path" | "query">): URL {
  const url = new URL(request.path, connection.base);
  for (const [name, value] of request.query ?? []) url.searchParams.append(name, value);
  return url;
}

export function headersOf(connection: Connection, request: Pick<Request, "contentType">): Record<string, string> {
  const key = connection.key();
  return {
    ...(key === null ? {} : { "X-API-Key": key }),
    ...(request.contentType === undefined ? {} : { "Content-Type": request.contentType }),
  };
}

/** Send a request and return the answer; throw a ServiceError for a status of 400 or more. */
export async function send(connection: Connection, request: Request): Promise<Answer> {
  const answer = request.onUpload ? await sendWithProgress(connection, request) : await sendPlain(connection, request);
  if (answer.status >= 400) throw refusal(answer);
  return answer;
}

export async function getJson<T>(connection: Connection, request: Omit<Request, "method">): Promise<T> {
  return readDocument<T>((await send(connection, { ...request, method: "GET" })).body);
}

/** Return a JSON document; throw a ServiceError if something else answered, such as the login page of a network. */
export function readDocument<T>(body: string): T {
  const read = parsed(body);
  if (typeof read !== "object" || read === null) throw new ServiceError("no_gateway", "the answer is not a JSON document");
  return read as T;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** Return the response of a stream of events. */
export async function openStream(connection: Connection, path: string, signal: AbortSignal | undefined): Promise<Response> {
  const url = addressOf(connection, { path });
  try {
    return await fetch(url, { headers: headersOf(connection, {}), ...(signal ? { signal } : {}) });
  } catch (error) {
    throw unreachable(error, signal);
  }
}

async function sendPlain(connection: Connection, request: Request): Promise<Answer> {
  const { signal } = request;
  try {
    const response = await fetch(addressOf(connection, request), {
      method: request.method,
      headers: headersOf(connection, request),
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(signal ? { signal } : {}),
    });
    return { status: response.status, header: (name) => response.headers.get(name), body: await response.text() };
  } catch (error) {
    throw unreachable(error, signal);
  }
}

// `fetch` reports no progress of an upload, XMLHttpRequest does.
function sendWithProgress(connection: Connection, request: Request): Promise<Answer> {
  const { promise, resolve, reject } = deferred<Answer>();
  // The pictures of the request were read meanwhile; `abort` ends only an exchange that has been sent.
  if (request.signal?.aborted) return Promise.reject(aborted());
  const exchange = new XMLHttpRequest();
  const abort = (): void => exchange.abort();
  exchange.open(request.method, addressOf(connection, request));
  for (const [name, value] of Object.entries(headersOf(connection, request))) exchange.setRequestHeader(name, value);
  exchange.upload.onprogress = (event) => request.onUpload?.(event.lengthComputable ? event.loaded / event.total : 0);
  exchange.upload.onload = () => request.onUpload?.(1);
  exchange.onload = () =>
    resolve({ status: exchange.status, header: (name) => exchange.getResponseHeader(name), body: exchange.responseText });
  exchange.onerror = () => reject(unreachable(new TypeError("network error"), request.signal));
  exchange.onabort = () => reject(aborted());
  request.signal?.addEventListener("abort", abort);
  exchange.send(request.body ?? null);
  return promise.finally(() => request.signal?.removeEventListener("abort", abort));
}

function aborted(): DOMException {
  return new DOMException("aborted", "AbortError");
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((first, second) => {
    resolve = first;
    reject = second;
  });
  return { promise, resolve, reject };
}

function unreachable(error: unknown, signal: AbortSignal | undefined): unknown {
  return signal?.aborted || !(error instanceof TypeError) ? error : new ServiceError("offline", error.message);
}

export function refusal(answer: Answer): ServiceError {
  const problem = readProblem(answer.body);
  return new ServiceError(
    // A proxy in front of the service may answer with a page of its own.
    problem?.code ?? "no_gateway",
    problem?.detail ?? `HTTP status ${answer.status}`,
    readRetryAfter(answer.header("Retry-After")),
    problem?.request_id ?? answer.header("X-Request-Id"),
    problem?.errors?.map((each) => each.parameter) ?? [],
  );
}

/** Return the seconds of `Retry-After`, which is a number or, from some proxies, a date. */
function readRetryAfter(value: string | null): number | null {
  if (!value) return null;
  const seconds = /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}

function readProblem(body: string): Problem | null {
  const read = parsed(body) as Problem | null;
  return typeof read?.code === "string" ? read : null;
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
