// The frame of the page: its header, the present view, the dialogs, and the keys that work everywhere.

import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";

import { AlbumDialog } from "../album/dialog";
import { CatalogView } from "../catalog/view";
import type { Part } from "../client/search";
import { html } from "../html";
import { addPicture } from "../pictures/store";
import { CodeDialog } from "../code/dialog";
import { useDroppedPictures } from "../search/query/use_dropped_pictures";
import { SearchView } from "../search/view";
import { ServiceView } from "../service/view";
import { type Address, PARTS_MAX, START, type View } from "./address";
import { useKeptFocus } from "./kept_focus";
import { hrefOf, NavigationContext, onLink, useAddress, useNavigation } from "./navigation";

const VIEWS: readonly [View, string][] = [
  ["search", "Search"],
  ["catalog", "Catalog"],
  ["service", "Service"],
];

export function App(): VNode {
  const navigation = useAddress();
  const { view, album, code } = navigation.address;
  const title = titleOf(navigation.address);
  useEffect(() => {
    document.title = title;
  }, [title]);
  useSearchKey();
  useKeptFocus();
  return html`<${NavigationContext.Provider} value=${navigation}>
    <a class="skip" href="#main">Skip to the content</a>
    <${Header} />
    <${OfflineNote} />
    <main id="main" tabindex="-1">
      ${view === "search" && html`<${SearchView} />`}
      ${view === "catalog" && html`<${CatalogView} />`}
      ${view === "service" && html`<${ServiceView} />`}
    </main>
    ${view !== "search" && html`<${DroppedPictures} />`}
    ${album !== null && html`<${AlbumDialog} key="album" id=${album} />`}
    ${code && album === null && view === "search" && html`<${CodeDialog} />`}
    <div class="drop-note" aria-hidden="true"><p>Drop the picture to search with it</p></div>
  <//>`;
}

function Header(): VNode {
  const { address, go } = useNavigation();
  return html`<header class="header">
    <a class="wordmark" href=${hrefOf(START)} onClick=${onLink(() => go(START))}>
      <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
        <circle cx="16" cy="16" r="12" fill="none" stroke="currentColor" stroke-width="2.5" />
        <circle class="logo-dot" cx="16" cy="16" r="4" />
      </svg>
      Cover search
    </a>
    <nav aria-label="Views">
      ${VIEWS.map(
        ([view, label]) => html`<a
          key=${view}
          href=${hrefOf({ ...START, view })}
          aria-current=${address.view === view ? "page" : undefined}
          onClick=${onLink(() => go({ ...START, view }))}
          >${label}</a
        >`,
      )}
      <a href="../docs">API</a>
    </nav>
  </header>`;
}

function OfflineNote(): VNode {
  const [isOnline, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const update = (): void => setOnline(navigator.onLine);
    addEventListener("online", update);
    addEventListener("offline", update);
    return () => {
      removeEventListener("online", update);
      removeEventListener("offline", update);
    };
  }, []);
  return html`<div role="status">
    ${!isOnline && html`<p class="offline">You are offline. The page continues when the connection is back.</p>`}
  </div>`;
}

/** The key `/` moves the focus to the search field. */
function useSearchKey(): void {
  // Effects without a layout run after the first frame, which a busy machine shows late.
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLElement && event.target.matches("input, select, textarea");
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
      const field = document.getElementById("query") as HTMLInputElement | null;
      if (field === null) return;
      event.preventDefault();
      field.focus();
      field.select();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

function titleOf({ view, parts }: Address): string {
  const words = parts.flatMap((part) => (part.kind === "text" ? [part.text] : []));
  const subject = { search: words.join(", "), catalog: "The catalog", service: "The service" }[view];
  return subject ? `${subject} · Cover search` : "Cover search";
}

/** A picture that is dropped on another view starts a search. */
function DroppedPictures(): null {
  const { go } = useNavigation();
  useDroppedPictures((files) => {
    void Promise.all(files.slice(0, PARTS_MAX).map((file) => addPicture(file, file.name))).then((stored) =>
      go({ ...START, parts: stored.map(({ id }): Part => ({ kind: "image", id, weight: 1 })) }),
    );
  });
  return null;
}
