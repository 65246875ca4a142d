// Words for a person about each error code: what happened, and what to do.

import { ServiceError } from "../client/http";
import { PictureEmpty, PictureMissing } from "../pictures/store";

/** What a button beside an error does; null means that only trying again can help. */
export type Remedy = "shrink" | "retry" | "wait" | "key" | "remove-picture" | "shorten" | null;

export interface ProblemText {
  title: string;
  advice: string;
  remedy: Remedy;
}

const TEXTS: Record<string, ProblemText> = {
  offline: {
    title: "No connection to the service",
    advice: "Check the network. The search continues by itself when the connection is back.",
    remedy: "retry",
  },
  no_gateway: {
    title: "The service is not reachable",
    advice: "Something between this page and the service answered instead of it. Try again in a moment.",
    remedy: "retry",
  },
  picture_missing: {
    title: "This browser no longer has the picture",
    advice: "It was chosen in another browser or long ago, or its file cannot be read. Choose the picture again.",
    remedy: "remove-picture",
  },
  picture_empty: {
    title: "The file is empty",
    advice: "It has no content, perhaps because it was not copied to its end. Choose another file.",
    remedy: "remove-picture",
  },
  picture_unreadable: {
    title: "The browser cannot make the picture smaller",
    advice: "Save the picture as a smaller JPEG or PNG with another program, and choose it again.",
    remedy: "remove-picture",
  },
  years_reversed: {
    title: "The first year is after the last",
    advice: "No album can be from these years. Change the first or the last year.",
    remedy: "shorten",
  },
  nothing_wanted: {
    title: "Nothing is left to search for",
    advice: "The parts of this search ask only for less, or cancel each other out. Change a part to “more”, or add words or a picture.",
    remedy: "shorten",
  },
  image_too_large: {
    title: "The picture is too large to upload",
    advice: "A smaller copy is just as good for a search. The original stays as it is.",
    remedy: "shrink",
  },
  image_too_many_pixels: {
    title: "The picture has too many pixels",
    advice: "A smaller copy is just as good for a search. The original stays as it is.",
    remedy: "shrink",
  },
  image_too_costly: {
    title: "The picture takes too long to decode",
    advice: "A plain copy of the picture decodes faster and is just as good for a search.",
    remedy: "shrink",
  },
  body_too_large: {
    title: "The pictures are too large together",
    advice: "Smaller copies are just as good for a search.",
    remedy: "shrink",
  },
  unsupported_image: {
    title: "This kind of file cannot be searched",
    advice: "Choose a picture that is saved as JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF.",
    remedy: "remove-picture",
  },
  unsupported_media_type: {
    title: "This kind of file cannot be searched",
    advice: "Choose a picture that is saved as JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF.",
    remedy: "remove-picture",
  },
  undecodable_image: {
    title: "The picture is damaged",
    advice: "The file begins like a picture, but its pixels cannot be read. Choose another copy of it.",
    remedy: "remove-picture",
  },
  image_expired: {
    title: "The upload was not used in time",
    advice: "The service was busy for long. Send the picture again.",
    remedy: "retry",
  },
  decoder_busy: {
    title: "The service is busy with other pictures",
    advice: "Try again in a moment.",
    remedy: "wait",
  },
  decoder_died: {
    title: "The picture could not be decoded",
    advice: "Decoding it failed several times. A plain copy may work.",
    remedy: "shrink",
  },
  request_timeout: {
    title: "The upload took too long",
    advice: "The connection is slow. A smaller copy of the picture uploads faster.",
    remedy: "shrink",
  },
  rate_limited: {
    title: "Too many searches in a short time",
    advice: "The limit protects everyone who uses this service.",
    remedy: "wait",
  },
  queue_full: {
    title: "The service is very busy",
    advice: "More searches are waiting than it can answer in time.",
    remedy: "wait",
  },
  queue_unavailable: {
    title: "The service cannot accept searches now",
    advice: "Its queue does not answer. This is usually over within a minute.",
    remedy: "wait",
  },
  no_worker: {
    title: "No worker is running",
    advice: "The service needs at least one worker that reads pictures and words. Whoever operates it can start one.",
    remedy: "retry",
  },
  deadline_exceeded: {
    title: "The search took too long",
    advice: "The service gave up before the search ended. Try again; if it happens often, the service needs more workers.",
    remedy: "retry",
  },
  attempts_exhausted: {
    title: "The search failed several times",
    advice: "Each attempt ended with an error. Try another picture or other words.",
    remedy: "retry",
  },
  model_unavailable: {
    title: "The model cannot be loaded",
    advice: "The worker has no model to read pictures and words. Whoever operates the service finds the reason in /health.",
    remedy: "retry",
  },
  model_mismatch: {
    title: "The catalog belongs to another model",
    advice: "The albums were read by another model than the one that runs. Whoever operates the service must re-embed the catalog.",
    remedy: "retry",
  },
  catalog_unavailable: {
    title: "The catalog does not answer",
    advice: "The albums cannot be read at the moment. This is usually over within a minute.",
    remedy: "wait",
  },
  catalog_misconfigured: {
    title: "The catalog is not set up correctly",
    advice: "Whoever operates the service finds the cause and the remedy in /health.",
    remedy: "retry",
  },
  unauthorized: {
    title: "This service needs a key",
    advice: "Paste the API key that you were given. It is kept until this tab is closed, and is sent to this service only.",
    remedy: "key",
  },
  forbidden: {
    title: "This key is not allowed to do that",
    advice: "The key has another role. Use a key with more rights, such as an admin key.",
    remedy: "key",
  },
  album_not_found: {
    title: "This album is not in the catalog",
    advice: "It may have been removed since the address was made. Search for another album.",
    remedy: null,
  },
  job_not_found: {
    title: "The search is no longer known",
    advice: "Its answer was not fetched in time. Search again.",
    remedy: "retry",
  },
  job_canceled: {
    title: "The search was canceled",
    advice: "Nothing was found, because the search was stopped before its end.",
    remedy: "retry",
  },
  invalid_parameter: {
    title: "The search contains a value that is not allowed",
    advice: "Change or remove the value.",
    remedy: "shorten",
  },
  malformed_body: {
    title: "The search arrived damaged",
    advice: "Something between this page and the service changed the request. Try again.",
    remedy: "retry",
  },
  headers_too_large: {
    title: "The search is too long",
    advice: "Use fewer words or fewer filters.",
    remedy: "shorten",
  },
  internal: {
    title: "Something went wrong in the service",
    advice: "The log of the service describes the error under the request id below.",
    remedy: "retry",
  },
};

export function problemText(error: unknown): ProblemText {
  const code = codeOf(error);
  const known = Object.hasOwn(TEXTS, code) ? TEXTS[code] : undefined;
  return known ?? { ...(TEXTS["internal"] as ProblemText), advice: "Try again in a moment." };
}

export function codeOf(error: unknown): string {
  if (error instanceof ServiceError) {
    // The page keeps to all other rules for parts and years.
    const [parameter] = error.code === "invalid_parameter" ? error.parameters : [];
    if (parameter === "parts") return "nothing_wanted";
    return parameter === "year_min" ? "years_reversed" : error.code;
  }
  if (error instanceof PictureEmpty) return "picture_empty";
  return error instanceof PictureMissing ? "picture_missing" : "internal";
}
