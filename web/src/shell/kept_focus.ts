// Keeps the focus on the page when the focused element is removed; browsers would move the focus to the body.

import { useEffect } from "preact/hooks";

/** Move the focus from a removed element to the heading, or to the end of the results, that stands in its place. */
export function useKeptFocus(): void {
  useEffect(() => {
    let last: Element | null = null;
    const focused = (event: FocusEvent): void => {
      last = event.target as Element;
    };
    // A person who moves the focus away leaves an element that stays on the page.
    const blurred = (): void =>
      queueMicrotask(() => {
        if (last?.isConnected && document.activeElement === document.body) last = null;
      });
    const observer = new MutationObserver(() => {
      if (last === null || last.isConnected || document.activeElement !== document.body) return;
      successorOf(last)?.focus({ preventScroll: true });
    });
    document.addEventListener("focusin", focused);
    document.addEventListener("focusout", blurred);
    observer.observe(document.body, { childList: true, subtree: true });
    return () => {
      document.removeEventListener("focusin", focused);
      document.removeEventListener("focusout", blurred);
      observer.disconnect();
    };
  }, []);
}

function successorOf(removed: Element): HTMLElement | null {
  const inDialog = document.querySelector<HTMLElement>("dialog[open] .dialog-close");
  if (inDialog !== null) return inDialog;
  const end = removed.matches(".load-more") ? document.querySelector<HTMLElement>(".end") : null;
  return end ?? document.querySelector<HTMLElement>("main h1");
}
