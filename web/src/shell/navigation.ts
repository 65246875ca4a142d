// Changes the address, and tells the page when the address has changed.

import { createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { type Address, readAddress, START, writeAddress } from "./address";

export type Go = (change: Partial<Address>, options?: { replace?: boolean }) => void;

export interface Navigation {
  address: Address;
  /** Whether the address was reached by going back or forward. */
  isRevisited: boolean;
  go: Go;
  /** Close a dialog: go back if the page itself opened the dialog, else remove it from the address. */
  close: (change: Partial<Address>) => void;
}

export const NavigationContext = createContext<Navigation>({
  address: START,
  isRevisited: false,
  go: () => undefined,
  close: () => undefined,
});

export function useNavigation(): Navigation {
  return useContext(NavigationContext);
}

/** Return the address of a state for links, so that they can be opened in another tab. */
export function hrefOf(address: Address): string {
  return `./${writeAddress(address)}`;
}

/** Handle a click on a link of the page, unless the user wants another tab. */
export function onLink(navigate: () => void): (event: MouseEvent) => void {
  return (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0) return;
    event.preventDefault();
    navigate();
  };
}

export function useAddress(): Navigation {
  const [{ address, isRevisited }, setVisited] = useState(() => ({ address: readAddress(location.search), isRevisited: false }));
  const isGoingBack = useRef(false);
  const revisit = useScrollPositions();
  useEffect(() => {
    const read = (): void => {
      isGoingBack.current = false;
      revisit(entry().depth);
      setVisited({ address: readAddress(location.search), isRevisited: true });
    };
    addEventListener("popstate", read);
    return () => removeEventListener("popstate", read);
  }, []);
  const go: Go = (change, options) => {
    const before = readAddress(location.search);
    const next = { ...before, ...change };
    if (writeAddress(next) === location.search && !options?.replace) return;
    if (options?.replace) {
      history.replaceState(history.state, "", hrefOf(next));
    } else {
      const { depth, opener } = entry();
      positions.set(depth, scrollY);
      positions.delete(depth + 1);
      const state: Entry = { depth: depth + 1, opener: hasDialog(before) ? opener : depth };
      history.pushState(state, "", hrefOf(next));
    }
    setVisited({ address: readAddress(location.search), isRevisited: false });
    if (writeAddress(withoutDialog(next)) !== writeAddress(withoutDialog(before))) showBeginning();
  };
  const close = (change: Partial<Address>): void => {
    const { depth, opener } = entry();
    // The history goes back later, and must not go back further if the dialog is closed twice meanwhile.
    if (isGoingBack.current) return;
    isGoingBack.current = opener !== null;
    if (opener === null) go(change, { replace: true });
    else history.go(opener - depth);
  };
  return { address, isRevisited, go, close };
}

// How far each entry of the history was scrolled down, by the depth of the entry.
const positions = new Map<number, number>();

/** Keep the scroll positions; return a function that scrolls to the position of an entry once the entry is drawn. */
function useScrollPositions(): (depth: number) => void {
  const target = useRef<number | undefined>(undefined);
  useEffect(() => {
    const keep = (): void => void positions.set(entry().depth, scrollY);
    addEventListener("scroll", keep, { passive: true });
    return () => removeEventListener("scroll", keep);
  }, []);
  // The browser itself may restore the position before the results are drawn, when the page is too short.
  useLayoutEffect(() => {
    const top = target.current;
    target.current = undefined;
    if (top !== undefined) requestAnimationFrame(() => scrollTo(0, top));
  });
  return (depth) => {
    target.current = positions.get(depth);
  };
}

/** The state of an entry of the history. */
interface Entry {
  /** The number of entries that the page has added before this entry. */
  depth: number;
  /** The depth of the entry from which the present dialog was opened, or null if the page began with the dialog. */
  opener: number | null;
}

function entry(): Entry {
  return (history.state as Entry | null) ?? { depth: 0, opener: null };
}

function withoutDialog(address: Address): Address {
  return { ...address, album: null, code: false };
}

/** Scroll back to the heading if a person leaves a view or results from further down. */
function showBeginning(): void {
  const heading = document.querySelector("main h1");
  if (heading !== null && heading.getBoundingClientRect().bottom < 0) heading.scrollIntoView();
}

function hasDialog(address: Address): boolean {
  return address.album !== null || address.code;
}
