// An error in a person's words, with a button for what to do.

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

import { ServiceError } from "../client/http";
import { html } from "../html";
import { keepKey, keyIn, readKey } from "../shell/session";
import { useReconnection } from "./reconnection";
import { codeOf, problemText } from "./texts";

interface ProblemPanelProps {
  error: unknown;
  onRetry: () => void;
  onShrink?: (() => void) | undefined;
  onRemovePicture?: (() => void) | undefined;
}

export function ProblemPanel({ error, onRetry, onShrink, onRemovePicture }: ProblemPanelProps): VNode {
  const { title, advice, remedy } = problemText(error);
  const detail = error instanceof ServiceError ? error : null;
  useReconnection(codeOf(error) === "offline" ? error : null, onRetry);
  return html`<section class="problem" role="alert" data-code=${codeOf(error)}>
    <h2>${title}</h2>
    <p>${advice}</p>
    ${detail && codeOf(error) === "invalid_parameter" && html`<p>The service says: <bdi>${detail.detail}</bdi>.</p>`}
    ${remedy === "key" && html`<${KeyForm} onKept=${onRetry} />`}
    ${remedy === "wait" && html`<${Countdown} key=${error} seconds=${detail?.retryAfterS ?? 5} onRetry=${onRetry} />`}
    <div class="actions">
      ${remedy === "shrink" &&
      onShrink &&
      html`<button type="button" class="button button-main" onClick=${onShrink}>Shrink the picture and search</button>`}
      ${(remedy === "shrink" || remedy === "remove-picture") &&
      onRemovePicture &&
      html`<button type="button" class="button" onClick=${onRemovePicture}>Remove the picture</button>`}
      ${remedy === "retry" && html`<button type="button" class="button button-main" onClick=${onRetry}>Try again</button>`}
    </div>
    ${detail &&
    html`<details class="problem-detail">
      <summary>Details</summary>
      <p><code>${detail.code}</code>: <span dir="auto">${detail.detail}</span></p>
      ${detail.requestId && html`<p>Request id: <code>${detail.requestId}</code></p>`}
    </details>`}
  </section>`;
}

function Countdown({ seconds, onRetry }: { seconds: number; onRetry: () => void }): VNode {
  const [end] = useState(() => performance.now() + 1000 * Math.max(1, seconds));
  const remaining = (): number => Math.ceil((end - performance.now()) / 1000);
  const [left, setLeft] = useState(remaining);
  useEffect(() => {
    // Browsers call the timers of hidden tabs rarely.
    const timer = setInterval(() => setLeft(remaining()), 1000);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    if (left <= 0) onRetry();
  }, [left <= 0]);
  return html`<p class="countdown">
    Trying again in <span class="countdown-number">${Math.max(0, left)}</span> s.
    <button type="button" class="button" onClick=${onRetry}>Try now</button>
  </p>`;
}

export function KeyForm({ onKept }: { onKept: () => void }): VNode {
  const [key, setKey] = useState(readKey() ?? "");
  const submit = (event: Event): void => {
    event.preventDefault();
    keepKey(key);
    onKept();
  };
  return html`<form class="key-form" onSubmit=${submit}>
    <label for="api-key">API key</label>
    <div class="key-row">
      <input
        id="api-key"
        type="password"
        autocomplete="off"
        spellcheck=${false}
        required
        value=${key}
        onInput=${(event: Event) => {
          const input = event.target as HTMLInputElement;
          input.value = keyIn(input.value);
          setKey(input.value);
        }}
      />
      <button class="button button-main">Use this key</button>
    </div>
  </form>`;
}
